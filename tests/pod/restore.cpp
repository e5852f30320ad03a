// SPDX-License-Identifier: BSL-1.0
#include "restorations.hpp"
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/pod/self.hpp>
#include <podscope/probe/callback.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/registry/registry.hpp>
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

namespace {

using namespace podscope_test;
using podscope::end_reason;
using podscope::errc;
namespace tables = podscope::tables;

using some = configurations::some;
using here = configuration<in_memory, by_script, to_queue>;

TEMPLATE_LIST_TEST_CASE("S3 a restore by name or by manifest has reconciled when it returns",
                        "[pod]",
                        some) {
    play<TestType>(restorations::by_name_and_by_manifest);
}

// What a probe, then a sink, then the caller find when their turn comes.
TEST_CASE("S4 a restore probes and changes the registry and tells and only then is usable",
          "[pod]") {
    crew_of<here> c{here{}};
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
            CHECK(now.of<tables::allocations>().at("planner").granted > former.granted());
            CHECK_FALSE(now.of<tables::allocations>().contains("child"));
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
    CHECK(c.state().of<tables::outbox>().empty());
    must(back.pod.check("/ws/a/f", permission::write));
}

TEMPLATE_LIST_TEST_CASE("S9 each reason against a restore has its own error", "[pod]", some) {
    play<TestType>(restorations::each_its_own_error);
}

// All runtimes of one boot, whose processes nobody ever asks: after the reboot none of them runs.
TEST_CASE("F11 after a reboot every allocation is stale and records and history stay", "[pod]") {
    in_journal backend;
    using parts = system_parts<in_journal, podscope::file_sessions, podscope::queue_sink,
                               podscope::given_process>;
    const auto this_one = must(podscope::this_process());
    const auto runtime_of = [&](podscope::process_identity who) {
        return podscope::basic_runtime<parts>{
            parts{backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {std::move(who)}}};
    };
    auto before = this_one;
    ++before.boot.low;
    {
        auto planner = must(runtime_of(this_one).create(writer("planner", "/ws")));
        auto child =
            must(runtime_of(this_one).adopt(must(planner.delegate(writer("child", "/ws/a")))));
        (void)must(planner.delegate(writer("gone", "/ws/b")));
        must(planner.reclaim("gone"));
        // What the machine leaves that goes down: the rows as they are.
        auto store = backend.open();
        for (const auto* pod : {"planner", "child"}) {
            must(store.write([&](auto& txn) -> podscope::result<void> {
                auto row = must(podscope::registry{txn}.find(pod));
                row->owner = before;
                row->granted = pod == std::string{"planner"} ? planner.granted() : child.granted();
                return podscope::registry{txn}.update(*row);
            }));
        }
        auto after = runtime_of(this_one);
        CHECK(must(after.live()).size() == 2);
        auto back = must(after.restore("planner"));
        CHECK(back.report.ended.size() == 1);
        CHECK(back.report.ended.front().reason == end_reason::missing);
        CHECK(must(after.history_of("planner")).size() == 2);
        must(back.pod.check("/ws/a/f", permission::write));
        CHECK(why_not(planner.check("/ws/a/f", permission::write)) == errc::revoked);
    }
}

// As if this process had been given the pid of one that died.
TEST_CASE("F17 an allocation whose process has lost its pid to another is stale", "[pod]") {
    const in_memory backend;
    using parts = system_parts<in_memory, podscope::memory_sessions, podscope::queue_sink,
                               podscope::given_process>;
    const auto runtime_of = [&](podscope::process_identity who) {
        return podscope::basic_runtime<parts>{
            parts{backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {std::move(who)}}};
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

TEMPLATE_LIST_TEST_CASE("F25 a living grandchild of a dead child is adopted", "[pod]", some) {
    play<TestType>(restorations::grandchild_outlives_child);
}

TEMPLATE_LIST_TEST_CASE("F26 a living great-grandchild is adopted two levels up", "[pod]", some) {
    play<TestType>(restorations::two_levels_up);
}

TEMPLATE_LIST_TEST_CASE("F30 orphans that a record does not cover are named and no others",
                        "[pod]",
                        some) {
    play<TestType>(restorations::only_some_on_record);
}

TEMPLATE_LIST_TEST_CASE("F32 one of many that want a segment or an allocation gets it",
                        "[pod]",
                        some) {
    play<TestType>(restorations::one_segment_for_many);
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

TEST_CASE("F33 a child that adopts while its parent is restored is kept or fenced", "[pod]") {
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    const auto grant = c.delegate("planner", writer("child", "/ws/a"));
    // The reservation is the planner's, which is dead: seen as dead, unless the child is quicker.
    c.kill("planner");

    SECTION("quicker than the commit") {
        auto by = c.hire();
        std::optional<crew_of<here>::pod> child;
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

TEST_CASE("I7 a child that is restored while its parent is stays its own new incarnation",
          "[pod]") {
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("child");
    c.kill("planner");
    auto by = c.hire();
    std::optional<podscope::restored<crew_of<here>::parts>> child;
    during_next_probe(c, [&] { child = must(by.library.restore("child")); });
    const auto report = c.restore("planner");
    CHECK_FALSE(report.changed());
    REQUIRE(child);
    CHECK(may_at(child->pod, "/ws/a/f") == permission::write);
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::read);
    c.judge_restored("planner");
}

TEST_CASE("F31 of two that restore a pod at once the later finds it live", "[pod]") {
    const bool was_live = GENERATE(true, false);
    CAPTURE(was_live);
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    if (was_live) {
        c.kill("planner");
    } else {
        c.vanish("planner");
    }
    auto quicker = c.hire();
    std::optional<podscope::restored<crew_of<here>::parts>> first;
    during_next_probe(c, [&] { first = must(quicker.library.restore("planner")); });
    CHECK(why_not(c.try_restore("planner")) == errc::already_live);
    REQUIRE(first);
    must(first->pod.check("/ws/f", permission::write));
    c.judge();
}

TEST_CASE("I7 who takes a pod over and dies at once is asked after and gives way", "[pod]") {
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    c.kill("planner");
    auto quicker = c.hire();
    std::optional<podscope::restored<crew_of<here>::parts>> first;
    during_next_probe(c, [&] {
        first = must(quicker.library.restore("planner"));
        quicker.who->kill();
    });
    c.restore("planner");
    CHECK(why_not(first->pod.check("/ws/f", permission::write)) == errc::revoked);
    c.judge();
}

TEST_CASE("I7 what was found out about one holder of a pod says nothing about the next", "[pod]") {
    crew_of<here> c{here{}};
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

// Overtaken when the store runs its transaction first, and no longer when it runs it again.
TEST_CASE("I7 a restore goes by the transaction that was committed and by no other", "[pod]") {
    using twice = configuration<in_bytes, by_script, to_queue>;
    crew_of<twice> c{twice{}};
    c.create(writer("planner", "/ws"));
    c.kill("planner");
    during_next_probe(c, [&] {
        pass_on(c, "planner");
        c.backend().only.overtake_next([&] {
            auto store = c.backend().open();
            must(store.write([](auto& txn) { return podscope::registry{txn}.erase("planner"); }));
        });
    });
    c.restore("planner");
    CHECK(may_at(c.at("planner"), "/ws/f") == permission::write);
    c.judge_restored("planner");
}

TEST_CASE("F33 a restore looks again at who has changed hands", "[pod]") {
    // What was let go needs no time to be looked at once more.
    const auto [time, changes] = GENERATE(std::pair{0ms, 1}, std::pair{patience, 2});
    CAPTURE(time, changes);
    crew_of<here> c{here{}};
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

TEST_CASE("F33 a restore looks again at the log that its last holder went on in", "[pod]") {
    const bool is_begun = GENERATE(true, false);
    CAPTURE(is_begun);
    crew_of<here> c{here{}};
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

TEST_CASE("F33 a restore does not wait for a tree that never rests", "[pod]") {
    crew_of<here> c{here{}};
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

TEST_CASE("F20 who is asked only in what is left of the time is not shown to hang", "[pod]") {
    crew_of<here> c{here{}};
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

TEST_CASE("F20 a probe that fails when it is asked again is what the restore fails by", "[pod]") {
    crew_of<here> c{here{}};
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
    CHECK(c.state().of<tables::pods>() == before.of<tables::pods>());
}

TEST_CASE("F39 a manifest takes the place of what it speaks of and of nothing else", "[pod]") {
    crew_of<here> c{here{}};
    auto wanted = writer("planner", "/ws");
    wanted.peers = std::vector<std::string>{"reviewer"};
    c.create(wanted);
    c.kill("planner");
    const podscope::unknown_fields newer{{{"newer", "\x01\x01"}}};
    auto store = c.backend().open();
    must(store.write([&](auto& txn) {
        auto one = must(podscope::pod_store{txn}.require("planner"));
        one.manifest.unknown = newer;
        return podscope::pod_store{txn}.put(one);
    }));
    const auto record = [&] { return c.state().of<tables::pods>().at("planner"); };

    c.restore(writer("planner", "/ws/a"));
    CHECK(record().manifest.unknown == newer);
    CHECK(record().peers == std::vector<std::string>{"reviewer"});
    CHECK(record().manifest.allow.size() == 2);
    CHECK(may_at(c.at("planner"), "/ws/b") == permission::none);

    c.kill("planner");
    wanted.peers = std::vector<std::string>{"docs"};
    c.restore(wanted);
    CHECK(record().manifest.unknown == newer);
    CHECK(record().peers == wanted.peers);
}

TEST_CASE("F39 delegations that lead in a circle are settled and followed once", "[pod]") {
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    auto store = c.backend().open();
    must(store.write([&](auto& txn) {
        const podscope::delegation back{.child = "planner", .granted = podscope::epoch{1}};
        return podscope::pod_store{txn}.put_delegation("child", back);
    }));
    CHECK(must(c.at("planner").descendants()).size() == 2);
    c.kill("planner");
    c.kill("child");
    const auto report = c.restore("planner");
    CHECK(report.ended.size() == 2);
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::write);
    CHECK(must(c.at("planner").descendants()).empty());
}

TEST_CASE("I2 a child that asks for what no deny took from it needs no deny", "[pod]") {
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a").may_not(rules::write("/ws/a/x")));
    c.kill("child");
    c.restore(manifest{"child"}.may(rules::read("/ws/a")));
    CHECK(may_at(c.at("child"), "/ws/a/x") == permission::read);
    CHECK(may_at(c.at("child"), "/ws/a/b") == permission::read);
    c.judge();
}

TEST_CASE("I2 a child restored from a manifest gets nothing back that was denied to it", "[pod]") {
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    const auto given = writer("child", "/ws/a").may_not(rules::write("/ws/a/x"));
    c.add("planner", given);
    c.kill("child");
    CHECK(why_not(c.try_restore(writer("child", "/ws/a"))) == errc::not_within_authority);
    CHECK(why_not(c.try_restore(writer("child", "/ws/a").may_not(rules::write("/ws/a/x/b")))) ==
          errc::not_within_authority);
    CHECK(why_not(c.try_restore(writer("child", "/ws/b").may_not(rules::write("/ws/b/x")))) ==
          errc::not_within_authority);
    c.restore(given);
    CHECK(may_at(c.at("child"), "/ws/a/x") == permission::read);
    c.kill("child");
    c.add("planner", writer("blind", "/ws/b").may_not(rules::read("/ws/b/x")));
    c.kill("blind");
    CHECK(why_not(c.try_restore(writer("blind", "/ws/b").may_not(rules::write("/ws/b/x")))) ==
          errc::not_within_authority);
    c.restore(writer("child", "/ws/a").may_not(rules::read("/ws/a/x")));
    CHECK(may_at(c.at("child"), "/ws/a/x") == permission::none);
    c.judge();
    // What does not touch the denied part may go without the deny.
    c.kill("child");
    c.restore(writer("child", "/ws/a/b"));
    c.judge();
}

// A pod between two others that gave up a part of what it had been given keeps nobody from being
// fenced off there. Without care its child could have it, and the planner too, once it is gone.
TEST_CASE("I1 what one between gives up cannot be had past it", "[pod]") {
    for (const bool by_deny : {false, true}) {
        CAPTURE(by_deny);
        crew_of<here> c{here{}};
        c.create(writer("planner", "/ws"));
        c.add("planner", writer("between", "/ws/a"));
        c.add("between", orchestrator("below", "/ws/a/x"));
        c.kill("between");
        if (by_deny) {
            c.restore(writer("between", "/ws/a").may_not(rules::write("/ws/a/x")));
        } else {
            c.restore(writer("between", "/ws/a/b"));
        }
        const auto refused =
            error_of(c.at("below").delegate(writer("last", "/ws/a/x/b"), patience));
        CHECK(refused.category == errc::conflict);
        REQUIRE(refused.competitors.size() == 1);
        CHECK(refused.competitors.front().pod == "planner");
        must(c.at("planner").reclaim("between"));
        c.forget("between");
        c.judge();
        CHECK(may_at(c.at("planner"), "/ws/a/x/b") == permission::write);
    }
}

} // namespace

TEST_CASE("I2 a manifest is measured by what was delegated as it stands at the commit", "[pod]") {
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("child");
    during_next_probe(c, [&] {
        auto store = c.backend().open();
        must(store.write([&](auto& txn) {
            auto record = must(podscope::pod_store{txn}.require("child"));
            record.manifest.allow.clear();
            return podscope::pod_store{txn}.put(record);
        }));
    });
    const auto row = c.state().of<tables::allocations>().at("child");
    CHECK(why_not(c.try_restore(writer("child", "/ws/a"))) == errc::not_within_authority);
    CHECK(c.state().of<tables::allocations>().at("child") == row);
}

TEST_CASE("I7 a child is not restored whose record is of another grant than its delegation",
          "[pod]") {
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("child");
    auto store = c.backend().open();
    must(store.write([&](auto& txn) {
        auto record = must(podscope::pod_store{txn}.require("child"));
        record.granted = podscope::epoch{static_cast<std::uint64_t>(record.granted) + 100};
        return podscope::pod_store{txn}.put(record);
    }));
    CHECK(why_not(c.try_restore("child")) == errc::stale_epoch);
    CHECK(why_not(c.try_restore(writer("child", "/ws/a"))) == errc::stale_epoch);
}

TEST_CASE("I9 an allocation of another epoch is not the child of the delegation", "[pod]") {
    const std::string by = GENERATE("reconcile", "reclaim", "release");
    CAPTURE(by);
    crew_of<here> c{here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("below", "/ws/a/a"));
    const std::string changed = by == "reclaim" ? "below" : "child";
    c.tamper(changed, [](podscope::allocation& row) {
        row.granted = podscope::epoch{static_cast<std::uint64_t>(row.granted) + 100};
    });
    c.forget(changed);
    if (by == "reclaim") {
        must(c.at("planner").reclaim("child"));
    } else if (by == "release") {
        must(c.at("planner").release());
        c.forget("planner");
    } else {
        const auto report = must(c.at("planner").reconcile(patience));
        REQUIRE(report.ended.size() == 1);
        CHECK(report.ended.front().child == "child");
        CHECK(report.ended.front().reason == end_reason::absent);
    }
    // Whoever's that is, no delegation speaks of it any more.
    const auto after = c.state();
    CHECK(after.of<tables::allocations>().contains(changed));
    for (const auto& [key, made] : after.of<tables::delegations>()) {
        CHECK(made.child != changed);
    }
}

TEST_CASE("F20 who cannot find out whether somebody lives clears nobody out of his way", "[pod]") {
    crew_of<here> c{here{}};
    c.create(writer("dead", "/ws/a"));
    c.kill("dead");
    const auto before = c.state();
    during_each_probe(c, [](int) { throw std::runtime_error{"nobody answers the phone"}; });
    CHECK(error_of(c.try_create(writer("new", "/ws"))).message ==
          "a plug-in threw: nobody answers the phone");
    CHECK(c.state() == before);
}
