// SPDX-License-Identifier: BSL-1.0
// The ways in which a delegation may end, and what they leave, written once for every crew.
#pragma once

#include "support/crew.hpp"

#include <podscope/error.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/store/records.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace podscope_test::ways_to_end {

using podscope::errc;
namespace tables = podscope::tables;

// How a delegation may end. Each makes the same of the same situation: a dead child, its own child
// alive, and another one of its own gone.
template <class Crew>
struct way {
    const char* name;
    std::function<void(Crew&)> end;
};

template <class Crew>
[[nodiscard]] std::vector<way<Crew>> all() {
    return {
        {"restore by name",
         [](Crew& c) {
             c.kill("child");
             c.kill("planner");
             c.restore("planner");
         }},
        {"restore by manifest",
         [](Crew& c) {
             c.kill("child");
             c.kill("planner");
             c.restore(writer("planner", "/ws"));
         }},
        {"reconcile",
         [](Crew& c) {
             c.kill("child");
             must(c.at("planner").reconcile());
         }},
        {"reclaim",
         [](Crew& c) {
             must(c.at("planner").reclaim("child"));
             c.forget("child");
         }},
        {"release",
         [](Crew& c) {
             must(c.at("child").release());
             c.forget("child");
         }},
        {"a search for the dead",
         [](Crew& c) {
             c.kill("child");
             must(c.hire().library.reclaim_stale());
         }},
        {"being in the way",
         [](Crew& c) {
             c.kill("child");
             REQUIRE(why_not(c.try_create(writer("stranger", "/ws/a"))) == errc::conflict);
         }},
    };
}

// What is left, without what has to differ: reasons, times, who is told when, and the new grant
// that a restore gets.
struct remains {
    std::map<std::string, podscope::allocation> live{};
    std::map<std::string, podscope::pod_record> records{};
    std::map<std::string, podscope::delegation> delegations{};
    std::map<std::string, podscope::ended_delegation> history{};
    std::map<std::string, layer_set> layers{};
    std::set<std::string> told{};

    friend bool operator==(const remains&, const remains&) = default;
};

template <class Crew>
[[nodiscard]] remains left_in(Crew& c) {
    const stored_state state = c.state();
    remains left{.live = state.of<tables::allocations>(),
                 .records = state.of<tables::pods>(),
                 .delegations = state.of<tables::delegations>(),
                 .history = state.of<tables::history>(),
                 .told = c.told()};
    left.records.erase("child");
    for (auto& [pod, row] : left.live) {
        left.layers[pod] = standing_layers(state, pod);
        row.owner = {};
        row.segment.clear();
        row.layers_revision = 0;
    }
    left.live.at("planner").granted = {};
    left.live.at("planner").returned.reset();
    for (auto& [pod, record] : left.records) {
        record.active_segment.clear();
        record.granted_ms.reset();
    }
    left.records.at("planner").granted = {};
    for (auto& [key, end] : left.history) {
        end.reason = {};
        end.at_ms = 0;
    }
    for (const auto& [key, told] : state.of<tables::outbox>()) {
        left.told.insert(told.id);
    }
    return left;
}

template <class Configuration>
void leave_the_same() {
    std::vector<remains> left;
    for (const auto& one : all<crew_of<Configuration>>()) {
        CAPTURE(one.name);
        crew_of<Configuration> c{Configuration{}};
        c.create(writer("planner", "/ws"));
        c.add("planner", writer("child", "/ws/a"));
        c.add("child", writer("alive", "/ws/a/x"));
        c.add("child", writer("gone", "/ws/a/b"));
        c.add("alive", writer("deep", "/ws/a/x/b"));
        c.vanish("gone");
        one.end(c);
        c.judge_restored("planner");
        left.push_back(left_in(c));
        CHECK(left.back() == left.front());
    }
    CHECK(left.front().history.size() == 2);
    CHECK(left.front().told.size() == 3);
    CHECK(left.front().delegations.size() == 2);
}

} // namespace podscope_test::ways_to_end
