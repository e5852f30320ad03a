// SPDX-License-Identifier: BSL-1.0
// What a pod can do, and what it says.
#pragma once

#include "support/anywhere.hpp"
#include "support/crew.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace podscope_test::pods {

using podscope::end_reason;
using podscope::errc;
namespace tables = podscope::tables;

PODSCOPE_TEST_ANYWHERE(
    "S10 a release gives the scope back and hangs the survivors below the parent", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    auto& child = c.add("planner", writer("child", "/ws/a"));
    auto& grand = c.add("child", writer("grand", "/ws/a/x"));
    c.add("child", writer("gone", "/ws/a/b"));
    c.vanish("gone");
    const auto report = must(child.release());
    c.forget("child");
    CHECK(report.adopted.size() == 1);
    CHECK(report.ended.size() == 2);
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::write);
    CHECK(may_at(c.at("planner"), "/ws/a/b/f") == permission::write);
    CHECK(may_at(c.at("planner"), "/ws/a/x/f") == permission::read);
    CHECK(may_at(grand, "/ws/a/x/f") == permission::write);
    CHECK(c.state().template of<tables::allocations>().at("grand").delegated_from == "planner");
    CHECK_FALSE(c.state().template of<tables::pods>().contains("child"));
    CHECK(why_not(child.release()) == errc::revoked);
    CHECK(error_of(child.check("/ws/a/f", permission::write)).message ==
          "the pod 'child' was released");
    c.judge_restored("planner");

    // Who was told waits for the parent, whose outbox it is.
    CHECK(c.told().empty());
    must(c.at("planner").deliver());
    CHECK(c.told().size() == 3);
    CHECK(c.state().template of<tables::outbox>().empty());
}

