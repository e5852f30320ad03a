// SPDX-License-Identifier: BSL-1.0
// What a reconciliation makes of what it finds.
#pragma once

#include "pod/ways_to_end.hpp"
#include "support/anywhere.hpp"
#include "support/crew.hpp"
#include "support/etcd_server.hpp"

#include <podscope/backend/leased_rows.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/fixed.hpp>
#include <podscope/probe/tcp_socket.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace podscope_test::reconciling {

using podscope::end_reason;
using podscope::errc;
namespace tables = podscope::tables;

/// Runs a step of the reconciliation itself, as one commit.
template <class Policy = podscope::reclaim_and_fence, class Crew, class F>
auto settling(Crew& c, const podscope::judgements* judged, F&& step) {
    auto store = c.backend().open();
    return store.write([&](auto& txn) {
        podscope::reconciliation settled{txn, judged, Policy{}, 17};
        return step(settled);
    });
}

template <class Crew>
auto end_delegation(Crew& c, const char* heir, const char* child) {
    return settling(c, nullptr,
                    [&](auto& settled) { return settled.end(heir, child, end_reason::revoked); });
}

template <class Crew>
std::set<std::string> children_on_record(Crew& c, const char* pod) {
    std::set<std::string> names;
    for (const auto& made : rows_of<tables::delegations>(c.state(), pod)) {
        names.insert(made.child);
    }
    return names;
}

template <class Crew>
std::string parent_of(Crew& c, const char* pod) {
    return c.state().template of<tables::allocations>().at(pod).delegated_from;
}

inline manifest with_many_rules(const char* name) {
    return manifest{name}
        .may(rules::read("/ws"))
        .may(rules::write("/ws/a"))
        .may(rules::write("/ws/b").only_here())
        .may(rules::write("/ws/x"));
}

