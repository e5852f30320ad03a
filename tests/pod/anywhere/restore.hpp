// SPDX-License-Identifier: BSL-1.0
// What may happen while a pod is restored.
#pragma once

#include "support/anywhere.hpp"
#include "support/crew.hpp"

#include <podscope/pod/self.hpp>
#include <podscope/probe/callback.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/sink/queue.hpp>
#include <podscope/store/pod_store.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace podscope_test::restoring {

using podscope::end_reason;
using podscope::errc;
namespace tables = podscope::tables;

// What a probe, then a sink, then the caller find when their turn comes.
PODSCOPE_TEST_ANYWHERE(
    "S4 a restore probes and changes the registry and tells and only then is usable", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("child");
    auto& former = c.kill("planner");
    const auto before = c.state();

    std::vector<std::string> turns;
    auto probe = c.own_probe();
    c.use([&c, &turns, &before, probe] {
        return any_probe::of(podscope::callback_probe{
            [&, probe](const podscope::probe_subject& subject, podscope::deadline until) mutable {
                turns.push_back("probed " + subject.pod);
                CHECK(c.state() == before);
                auto found = podscope::verdict::unknown;
                probe.probe({&subject, 1}, until, {&found, 1});
                return found;
            }});
    });
    bool is_had = false;
    c.use([&] {
        return any_sink::of(podscope::callback_sink{[&](const podscope::notification& told) {
            turns.push_back("told " + told.id);
            CHECK_FALSE(is_had);
            const auto now = c.state();
            // The runtime state is changed, the history written, the notification still queued.
            CHECK(now.template of<tables::allocations>().at("planner").granted > former.granted());
            CHECK_FALSE(now.template of<tables::allocations>().contains("child"));
            CHECK(standing_layers(now, "planner").empty());
            CHECK(rows_of<tables::history>(now, "planner").size() == 1);
            CHECK(rows_of<tables::outbox>(now, "planner").size() == 1);
        }});
    });
    auto back = must(c.try_restore("planner"));
    is_had = true;
    CHECK(turns.size() == 3);
    CHECK(turns.back().starts_with("told ended/planner/child/"));
    CHECK(std::set(turns.begin(), turns.end() - 1) ==
          std::set<std::string>{"probed child", "probed planner"});
    CHECK(c.state().template of<tables::outbox>().empty());
    must(back.pod.check("/ws/a/f", permission::write));
}

// As if this process had been given the pid of one that died.
PODSCOPE_TEST_ANYWHERE("F17 an allocation whose process has lost its pid to another is stale",
                       "[pod]") {
    const Place backend;
    using parts = typename crew_in<Place>::parts;
    const auto runtime_of = [&](podscope::process_identity who) {
        return podscope::basic_runtime<parts>{{backend.open(),
                                               backend.open_sessions(),
                                               any_probe::of(podscope::process_probe{}),
                                               any_sink::of(podscope::queue_sink{}),
                                               {},
                                               {},
                                               {},
                                               {std::move(who)}}};
    };
    const auto this_one = must(podscope::this_process());
    auto gone = this_one;
    --gone.start_time;

    auto planner = must(runtime_of(gone).create(writer("planner", "/ws")));
    auto dead = must(runtime_of(gone).adopt(must(planner.delegate(writer("dead", "/ws/a")))));
    auto live = must(runtime_of(this_one).adopt(must(planner.delegate(writer("live", "/ws/b")))));
    auto now = runtime_of(this_one);
    CHECK(why_not(now.restore("live")) == errc::already_live);

    SECTION("to who restores it, and to its parent") {
        const auto back = must(now.restore("planner"));
        REQUIRE(back.report.ended.size() == 1);
        CHECK(back.report.ended.front().child == "dead");
        CHECK(back.report.ended.front().reason == end_reason::missing);
        CHECK(back.report.kept == std::vector<std::string>{"live"});
        must(back.pod.check("/ws/a/f", permission::write));
        CHECK(may_at(back.pod, "/ws/b/f") == permission::read);
    }
    SECTION("to who wants its place") {
        CHECK(why_not(now.create(writer("other", "/ws/b"))) == errc::conflict);
        const auto other = must(now.create(writer("other", "/ws/a")));
        must(other.check("/ws/a/f", permission::write));
    }
    CHECK(why_not(planner.check("/ws/f", permission::write)) == errc::revoked);
    CHECK(why_not(dead.check("/ws/a/f", permission::write)) == errc::revoked);
    must(live.check("/ws/b/f", permission::write));
}

