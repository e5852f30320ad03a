// SPDX-License-Identifier: BSL-1.0
// The kits for probes, sinks, session stores and namespaces: what the library has keeps its
// promises, and each flaw is found by the name of the promise that it breaks.
#include "probe/processes.hpp"
#include "probe/sockets.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "verify/flawed_names.hpp"
#include "verify/flawed_parts.hpp"

#include <podscope/probe/combinators.hpp>
#include <podscope/probe/default_probe.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/scope/canonical_path.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/sink/queue.hpp>
#include <podscope/sink/session_log.hpp>
#include <podscope/sink/tee.hpp>
#include <podscope/verify/conformance.hpp>
#include <podscope/verify/conformance/catch2.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope;
using namespace podscope::verify;
using namespace verify_test;
using podscope_test::temporary_folder;

template <class Flaw>
struct expectation {
    Flaw which;
    std::string_view promise;
};

// Each flaw is found, and each promise is broken by one of them.
template <class Flaw, class Check>
void check_each(const std::vector<expectation<Flaw>>& all, Check check) {
    std::set<std::string> tried;
    for (const auto& [which, name] : all) {
        const auto report = check(which);
        CAPTURE(static_cast<int>(which), report.to_text());
        const auto found = std::ranges::find(report.promises, name, &promise::name);
        REQUIRE(found != report.promises.end());
        CHECK(found->found == standing::broken);
        tried.emplace(name);
    }
    const auto without = check(Flaw::none);
    PODSCOPE_CHECK_PROMISES(without);
    for (const auto& one : without.promises) {
        CAPTURE(one.name);
        CHECK(tried.contains(one.name));
    }
}

struct probed {
    probe_flaw which;

    auto open() { return flawed_probe{which}; }

    std::vector<known_subject> known() {
        std::vector<known_subject> all;
        for (const auto* name : {"living", "dead", "stranger", "living"}) {
            all.push_back({{.pod = name}, flawed_probe::said_of(name)});
        }
        return all;
    }

    std::vector<probe_subject> hung() { return {{.pod = "hung"}}; }
};

struct told {
    sink_flaw which;
    std::shared_ptr<flawed_sink::other_side> to = std::make_shared<flawed_sink::other_side>();

    auto open() { return flawed_sink{which, to}; }

    std::vector<std::string> taken() { return to->ids; }

    void refuse(bool on) { to->refuses = on; }
};

struct logged {
    session_flaw which;
    memory_sessions sessions{};
    std::shared_ptr<flawed_sessions::shared> with = std::make_shared<flawed_sessions::shared>();
    std::weak_ptr<memory_sessions> while_open{};

    auto open() {
        if (which == session_flaw::forgets_on_close) {
            auto all = while_open.lock();
            if (!all) {
                all = std::make_shared<memory_sessions>();
                while_open = all;
            }
            return flawed_sessions{which, *all, with, all};
        }
        return flawed_sessions{
            which, which == session_flaw::keeps_to_itself ? memory_sessions{} : sessions, with};
    }
};

const namespace_samples paths{
    .places = {{"/", "//", "/."},
               {"/a", "//a", "/a/", "/a/.", "/b/../a"},
               {"/A"},
               {"/a/b", "/a//b", "/a/b/."},
               {"/ab"},
               {"/a b\x01"}},
    .below = {{"/", "/a"}, {"/a", "/a/b"}, {"/a", "/a/b/c"}},
    .refused = {"a", "/..", "./a", "/a/../.."},
};

// A process that lives and one that is gone, and sockets that answer to nobody.
struct over_processes {
    temporary_folder folder{};
    podscope_test::child_process living{[](const auto& voice) {
        voice.say(this_process().value());
        podscope_test::hang();
    }};
    podscope_test::child_process dead{[](const auto& voice) { voice.say(this_process().value()); }};
    podscope_test::plain_socket deaf{folder / "socket"};
    process_identity alive = living.identity();
    process_identity gone = dead.identity();
    bool is_gone = (dead.kill_and_reap(), true);

    auto open() { return process_probe{}; }

    std::vector<known_subject> known() {
        auto elsewhere = alive;
        elsewhere.pid_namespace += 1;
        return {{{.pod = "living", .owner = alive}, verdict::reachable},
                {{.pod = "gone", .owner = gone}, verdict::missing},
                {{.pod = "elsewhere", .owner = elsewhere}, verdict::unknown}};
    }
};