PODSCOPE_TEST_ANYWHERE("S10 what a root leaves behind becomes roots and reservations are void",
                       "[pod]") {
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws"));
    auto& child = c.add("planner", writer("child", "/ws/a"));
    c.add("planner", writer("gone", "/ws/b"));
    c.add("gone", writer("orphan", "/ws/b/x"));
    const auto grant = c.delegate("planner", writer("reserved", "/ws/x"));
    c.vanish("gone");
    must(planner.release());
    c.forget("planner");
    for (const auto* root : {"child", "orphan"}) {
        CHECK(c.state().template of<tables::allocations>().at(root).delegated_from.empty());
        CHECK(c.state().template of<tables::pods>().at(root).delegated_from.empty());
    }
    CHECK(c.state().template of<tables::delegations>().empty());
    std::map<std::string, end_reason> why;
    for (const auto& one : rows_of<tables::history>(c.state(), "planner")) {
        why[one.child] = one.reason;
    }
    CHECK(why == std::map<std::string, end_reason>{{"gone", end_reason::absent},
                                                   {"reserved", end_reason::revoked}});
    CHECK(why_not(c.try_adopt(grant)) == errc::stale_epoch);
    CHECK(may_at(child, "/ws/a/f") == permission::write);
    c.judge();
    c.create(writer("second", "/ws/x"));
    CHECK(why_not(c.try_create(writer("third", "/ws/a"))) == errc::conflict);
    c.kill("child");
    c.restore("child");
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("F29 orchestrators that write nothing cannot hand out one place twice",
                       "[pod]") {
    crew_in<Place> c;
    auto& first = c.create(orchestrator("first", "/ws"));
    auto& second = c.create(orchestrator("second", "/ws"));
    c.add("first", writer("child", "/ws/a"));
    const auto before = c.state();
    for (const auto* place : {"/ws", "/ws/a", "/ws/a/x"}) {
        CAPTURE(place);
        CHECK(why_not(second.delegate(writer("other", place))) == errc::conflict);
        CHECK(why_not(first.delegate(writer("other", place))) == errc::conflict);
        CHECK(why_not(c.try_create(writer("stranger", place))) == errc::conflict);
    }
    CHECK(why_not(first.delegate(writer("child", "/ws/b"))) == errc::duplicate_name);
    CHECK(c.state() == before);
    c.add("second", writer("other", "/ws/b"));
    c.judge();
    // And who has it has it alone when the one who gave it is gone.
    c.kill("first");
    must(c.hire().library.reclaim_stale());
    CHECK(why_not(second.delegate(writer("third", "/ws/a/x"))) == errc::conflict);
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("F50 a reader cannot hand out what a writer above it may still write",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("writer", "/ws"));
    auto& reader = c.add("writer", orchestrator("reader", "/ws/a"));
    const auto before = c.state();
    const auto refused = error_of(reader.delegate(writer("child", "/ws/a/x")));
    CHECK(refused.category == errc::conflict);
    REQUIRE(refused.competitors.size() == 1);
    CHECK(refused.competitors.front().pod == "writer");
    CHECK(c.state() == before);
    CHECK(may_at(c.at("writer"), "/ws/a/x") == permission::write);
    // Once the writer has handed the place down there is nobody in between.
    must(c.at("writer").reclaim("reader"));
    c.forget("reader");
    c.add("writer", writer("second", "/ws/a"));
    c.add("second", writer("child", "/ws/a/x"));
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("F51 a pod cannot hand on what its own manifest denies", "[pod]") {
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws")
                                 .may_not(rules::write("/ws/a"))
                                 .may_not(rules::read("/ws/b").only_here()));
    const auto before = c.state();
    for (const auto* denied : {"/ws", "/ws/a", "/ws/a/x", "/ws/b", "/ws/b/x"}) {
        CAPTURE(denied);
        CHECK(why_not(planner.delegate(writer("child", denied))) == errc::not_within_authority);
    }
    CHECK(why_not(planner.delegate(manifest{"child"}.may(rules::read("/ws/b")))) ==
          errc::not_within_authority);
    CHECK(c.state() == before);
    // A deny of writing leaves reading to hand on, and one that is not recursive what is deeper.
    c.add("planner", manifest{"reader"}.may(rules::read("/ws/a")));
    c.add("planner", writer("writer", "/ws/b/x/other"));
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("S11 read rules stand in nobody's way and nobody in theirs", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.create(manifest{"reader"}.may(rules::read("/")));
    c.add("planner", manifest{"second reader"}.may(rules::read("/ws")));
    c.add("planner", writer("child", "/ws/a"));
    CHECK(standing_layers(c.state(), "planner").size() == 1);
    CHECK(may_at(c.at("reader"), "/ws/a/f") == permission::read);
    CHECK(may_at(c.at("second reader"), "/ws/a/f") == permission::read);
    c.judge();
    c.kill("reader");
    c.restore("reader");
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("S12 a conflict blames the deepest owners and whom it was delegated from",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grand", "/ws/a/x"));
    c.create(writer("neighbour", "/data"));
    const auto named = [&](const manifest& wanted) {
        std::vector<std::string> pods;
        for (const auto& one : error_of(c.try_create(wanted)).competitors) {
            pods.push_back(one.pod);
        }
        return pods;
    };
    using names = std::vector<std::string>;
    CHECK(named(writer("stranger", "/ws/a/x/f")) == names{"grand"});
    CHECK(named(writer("stranger", "/ws/a/b")) == names{"child"});
    CHECK(named(writer("stranger", "/ws/b")) == names{"planner"});
    CHECK(named(writer("stranger", "/ws/a")) == names{"grand", "child"});
    CHECK(named(writer("stranger", "/")) == names{"grand", "child", "neighbour", "planner"});

    const auto whole = error_of(c.try_create(writer("stranger", "/ws/a/x")));
    REQUIRE(whole.competitors.size() == 1);
    CHECK(whole.competitors.front().rule == "write /ws/a/x");
    CHECK(whole.competitors.front().delegated_from == "child");
    CHECK(whole.competitors.front().granted == c.at("grand").granted());
    CHECK(whole.message.find("'grand'") != std::string::npos);

    // What nobody below uses is blamed on who will get it back.
    c.add("planner", writer("shy", "/ws/b").may_not(rules::write("/ws/b/x")));
    CHECK(named(writer("stranger", "/ws/b/x")) == names{"planner"});
}

PODSCOPE_TEST_ANYWHERE("I7 a pod's own words say why a check fails", "[pod]") {
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws")
                                 .may_not(rules::write("/ws/b"))
                                 .may(rules::read("/data").only_here()));
    c.add("planner", writer("child", "/ws/a"));
    const auto why = [&](const char* place) {
        const auto e = error_of(planner.check(place, permission::write));
        CHECK(e.category == errc::denied);
        CHECK(e.subject == place);
        return e.message;
    };
    CHECK(why("/ws/a/f").find("'child'") != std::string::npos);
    CHECK(why("/ws/b/f").find("manifest denies") != std::string::npos);
    CHECK(why("/data/f").find("its rule there is read /data (here only)") != std::string::npos);
    CHECK(why("/elsewhere").find("no rule") != std::string::npos);
    const auto told = must(planner.explain("/ws/a/f"));
    CHECK(told.granted == permission::read);
    REQUIRE(told.capped_by);
    CHECK(told.capped_by->delegation->child == "child");
    CHECK(why_not(planner.check("relative", permission::read)) == errc::invalid_target);
    must(planner.reclaim("child"));
    const auto& lost = *c.forget("child");
    const auto next = c.add("planner", writer("child", "/ws/a")).granted();
    const auto e = error_of(lost.check("/ws/a/f", permission::read));
    CHECK(e.message.find("was reclaimed") != std::string::npos);
    CHECK(e.message.find("epoch " + std::to_string(static_cast<std::uint64_t>(next)) +
                         " holds it now") != std::string::npos);
    CHECK(e.shown == lost.granted());
    CHECK(e.current == next);
}

PODSCOPE_TEST_ANYWHERE("I7 a pod object that goes without a release is seen as dead at once",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    const auto grant = c.delegate("planner", writer("child", "/ws/a"));
    {
        auto by = c.hire();
        const auto child = must(by.library.adopt(grant));
        CHECK_FALSE(must(c.at("planner").reconcile()).changed());
    }
    const auto report = must(c.at("planner").reconcile());
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().reason == end_reason::missing);
    c.judge_restored("planner");
}

PODSCOPE_TEST_ANYWHERE("I3 what a pod learns from others' commits it knows at its next look",
                       "[pod]") {
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws"));
    auto& child = c.add("planner", writer("child", "/ws/a"));
    CHECK(may_at(planner, "/ws/a/f") == permission::read);
    must(child.release());
    c.forget("child");
    CHECK(may_at(planner, "/ws/a/f") == permission::write);
    must(planner.check("/ws/a/f", permission::write));
}

PODSCOPE_TEST_ANYWHERE("a pod says where it answers and where its session goes on", "[pod]") {
    crew_in<Place> c;
    auto& pod = c.create(writer("pod", "/ws"));
    must(pod.set_endpoint("unix:/new"));
    CHECK(c.state().template of<tables::allocations>().at("pod").endpoint == "unix:/new");
    auto sessions = c.backend().open_sessions();
    const auto next = must(sessions.create({}));
    REQUIRE(must(pod.segment()) != next);
    must(pod.switch_segment(next));
    CHECK(must(pod.segment()) == next);
    CHECK(c.state().template of<tables::pods>().at("pod").active_segment == next);
    CHECK(must(pod.append({.kind = "note"})) == 0);
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("everybody below a pod is known by how far below", "[pod]") {
    crew_in<Place> c;
    c.create(writer("top", "/ws"));
    c.add("top", writer("one", "/ws/a"));
    c.add("one", writer("two", "/ws/a/x"));
    c.add("two", writer("three", "/ws/a/x/b"));
    std::vector<std::pair<std::string, std::size_t>> below;
    for (const auto& found : must(c.at("top").descendants())) {
        below.emplace_back(found.child, found.depth);
    }
    CHECK(below ==
          std::vector<std::pair<std::string, std::size_t>>{{"one", 1}, {"two", 2}, {"three", 3}});
}

} // namespace podscope_test::pods
