// SPDX-License-Identifier: BSL-1.0
// What a runtime does for whoever asks it, and whom it asks.
#pragma once

#include "support/anywhere.hpp"
#include "support/crew.hpp"

#include <podscope/probe/callback.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/store/pod_store.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace podscope_test::runtimes {

using podscope::errc;
namespace tables = podscope::tables;

// Everybody who is asked about, and after the first question something else happens.
struct asked {
    std::vector<std::string> pods{};
    std::function<void()> meanwhile{};
};

template <class Crew>
void note_who_is_asked(Crew& c, asked& into) {
    c.use([probe = c.own_probe(), &into] {
        return any_probe::of(podscope::callback_probe{
            [probe, &into](const podscope::probe_subject& one, podscope::deadline until) mutable {
                into.pods.push_back(one.pod);
                auto found = podscope::verdict::unknown;
                probe.probe({&one, 1}, until, {&found, 1});
                if (auto happens = std::exchange(into.meanwhile, nullptr)) {
                    happens();
                }
                return found;
            }});
    });
}

PODSCOPE_TEST_ANYWHERE("F52 one stale pod in the way among many is found and nobody else is asked",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("stale", "/ws/a"));
    c.kill("stale");
    auto store = c.backend().open();
    const auto alive = c.hire();
    const auto crowd = crowd_in<Place>(100'000);
    must(store.write([&](auto& txn) -> podscope::result<void> {
        for (std::uint64_t i = 0; i != crowd; ++i) {
            const auto name = "pod " + std::to_string(i);
            const podscope::scope_rule rule{
                must(podscope::lexical_path{}.resolve("/many/" + std::to_string(i))),
                permission::write, true};
            auto done = podscope::registry{txn}.insert({.pod = name,
                                                        .owner = alive.who->identity(),
                                                        .allow = {rule},
                                                        .granted = podscope::epoch{7},
                                                        .adopted = true},
                                                       {});
            if (!done) {
                return done;
            }
        }
        return {};
    }));
    asked who;
    note_who_is_asked(c, who);
    c.create(writer("next", "/ws"));
    CHECK(who.pods == std::vector<std::string>{"stale"});

    who.pods.clear();
    CHECK(why_not(c.try_create(writer("stranger", "/many/17"))) == errc::conflict);
    CHECK(who.pods == std::vector<std::string>{"pod 17"});
}

PODSCOPE_TEST_ANYWHERE("F52 a dead pod that somebody else has cleared meanwhile is not in the way",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("stale", "/ws"));
    c.kill("stale");
    asked who;
    std::optional<typename crew_in<Place>::pod> quicker;
    auto by = c.hire();
    note_who_is_asked(c, who);
    who.meanwhile = [&] { quicker = must(by.library.create(writer("quicker", "/ws/a"))); };
    c.create(writer("slower", "/ws/b"));
    REQUIRE(quicker);
    CHECK(may_at(*quicker, "/ws/a") == permission::write);
    CHECK(may_at(c.at("slower"), "/ws/b") == permission::write);
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("F33 who was asked is not asked again because another has changed hands",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("stays", "/ws/a"));
    c.add("planner", writer("moves", "/ws/b"));
    c.kill("planner");
    asked who;
    note_who_is_asked(c, who);
    who.meanwhile = [&] {
        c.tamper("moves", [](podscope::allocation& row) { --row.owner.start_time; });
    };
    c.restore("planner");
    CHECK(std::ranges::count(who.pods, "stays") == 1);
    CHECK(std::ranges::count(who.pods, "planner") == 1);
    CHECK(std::ranges::count(who.pods, "moves") == 2);
}

PODSCOPE_TEST_ANYWHERE("I5 of a line of dead pods the scope goes to the living one above",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("top", "/ws"));
    // So that neither order of names is the order of descent.
    c.add("top", writer("m", "/ws/a"));
    c.add("m", writer("z", "/ws/a/x"));
    c.add("z", writer("b", "/ws/a/x/b"));
    for (const auto* pod : {"m", "z", "b"}) {
        c.kill(pod);
    }
    const auto report = must(c.hire().library.reclaim_stale());
    CHECK(report.reclaimed.size() == 3);
    CHECK(report.overtaken.empty());
    CHECK(rows_of<tables::history>(c.state(), "top").size() == 3);
    must(c.at("top").deliver());
    CHECK(c.told().size() == 3);
    c.judge_restored("top");
}