struct over_sockets : over_processes {
    auto open() { return default_probe{}; }

    std::vector<probe_subject> hung() {
        return {{.pod = "hung", .owner = alive, .endpoint = "unix:" + (folder / "socket")}};
    }
};

struct to_queue {
    queue_sink queue{};
    std::vector<std::string> all{};

    auto open() { return queue; }

    std::vector<std::string> taken() {
        for (auto& one : queue.drain()) {
            all.push_back(std::move(one.id));
        }
        return all;
    }
};

struct to_log {
    memory_sessions sessions{};
    std::string segment = sessions.create({}).value();
    session_log_sink<memory_sessions, lexical_path> log{sessions, lexical_path{}, segment};

    auto open() { return log; }

    std::vector<std::string> taken() {
        std::vector<std::string> ids;
        (void)sessions.read(segment, 0, [&](auto, const session_entry& entry) {
            constexpr std::string_view before = R"("id":")";
            const auto first = entry.body.find(before) + before.size();
            ids.push_back(entry.body.substr(first, entry.body.find('"', first) - first));
            return scan::next;
        });
        return ids;
    }

    void refuse(bool on) { log.set_segment(on ? std::string{} : segment); }
};

} // namespace

TEST_CASE("F42 the kit names what a probe breaks", "[concurrent]") {
    using enum probe_flaw;
    check_each<probe_flaw>(
        {{turns_slots_around, "each verdict is in the slot of its subject"},
         {throws_for_nobody, "nobody may be asked about"},
         {stops_at_a_hundred, "many may be asked about at once"},
         {alternates, "a question changes no later answer"},
         {keeps_subjects_between_threads, "threads may ask at once"},
         {probe_flaw::throws_in_threads, "threads may ask at once"},
         {thinks_late_is_dead, "a deadline that is over makes nobody dead or alive"},
         {thinks_late_is_alive, "a deadline that is over makes nobody dead or alive"},
         {condemns_who_hangs, "the deadline is for all together"},
         {waits_for_each, "the deadline is for all together"},
         {gives_up_all_at_once, "those that hang make nobody else dead"}},
        [](probe_flaw which) {
            return check_probe([which] { return probed{which}; },
                               {.patience = std::chrono::seconds{2}});
        });
}

TEST_CASE("F42 the kit names what a sink breaks", "[concurrent]") {
    using enum sink_flaw;
    check_each<sink_flaw>(
        {{loses_every_second, "what it answered success for is taken"},
         {hides_after_a_repeat, "the same may be told again and hides no other"},
         {refuses_adoptions, "all that a notification may hold is taken"},
         {sink_flaw::loses_among_threads, "threads may tell at once"},
         {sink_flaw::throws_in_threads, "threads may tell at once"},
         {fails_in_silence, "a refusal is an error and what was refused is taken later"},
         {remembers_what_it_refused, "a refusal is an error and what was refused is taken later"}},
        [](sink_flaw which) { return check_sink([which] { return told{which}; }); });
}

TEST_CASE("F42 the kit names what a session store breaks", "[concurrent]") {
    using enum session_flaw;
    check_each<session_flaw>(
        {{starts_one_later, "a segment gives back its entries in order from any index on"},
         {ignores_stop, "a visitor that says stop is not called again"},
         {loses_lineage, "a fresh segment has its lineage and no entry"},
         {lists_too_few, "segments have ids of their own and are listed"},
         {has_one_segment, "what one segment gets does not reach another"},
         {cuts_newlines, "kind and body come back byte by byte"},
         {takes_any_bytes, "text that is not UTF-8 is refused and nothing is kept of it"},
         {makes_what_is_not_there, "a segment that is not there is unknown"},
         {reads_what_comes, "a read sees what stood when it began"},
         {keeps_to_itself, "handles share the segments"},
         {forgets_on_close,
          "what was appended is there when the store is opened again and goes on from there"},
         {counts_by_handle, "a reader beside a writer sees a growing history without a gap"},
         {shows_wrong_indices, "a reader beside a writer sees a growing history without a gap"},
         {changes_bodies, "a reader beside a writer sees a growing history without a gap"},
         {miscounts, "a reader beside a writer sees a growing history without a gap"},
         {counts_from_elsewhere, "a reader beside a writer sees a growing history without a gap"},
         {counts_from_elsewhere, "threads that append get an index each"},
         {guesses_indices, "threads that append get an index each"},
         {session_flaw::throws_in_threads, "threads that append get an index each"},
         {session_flaw::loses_among_threads, "segments made by several threads are all there"}},
        [](session_flaw which) { return check_session_store([which] { return logged{which}; }); });
}

