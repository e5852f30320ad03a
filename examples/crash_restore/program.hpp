// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "assignment.hpp"
#include "company.hpp"
#include "json_report.hpp"
#include "narrator.hpp"
#include "options.hpp"
#include "outcome.hpp"
#include "scratch_folder.hpp"
#include "signal_watch.hpp"
#include "story.hpp"
#include "worker.hpp"
#include "workspace.hpp"

#include <podscope/enforce/landlock_ruleset.hpp>
#include <podscope/podscope.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <sys/prctl.h>

namespace demo {

inline constexpr int all_holds = 0;
inline constexpr int something_failed = 1;
inline constexpr int not_run = 2;
inline constexpr int not_enforced = 3;

/// As a process of the team.
template <class Backing>
[[nodiscard]] int be_a_process(const assignment& given) {
    const channel line{owned_fd{given.line}};
    ::prctl(PR_SET_NAME, given.label.c_str()); // what ps and top show
    auto done = podscope::guarded([&] { return work<Backing>(given, line); });
    if (!done) {
        (void)line.send(podscope::result<ready>{podscope::fail(done)});
        return something_failed;
    }
    return all_holds;
}

/// Tells the story, in a scratch folder.
template <class Backing>
[[nodiscard]] podscope::result<outcome> play(const options& wanted, signal_watch& signals) {
    auto folder = scratch_folder::make(wanted.folder, wanted.keep);
    if (!folder) {
        return podscope::fail(folder);
    }
    const std::string team_file{PODSCOPE_EXAMPLE_FOLDER "/team.toml"};
    auto place = workspace::read(team_file, folder->path());
    if (!place) {
        return podscope::fail(place);
    }
    auto service = Backing::service::start(folder->path());
    if (!service) {
        return podscope::fail(service);
    }
    auto world = Backing::open(folder->path());
    if (!world) {
        return podscope::fail(world);
    }
    const narrator told_by{wording{*place}, "examples/crash_restore/team.toml", wanted.json};
    company everybody{signals, folder->path(), team_file};
    auto seen = story{everybody, *world, *place, told_by, wanted.enforce}.tell();
    if (wanted.json) {
        std::puts(json_report{*place}.write(seen).c_str());
    } else if (wanted.keep) {
        std::printf("Everything is left in %s\n", folder->path().c_str());
    }
    return seen;
}

/// The program, with what it was given; its exit status is what options.hpp says.
template <class Backing>
[[nodiscard]] int run(const std::vector<std::string>& arguments) {
    if (const auto given = assignment::from(arguments)) {
        return be_a_process<Backing>(*given);
    }
    auto wanted = read_options(arguments);
    if (!wanted) {
        std::fprintf(stderr, "crash_restore: %s\n", wanted.error().message.c_str());
        return not_run;
    }
    if (wanted->help) {
        std::fputs(help, stdout);
        return all_holds;
    }
    namespace landlock = podscope::enforce::landlock;
    if (wanted->enforce && landlock::abi() < landlock::abi_of_truncate) {
        std::fprintf(stderr,
                     "crash_restore: enforcement cannot be shown: it needs Landlock with ABI %d, "
                     "and this kernel has ABI %d (0 is none)\n",
                     landlock::abi_of_truncate, landlock::abi());
        return not_enforced;
    }
    ::signal(SIGPIPE, SIG_IGN); // whoever reads this may go, and there is still a folder to remove
    auto signals = signal_watch::open();
    auto seen = signals ? play<Backing>(*wanted, *signals)
                        : podscope::result<outcome>{podscope::fail(signals)};
    if (signals && signals->asked_to_stop() != 0) {
        return 128 + signals->asked_to_stop();
    }
    if (!seen) {
        const auto why = to_string(seen.error());
        std::fprintf(stderr, "crash_restore: %s\n", why.c_str());
        if (wanted->json) {
            std::puts(json_report::write(seen.error()).c_str());
        }
        return not_run;
    }
    return seen->holds() ? all_holds : something_failed;
}

/// The same from `main`, where nothing may be thrown any more.
template <class Backing>
[[nodiscard]] int run(int argc, char** argv) {
    try {
        return run<Backing>(std::vector<std::string>{argv + 1, argv + argc});
    } catch (const std::exception& thrown) {
        std::fprintf(stderr, "crash_restore: %s\n", thrown.what());
        return not_run;
    }
}

} // namespace demo