// Lets something happen each time that a restore is waiting for its probe: `happens(n)`, the first
// time with 1.
template <class Crew, class F>
void during_each_probe(Crew& c, F&& happens) {
    auto probe = c.own_probe();
    c.use([probe, happens, times = std::make_shared<int>(0)] {
        return any_probe::of(any_probe_with{probe, [=] { happens(++*times); }});
    });
}

template <class Crew, class F>
void during_next_probe(Crew& c, F&& happens) {
    during_each_probe(c, [happens](int n) {
        if (n == 1) {
            happens();
        }
    });
}

template <class Crew>
void pass_on(Crew& c, const char* pod) {
    c.tamper(pod, [](podscope::allocation& row) { --row.owner.start_time; });
}

PODSCOPE_TEST_ANYWHERE("F33 a child that adopts while its parent is restored is kept or fenced",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    const auto grant = c.delegate("planner", writer("child", "/ws/a"));
    // The reservation is the planner's, which is dead: seen as dead, unless the child is quicker.
    c.kill("planner");

    SECTION("quicker than the commit") {
        auto by = c.hire();
        std::optional<typename crew_in<Place>::pod> child;
        during_next_probe(c, [&] { child = must(by.library.adopt(grant)); });
        const auto report = c.restore("planner");
        CHECK_FALSE(report.changed());
        CHECK(report.kept == std::vector<std::string>{"child"});
        CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::read);
        CHECK(may_at(*child, "/ws/a/f") == permission::write);
        c.judge_restored("planner");
    }
    SECTION("too late") {
        const auto report = c.restore("planner");
        CHECK(report.ended.size() == 1);
        CHECK(why_not(c.try_adopt(grant)) == errc::stale_epoch);
        CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::write);
        c.judge_restored("planner");
    }
}

PODSCOPE_TEST_ANYWHERE(
    "I7 a child that is restored while its parent is stays its own new incarnation", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("child");
    c.kill("planner");
    auto by = c.hire();
    std::optional<podscope::restored<typename crew_in<Place>::parts>> child;
    during_next_probe(c, [&] { child = must(by.library.restore("child")); });
    const auto report = c.restore("planner");
    CHECK_FALSE(report.changed());
    REQUIRE(child);
    CHECK(may_at(child->pod, "/ws/a/f") == permission::write);
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::read);
    c.judge_restored("planner");
}