TEST_CASE("F42 the kit names what a namespace breaks", "[concurrent]") {
    using enum name_flaw;
    check_each<name_flaw>(
        {{keeps_dots, "texts of one place give one resource"},
         {folds_case, "different places give different resources"},
         {shows_no_root, "what is displayed resolves to the same"},
         {knows_no_levels, "what lies below a place lies below its resource"},
         {forgets_levels, "what lies below a place lies below its resource"},
         {has_empty_levels, "no component is empty or holds a NUL"},
         {takes_nul, "what names no place is an invalid target"},
         {knows_no_root, "what is resolved is a place"},
         {shares_a_buffer, "threads may resolve at once"},
         {name_flaw::throws_in_threads, "threads may resolve at once"}},
        [](name_flaw which) { return check_namespace(flawed_names{which}, paths); });
}

TEST_CASE("a kit that has nothing to try a promise with says so") {
    const std::vector<std::string> refusal{"what names no place is an invalid target"};
    CHECK(check_namespace(lexical_path{}, {.refused = {"a"}}).names(standing::held) == refusal);
    CHECK(check_namespace(lexical_path{}, {.places = {{"/a"}, {}}}).names(standing::held) ==
          refusal);
    CHECK(check_namespace(lexical_path{}, {.places = {{"/a"}}}).names(standing::deviates) ==
          std::vector<std::string>{"what lies below a place lies below its resource"});

    struct without_hung : probed {
        std::vector<probe_subject> hung() { return {}; }
    };

    const auto report = check_probe([] { return without_hung{{probe_flaw::none}}; });
    CHECK(report.names(standing::broken) ==
          std::vector<std::string>{"the deadline is for all together",
                                   "those that hang make nobody else dead"});
}

TEST_CASE("F42 a kit that gets no part to try says why of each promise") {
    struct no_probe : probed {
        result<flawed_probe> open() { return fail({.category = errc::io, .message = "no part"}); }
    };

    struct no_sink : told {
        result<flawed_sink> open() { return fail({.category = errc::io, .message = "no part"}); }
    };

    struct no_sessions {
        result<memory_sessions> open() {
            return fail({.category = errc::io, .message = "no part"});
        }
    };

    struct knows_nobody : probed {
        std::vector<known_subject> known() { return {}; }
    };

    const auto check = [](const conformance_report& report, std::string_view why) {
        CAPTURE(report.to_text());
        for (const auto& each : report.promises) {
            CHECK(each.found == standing::broken);
            CHECK(each.shown.find(why) != std::string::npos);
        }
    };
    check(check_probe([] { return no_probe{{probe_flaw::none}}; }), "no part");
    check(check_sink([] { return no_sink{{sink_flaw::none}}; }), "no part");
    check(check_session_store([] { return no_sessions{}; }), "no part");
    check(check_probe([] { return knows_nobody{{probe_flaw::none}}; }), "its place knows nobody");
}

TEST_CASE("the library's probes keep all that probes promise", "[concurrent]") {
    PODSCOPE_CHECK_PROMISES(check_probe([] { return over_processes{}; }));
    PODSCOPE_CHECK_PROMISES(
        check_probe([] { return over_sockets{}; }, {.patience = std::chrono::seconds{5}}));
}

TEST_CASE("the library's sinks keep all that sinks promise", "[concurrent]") {
    PODSCOPE_CHECK_PROMISES(check_sink([] { return to_queue{}; }));
    PODSCOPE_CHECK_PROMISES(check_sink([] { return to_log{}; }));
}

TEST_CASE("F36 the library's namespaces keep all that namespaces promise", "[concurrent]") {
    PODSCOPE_CHECK_PROMISES(check_namespace(lexical_path{}, paths));
    const temporary_folder folder;
    std::filesystem::create_directory(folder / "real");
    std::filesystem::create_directory_symlink(folder / "real", folder / "link");
    PODSCOPE_CHECK_PROMISES(check_namespace(
        canonical_path{},
        {.places = {{folder / "real", folder / "link", folder / "link/."},
                    {folder / "real/x", folder / "link/x"},
                    {folder / "other"}},
         .below = {{folder / "link", folder / "real/x"}, {folder / "real", folder / "link/x/y"}},
         .refused = {"real", "../real"}}));
}
