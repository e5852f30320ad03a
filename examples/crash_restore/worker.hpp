// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/channel.hpp"
#include "assignment.hpp"
#include "backing.hpp"
#include "messages.hpp"
#include "workspace.hpp"

#include <podscope/enforce/confine.hpp>
#include <podscope/podscope.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace demo {

/// How long a restore waits for answers. One that lives answers at once; one that hangs costs all
/// of it.
inline constexpr std::chrono::milliseconds probe_time{1000};

/// A process of the team at work: it holds one pod, answers for it at a socket, and does what the
/// demo tells it.
template <class Pod>
class worker {
public:
    worker(Pod pod, podscope::queue_sink told, const workspace& place, std::string folder)
        : pod_{std::move(pod)},
          told_{std::move(told)},
          place_{&place},
          folder_{std::move(folder)} {}

    [[nodiscard]] ready introduce() {
        return {.pod = pod_.name(), .granted = pod_.granted(), .told = told_.drain()};
    }

    [[nodiscard]] podscope::epoch granted() const noexcept { return pod_.granted(); }

    /// Takes what was said on the line, and answers it there. Errors: `unavailable` once nobody is
    /// at its other end, and those of the line.
    [[nodiscard]] podscope::result<void> obey(const channel& line) {
        auto given = line.take<order>();
        if (!given) {
            return {};
        }
        if (!*given) {
            return podscope::fail(*given);
        }
        switch ((*given)->what) {
        case verb::delegate: return line.send(delegate((*given)->child));
        case verb::write: return line.send(podscope::result<attempts>{write((*given)->files)});
        case verb::recall: return line.send(recall());
        case verb::reconcile: return line.send(changes(pod_.reconcile(probe_time)));
        case verb::release: return line.send(changes(pod_.release()));
        case verb::confine: return line.send(confine());
        case verb::trespass:
            return line.send(podscope::result<attempts>{trespass((*given)->files)});
        }
        return {};
    }

private:
    [[nodiscard]] podscope::result<granted_pod> delegate(const std::string& child) {
        auto team = place_->team_of(child);
        if (!team) {
            return podscope::fail(team);
        }
        auto made = pod_.delegate(team->pod);
        if (!made) {
            return podscope::fail(made);
        }
        return granted_pod{.grant = made->to_text()};
    }

    // What this example is about: look, then write.
    [[nodiscard]] attempt write(const std::string& file) {
        if (auto may = pod_.check(file, podscope::permission::write); !may) {
            return {.file = file,
                    .category = std::string{to_string(may.error().category)},
                    .sentence = may.error().message};
        }
        std::ofstream out{file};
        out << "written by " << pod_.name() << " under epoch "
            << static_cast<std::uint64_t>(pod_.granted()) << '\n';
        out.close();
        if (!out) {
            return {.file = file, .category = "io", .sentence = "the file cannot be written"};
        }
        return {.file = file, .written = true};
    }

    [[nodiscard]] attempts write(const std::vector<std::string>& files) {
        attempts all;
        for (const auto& file : files) {
            all.made.push_back(write(file));
        }
        return all;
    }

    // Beside its scope it needs what its runtime works with: where things are stored, the sockets,
    // and what /proc says of other processes.
    [[nodiscard]] podscope::result<changed> confine() const {
        namespace enforce = podscope::enforce;
        auto around = enforce::surroundings::of_programs()
                          .may_write(state_folder(folder_))
                          .may_write(folder_ + "/sockets")
                          .may_read("/proc");
        auto done = enforce::confine_self<enforce::exact>(pod_, {.around = std::move(around)});
        if (!done) {
            return podscope::fail(done);
        }
        return changed{.anything = true};
    }

    [[nodiscard]] static attempts trespass(const std::vector<std::string>& files) {
        attempts all;
        for (const auto& file : files) {
            const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            const int code = fd < 0 ? errno : 0;
            if (fd >= 0) {
                ::close(fd);
            }
            all.made.push_back({.file = file,
                                .written = code == 0,
                                .category = code == EACCES ? "kernel"
                                            : code == 0    ? ""
                                                           : "io",
                                .sentence = std::generic_category().message(code)});
        }
        return all;
    }

    [[nodiscard]] podscope::result<memory> recall() const {
        auto now = pod_.current_scope();
        if (!now) {
            return podscope::fail(now);
        }
        return memory{.layers = now->layers()};
    }

    static podscope::result<changed> changes(podscope::result<podscope::reconcile_report> done) {
        if (!done) {
            return podscope::fail(done);
        }
        return changed{.anything = done->changed()};
    }

    Pod pod_;
    podscope::queue_sink told_;
    const workspace* place_;
    std::string folder_;
};

/// Gets the pod that a process was started for, in the way that it was told to.
template <class World>
[[nodiscard]] podscope::result<typename World::pod> take_up(World& world,
                                                            const assignment& given,
                                                            const podscope::team& part,
                                                            const std::string& endpoint) {
    if (given.way == "adopt") {
        auto shown = podscope::grant::from_text(given.what);
        if (!shown) {
            return podscope::fail(shown);
        }
        return world.adopt(*shown, {.endpoint = endpoint});
    }
    if (given.way == "restore") {
        auto back = world.restore(given.what, {.endpoint = endpoint, .probe_time = probe_time});
        if (!back) {
            return podscope::fail(back);
        }
        return std::move(back->pod);
    }
    return world.create(part.pod, {.endpoint = endpoint});
}

/// The life of a process of the team, until the demo hangs up.
template <class Backing>
[[nodiscard]] podscope::result<void> work(const assignment& given, const channel& line) {
    const auto pod = given.pod();
    auto place = workspace::read(given.team, given.folder);
    if (!place) {
        return podscope::fail(place);
    }
    auto part = place->team_of(pod);
    if (!part) {
        return podscope::fail(part);
    }
    podscope::queue_sink told;
    auto world = Backing::open(given.folder, podscope::use::sink(told));
    if (!world) {
        return podscope::fail(world);
    }
    auto answers = podscope::responder::open(given.folder + "/sockets/" + given.label, pod);
    if (!answers) {
        return podscope::fail(answers);
    }
    auto mine = take_up(*world, given, *part, answers->endpoint());
    if (!mine) {
        return podscope::fail(mine);
    }
    worker self{std::move(*mine), told, *place, given.folder};
    if (auto done = answers->announce(self.granted()); !done) {
        return done;
    }
    if (auto said = line.send(podscope::result<ready>{self.introduce()}); !said) {
        return said;
    }
    for (;;) {
        std::array<pollfd, 2> watched{pollfd{line.descriptor(), POLLIN, 0},
                                      pollfd{answers->descriptor(), POLLIN, 0}};
        (void)::poll(watched.data(), watched.size(), -1);
        if (watched[1].revents != 0) {
            if (auto served = answers->serve_ready(); !served) {
                return served;
            }
        }
        if (watched[0].revents != 0) {
            if (auto obeyed = self.obey(line); !obeyed) {
                const bool hung_up = obeyed.error().category == podscope::errc::unavailable;
                return hung_up ? podscope::result<void>{} : obeyed;
            }
        }
    }
}

} // namespace demo