PODSCOPE_TEST_ANYWHERE("F31 of two that restore a pod at once the later finds it live", "[pod]") {
    const bool was_live = GENERATE(true, false);
    CAPTURE(was_live);
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    if (was_live) {
        c.kill("planner");
    } else {
        c.vanish("planner");
    }
    auto quicker = c.hire();
    std::optional<podscope::restored<typename crew_in<Place>::parts>> first;
    during_next_probe(c, [&] { first = must(quicker.library.restore("planner")); });
    CHECK(why_not(c.try_restore("planner")) == errc::already_live);
    REQUIRE(first);
    must(first->pod.check("/ws/f", permission::write));
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("I7 who takes a pod over and dies at once is asked after and gives way",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.kill("planner");
    auto quicker = c.hire();
    std::optional<podscope::restored<typename crew_in<Place>::parts>> first;
    during_next_probe(c, [&] {
        first = must(quicker.library.restore("planner"));
        quicker.who->kill();
    });
    c.restore("planner");
    CHECK(why_not(first->pod.check("/ws/f", permission::write)) == errc::revoked);
    c.judge();
}

PODSCOPE_TEST_ANYWHERE(
    "I7 what was found out about one holder of a pod says nothing about the next", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.kill("planner");
    int asked = 0;
    SECTION("under the same grant") {
        auto next = c.hire();
        during_next_probe(c, [&] {
            c.tamper("planner",
                     [&](podscope::allocation& row) { row.owner = next.who->identity(); });
        });
        const auto refused = error_of(c.try_restore("planner"));
        CHECK(refused.category == errc::already_live);
        CHECK(refused.message.find("which is reachable") != std::string::npos);
    }
    SECTION("under another grant") {
        during_each_probe(c, [&](int n) {
            asked = n;
            if (n == 1) {
                c.tamper("planner",
                         [](podscope::allocation& row) { row.granted = podscope::epoch{99}; });
            }
        });
        c.restore("planner");
        CHECK(asked == 2);
    }
}

PODSCOPE_TEST_ANYWHERE("F33 a restore looks again at who has changed hands", "[pod]") {
    // What was let go needs no time to be looked at once more.
    const auto [time, changes] = GENERATE(std::pair{0ms, 1}, std::pair{patience, 2});
    CAPTURE(time, changes);
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("planner");
    during_each_probe(c, [&, most = changes](int n) {
        if (n <= most) {
            pass_on(c, "child");
        }
    });
    const auto report = c.restore("planner", time);
    CHECK(report.undecided.empty());
    CHECK(report.kept == std::vector<std::string>{"child"});
}

PODSCOPE_TEST_ANYWHERE("F33 a restore looks again at the log that its last holder went on in",
                       "[pod]") {
    const bool is_begun = GENERATE(true, false);
    CAPTURE(is_begun);
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.kill("planner");
    auto sessions = c.backend().open_sessions();
    const auto next = must(sessions.create({}));
    if (is_begun) {
        must(sessions.append(next, {.kind = "begin"}));
    }
    during_next_probe(c, [&] {
        auto store = c.backend().open();
        must(store.write([&](auto& txn) {
            return podscope::pod_store{txn}.set_active_segment("planner", next);
        }));
    });
    auto back = c.try_restore("planner");
    if (is_begun) {
        CHECK(must(must(std::move(back)).pod.segment()) == next);
    } else {
        CHECK(why_not(std::move(back)) == errc::empty_segment);
    }
}

PODSCOPE_TEST_ANYWHERE("F33 a restore does not wait for a tree that never rests", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("planner");
    // Once more in any case, and then for as long as there is time, but not for ever.
    const auto time = GENERATE(std::chrono::milliseconds{0}, std::chrono::milliseconds{1h});
    int rounds = 0;
    during_each_probe(c, [&](int n) {
        rounds = n;
        pass_on(c, "child");
    });
    const auto report = c.restore("planner", time);
    CHECK((time == 0ms ? rounds == 2 : rounds > 2));
    CHECK(report.undecided == std::vector<std::string>{"child"});
    CHECK(report.kept == std::vector<std::string>{"child"});
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::read);
}

PODSCOPE_TEST_ANYWHERE("F20 who is asked only in what is left of the time is not shown to hang",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("hangs", "/ws/a"));
    c.add("planner", writer("moves", "/ws/b"));
    c.hang("hangs");
    c.kill("planner");
    auto next = c.hire();
    next.who->hang();
    during_next_probe(c, [&] {
        c.tamper("moves", [&](podscope::allocation& row) { row.owner = next.who->identity(); });
    });
    const auto report = c.restore("planner");
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "hangs");
    CHECK(report.ended.front().reason == end_reason::unreachable);
    CHECK(report.kept == std::vector<std::string>{"moves"});
    CHECK(report.undecided.empty());
}

PODSCOPE_TEST_ANYWHERE("F20 a probe that fails when it is asked again is what the restore fails by",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("planner");
    const auto before = c.state();
    during_each_probe(c, [&](int n) {
        if (n > 1) {
            throw std::runtime_error{"nobody answers the phone"};
        }
        pass_on(c, "child");
    });
    CHECK(error_of(c.try_restore("planner")).message ==
          "a plug-in threw: nobody answers the phone");
    CHECK(c.state().template of<tables::pods>() == before.template of<tables::pods>());
}

PODSCOPE_TEST_ANYWHERE(
    "F20 who cannot find out whether somebody lives clears nobody out of his way", "[pod]") {
    crew_in<Place> c;
    c.create(writer("dead", "/ws/a"));
    c.kill("dead");
    const auto before = c.state();
    during_each_probe(c, [](int) { throw std::runtime_error{"nobody answers the phone"}; });
    CHECK(error_of(c.try_create(writer("new", "/ws"))).message ==
          "a plug-in threw: nobody answers the phone");
    CHECK(c.state() == before);
}

} // namespace podscope_test::restoring