PODSCOPE_TEST_ANYWHERE("S1 an end takes the layer of each write rule and then the allocation",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", with_many_rules("child"));
    REQUIRE(standing_layers(c.state(), "planner").size() == 3);
    const auto report = must(end_delegation(c, "planner", "child"));
    c.forget("child");
    CHECK(report.ended.size() == 1);
    CHECK(report.changed());
    CHECK(standing_layers(c.state(), "planner").empty());
    CHECK_FALSE(c.state().template of<tables::allocations>().contains("child"));
    CHECK(children_on_record(c, "planner").empty());
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("S1 an end hangs the living below the heir", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grand", "/ws/a/x"));
    c.add("grand", writer("great", "/ws/a/x/b"));
    const auto report = must(end_delegation(c, "planner", "child"));
    c.forget("child");
    REQUIRE(report.adopted.size() == 1);
    CHECK(report.adopted.front().child == "grand");
    CHECK(report.adopted.front().from == "child");
    CHECK(parent_of(c, "grand") == "planner");
    CHECK(parent_of(c, "great") == "grand");
    CHECK(children_on_record(c, "planner") == std::set<std::string>{"grand"});
    CHECK(children_on_record(c, "child").empty());
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("I3 an orphan is adopted though nothing is on record of it", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grand", "/ws/a/x"));
    auto store = c.backend().open();
    must(store.write([](auto& txn) { return podscope::pod_store{txn}.erase("grand"); }));
    CHECK(must(end_delegation(c, "planner", "child")).adopted.size() == 1);
    c.forget("child");
    CHECK(parent_of(c, "grand") == "planner");
    CHECK(children_on_record(c, "planner") == std::set<std::string>{"grand"});
    CHECK_FALSE(c.state().template of<tables::pods>().contains("grand"));
    must(c.at("grand").check("/ws/a/x/f", permission::write));
}

PODSCOPE_TEST_ANYWHERE("I5 who gets a scope back is told whose it was and why it came", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grand", "/ws/a/x"));
    const auto made = c.state().template of<tables::delegations>();
    std::map<podscope::event, podscope::notification> wanted;
    for (const auto& [key, one] : made) {
        const bool ends = one.child == "child";
        const auto what = ends ? podscope::event::ended : podscope::event::adopted;
        const auto number = std::to_string(static_cast<std::uint64_t>(one.granted));
        wanted[what] = {.id = std::string{to_string(what)} + "/planner/" + one.child + "/" + number,
                        .what = what,
                        .pod = "planner",
                        .child = one.child,
                        .delegator = ends ? "planner" : "child",
                        .reason = end_reason::revoked, // the grandchild comes for the same reason
                        .granted = one.granted,
                        .at_ms = 17,
                        .rules = one.rules};
    }
    must(end_delegation(c, "planner", "child"));
    c.forget("child");
    auto told = rows_of<tables::outbox>(c.state(), "planner");
    REQUIRE(told.size() == 2);
    for (auto& one : told) {
        one.sequence = 0;
        CHECK(one == wanted[one.what]);
    }
}

PODSCOPE_TEST_ANYWHERE("I10 a pod that does not live is not settled", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.vanish("planner");
    const auto refused =
        error_of(settling(c, nullptr, [](auto& r) { return r.settle("planner"); }));
    CHECK(refused.category == errc::revoked);
    CHECK(refused.subject == "planner");
    CHECK(refused.message.find("'planner' is not live") != std::string::npos);
}

PODSCOPE_TEST_ANYWHERE("S2 F24 the layers go even if the child's allocation is gone already",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", with_many_rules("child"));
    c.vanish("child");
    REQUIRE(standing_layers(c.state(), "planner").size() == 3);
    const auto report = must(end_delegation(c, "planner", "child"));
    CHECK(report.ended.size() == 1);
    CHECK(standing_layers(c.state(), "planner").empty());
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::write);
    c.judge();

    const auto before = c.state();
    CHECK_FALSE(must(end_delegation(c, "planner", "child")).changed());
    CHECK(c.state() == before);
}

PODSCOPE_TEST_ANYWHERE(
    "F24 F44 who is to be kept while he hangs is kept once he is gone only where "
    "a lease may have ended",
    "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a").if_unreachable(podscope::when_unreachable::keep));
    c.vanish("child");
    const auto report = must(c.at("planner").reconcile());
    if constexpr (podscope::leases_rows<typename Place::store::writer, tables::allocations>) {
        CHECK(report.kept == std::vector<std::string>{"child"});
        CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::read);
        c.restore("child");
    } else {
        REQUIRE(report.ended.size() == 1);
        CHECK(report.ended.front().reason == end_reason::absent);
    }
    c.judge_restored("planner");
}

PODSCOPE_TEST_ANYWHERE("S2 layers that are gone already are no error", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.vanish("planner");
    REQUIRE(standing_layers(c.state(), "planner").empty());
    CHECK(must(end_delegation(c, "planner", "child")).ended.size() == 1);
    c.forget("child");
    CHECK(children_on_record(c, "planner").empty());
    CHECK_FALSE(c.state().template of<tables::allocations>().contains("child"));
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("I7 an end says nothing about a later incarnation of the child", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    // A registry whose row is of a grant that the record does not know of.
    c.tamper("child", [](podscope::allocation& row) { row.granted = podscope::epoch{99}; });
    CHECK(must(end_delegation(c, "planner", "child")).ended.size() == 1);
    CHECK(c.state().template of<tables::allocations>().at("child").granted == podscope::epoch{99});
    CHECK(standing_layers(c.state(), "planner").empty());
}

PODSCOPE_TEST_ANYWHERE(
    "F27 of two delegations of one rule only the layer of the one that ends goes", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("first", "/ws/a"));
    c.vanish("first");
    const auto second = c.add("planner", writer("second", "/ws/a")).granted();
    REQUIRE(standing_layers(c.state(), "planner").size() == 2);
    must(c.at("planner").reclaim("first"));
    CHECK(standing_layers(c.state(), "planner") ==
          layer_set{{"write /ws/a", "second", static_cast<std::uint64_t>(second)}});
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::read);
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("F28 a base deny that equals a delegated rule stays", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("planner");
    c.restore(writer("planner", "/ws").may_not(rules::write("/ws/a")));
    REQUIRE(standing_layers(c.state(), "planner").size() == 2);
    must(c.at("planner").reclaim("child"));
    c.forget("child");
    CHECK(standing_layers(c.state(), "planner") == layer_set{{.rule = "write /ws/a"}});
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::read);
    c.judge();
}