PODSCOPE_TEST_ANYWHERE("F52 who stood in the way and has left meanwhile is let go", "[pod]") {
    crew_in<Place> c;
    auto& leaves = c.create(writer("leaves", "/ws"));
    asked who;
    note_who_is_asked(c, who);
    who.meanwhile = [&] { must(leaves.release()); };
    CHECK(why_not(c.try_create(writer("next", "/ws"))) == errc::conflict);
    c.forget("leaves");
    c.create(writer("next", "/ws"));
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("I7 a dead pod that somebody else has taken over meanwhile is not cleared",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("stale", "/ws/a"));
    c.kill("stale");
    asked who;
    auto by = c.hire();
    note_who_is_asked(c, who);
    SECTION("by a restore") {
        std::optional<podscope::restored<typename crew_in<Place>::parts>> back;
        who.meanwhile = [&] { back = must(by.library.restore("stale")); };
        CHECK(why_not(c.try_create(writer("next", "/ws"))) == errc::conflict);
        must(back->pod.check("/ws/a/f", permission::write));
    }
    SECTION("under the same grant") {
        who.meanwhile = [&] {
            c.tamper("stale", [&](podscope::allocation& row) { row.owner = by.who->identity(); });
        };
        CHECK(why_not(c.try_create(writer("next", "/ws"))) == errc::conflict);
    }
    SECTION("under another grant, of which it has no claim") {
        who.meanwhile = [&] {
            c.tamper("stale", [](podscope::allocation& row) { row.granted = podscope::epoch{99}; });
        };
        c.create(writer("next", "/ws"));
    }
    CHECK(c.state().template of<tables::allocations>().contains("stale"));
}

PODSCOPE_TEST_ANYWHERE("I5 of those who live nobody is ended for a dead one below or above",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("top", "/ws"));
    c.add("top", writer("middle", "/ws/a"));
    c.add("middle", writer("low", "/ws/a/x"));
    SECTION("below") {
        c.kill("low");
        const auto report = must(c.hire().library.reclaim_stale());
        REQUIRE(report.reclaimed.size() == 1);
        CHECK(report.reclaimed.front().delegator == "middle");
        must(c.at("middle").check("/ws/a/x/f", permission::write));
        c.judge_restored("middle");
    }
    SECTION("above") {
        c.kill("middle");
        const auto report = must(c.hire().library.reclaim_stale());
        REQUIRE(report.reclaimed.size() == 1);
        REQUIRE(report.adopted.size() == 1);
        CHECK(report.adopted.front().child == "low");
        c.judge_restored("top");
    }
    SECTION("a root that is dead as well keeps what comes back for its restore") {
        c.kill("top");
        c.kill("middle");
        const auto report = must(c.hire().library.reclaim_stale());
        REQUIRE(report.reclaimed.size() == 1);
        CHECK(report.reclaimed.front().child == "middle");
        CHECK(report.dropped == std::vector<std::string>{"top"});
        CHECK(rows_of<tables::history>(c.state(), "top").size() == 1);
        c.restore("top");
        c.judge_restored("top");
    }
}