PODSCOPE_TEST_ANYWHERE("S6 every way in which a delegation ends leaves the same", "[pod]") {
    ways_to_end::leave_the_same<configuration<Place, by_script, to_queue>>();
}

PODSCOPE_TEST_ANYWHERE("F49 a child of which nothing is known is kept", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("busy", "/ws/a"));
    c.use([] {
        return any_probe::of(podscope::fixed_probe{{{"planner", podscope::verdict::missing}}});
    });
    c.kill("planner");
    const auto report = c.restore("planner");
    CHECK_FALSE(report.changed());
    CHECK(report.kept == std::vector<std::string>{"busy"});
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::read);
    CHECK(may_at(c.at("busy"), "/ws/a/f") == permission::write);
    c.judge_restored("planner");
}

PODSCOPE_TEST_ANYWHERE(
    "F20 who is asked over TCP is kept if he gave no endpoint, and ended if nobody "
    "listens there",
    "[pod]") {
    crew_in<Place> c;
    c.use([] { return any_probe::of(podscope::tcp_probe{}); });
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("silent", "/ws/a"));
    must(c.add("planner", writer("gone", "/ws/b"))
             .set_endpoint("tcp:127.0.0.1:" + std::to_string(free_ports(1).front())));
    const auto report = must(c.at("planner").reconcile(patience));
    CHECK(report.kept == std::vector<std::string>{"silent"});
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "gone");
    CHECK(report.ended.front().reason == end_reason::unreachable);
    CHECK(why_not(c.at("gone").check("/ws/b/f", permission::write)) == errc::revoked);
    c.forget("gone");
    must(c.at("silent").check("/ws/a/f", permission::write));
    c.judge_restored("planner");
}

PODSCOPE_TEST_ANYWHERE("F49 a policy that ends only the dead keeps who hangs", "[pod]") {
    for (const auto found : {podscope::verdict::unknown, podscope::verdict::reachable,
                             podscope::verdict::unreachable, podscope::verdict::missing}) {
        CAPTURE(to_string(found));
        crew_in<Place> c;
        c.create(writer("planner", "/ws"));
        c.add("planner", writer("child", "/ws/a"));
        const auto row = c.state().template of<tables::allocations>().at("child");
        const podscope::judgements judged{{"child", {row.owner, row.granted, found}}};
        const auto settled = must(settling<podscope::reclaim_only_the_dead>(
            c, &judged, [](auto& r) { return r.settle("planner"); }));
        const bool ends = found == podscope::verdict::missing;
        CHECK(settled.report().ended.size() == (ends ? 1U : 0U));
        CHECK(settled.report().kept.size() == (ends ? 0U : 1U));
        CHECK(settled.layers().size() == (ends ? 0U : 1U));
    }
}

PODSCOPE_TEST_ANYWHERE("I7 a verdict about one incarnation says nothing about the next", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    const auto row = c.state().template of<tables::allocations>().at("child");
    auto other_owner = row.owner;
    ++other_owner.start_time;
    const auto missing = podscope::verdict::missing;
    for (const auto& said : {podscope::judgement{other_owner, row.granted, missing},
                             podscope::judgement{row.owner, podscope::epoch::none, missing}}) {
        const podscope::judgements judged{{"child", said}};
        const auto settled =
            must(settling(c, &judged, [](auto& r) { return r.settle("planner"); }));
        CHECK_FALSE(settled.report().changed());
        CHECK(settled.report().undecided == std::vector<std::string>{"child"});
    }
    c.judge_restored("planner");
}

} // namespace podscope_test::reconciling