PODSCOPE_TEST_ANYWHERE("I9 a dead pod whose delegation is not on record is only dropped", "[pod]") {
    crew_in<Place> c;
    c.create(writer("top", "/ws"));
    c.add("top", writer("low", "/ws/a"));
    auto store = c.backend().open();
    const bool is_gone = GENERATE(true, false);
    CAPTURE(is_gone);
    must(store.write([&](auto& txn) -> podscope::result<void> {
        podscope::pod_store pods{txn};
        auto made = must(pods.find_delegation("top", "low"));
        if (!made) {
            return podscope::fail({.category = errc::corrupt}); // or this run was on a guess
        }
        if (is_gone) {
            return pods.erase_delegation("top", "low");
        }
        made->granted = podscope::epoch{99}; // another one, by which somebody may come
        return pods.put_delegation("top", *made);
    }));
    c.kill("low");
    const auto report = must(c.hire().library.reclaim_stale());
    CHECK(report.reclaimed.empty());
    CHECK(report.dropped == std::vector<std::string>{"low"});
    CHECK(rows_of<tables::delegations>(c.state(), "top").size() == (is_gone ? 0U : 1U));
    CHECK(rows_of<tables::history>(c.state(), "top").empty());
}

PODSCOPE_TEST_ANYWHERE("I9 below one of whom nothing is on record everybody stays where he is",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("top", "/ws"));
    c.add("top", writer("middle", "/ws/a"));
    c.add("middle", writer("low", "/ws/a/x"));
    c.vanish("middle");
    auto store = c.backend().open();
    must(store.write([](auto& txn) { return podscope::pod_store{txn}.erase("middle"); }));
    const auto before = c.state();
    CHECK(why_not(c.try_create(writer("stranger", "/ws/a/x"))) == errc::conflict);
    CHECK(c.state() == before);
}

PODSCOPE_TEST_ANYWHERE(
    "I2 who lost the line above is refused until that is settled and then is not", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    auto& grand = c.add("child", writer("grand", "/ws/a/x"));
    c.vanish("child");
    // Nobody else may have it, and the planner, who lives, gets back what the child had.
    CHECK(why_not(c.try_create(writer("stranger", "/ws/a/b"))) == errc::conflict);
    c.adopt(must(grand.delegate(writer("great", "/ws/a/x/b"))));
    CHECK(c.state().template of<tables::allocations>().at("grand").delegated_from == "planner");
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::write);
    c.judge_restored("planner");
}

PODSCOPE_TEST_ANYWHERE("F32 an adoption has its own error for each reason against it", "[pod]") {
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws"));
    const auto grant = c.delegate("planner", writer("child", "/ws/a"));
    CHECK(why_not(c.try_adopt({"nobody", podscope::epoch{1}})) == errc::unknown_pod);
    CHECK(why_not(c.try_adopt({"child", podscope::epoch{99}})) == errc::stale_epoch);
    CHECK(why_not(c.try_adopt({"planner", planner.granted()})) == errc::already_live);
    CHECK(why_not(c.try_adopt(grant, {.segment = std::string(32, '0')})) == errc::unknown_segment);
    c.adopt(grant);
    CHECK(why_not(c.try_adopt(grant)) == errc::already_live);
    must(planner.reclaim("child"));
    c.forget("child");
    CHECK(why_not(c.try_adopt(grant)) == errc::stale_epoch);
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("I7 a name is free again once nobody can come back under it", "[pod]") {
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    CHECK(why_not(c.try_create(writer("child", "/data"))) == errc::duplicate_name);
    c.vanish("child");
    CHECK(why_not(c.try_create(writer("child", "/data"))) == errc::duplicate_name);
    must(planner.reclaim("child"));
    c.create(writer("child", "/data"));
    CHECK(why_not(planner.delegate(writer("child", "/ws/a"))) == errc::duplicate_name);
    c.judge();
    c.kill("child");
    CHECK(why_not(c.try_create(writer("child", "/ws/b"))) == errc::duplicate_name);
    c.restore("child");
    CHECK(c.state().template of<tables::pods>().at("child").delegated_from.empty());
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("I11 a segment that nobody knows is refused and changes nothing", "[pod]") {
    crew_in<Place> c;
    auto& pod = c.create(writer("pod", "/ws"));
    const auto before = c.state();
    CHECK(why_not(c.try_create(writer("other", "/data"), {.segment = "nowhere"})) ==
          errc::unknown_segment);
    CHECK(why_not(pod.switch_segment("nowhere")) == errc::unknown_segment);
    CHECK(c.state() == before);
}

} // namespace podscope_test::runtimes
