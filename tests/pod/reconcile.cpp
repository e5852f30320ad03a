// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/fixed.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::end_reason;
using podscope::errc;
namespace tables = podscope::tables;

using configuration_here = configuration<in_memory, by_script, to_queue>;
using crew_here = crew_of<configuration_here>;

/// Runs a step of the reconciliation itself, as one commit.
template <class Policy = podscope::reclaim_and_fence, class F>
auto settling(crew_here& c, const podscope::judgements* judged, F&& step) {
    auto store = c.backend().open();
    return store.write([&](auto& txn) {
        podscope::reconciliation settled{txn, judged, Policy{}, 17};
        return step(settled);
    });
}

auto end_delegation(crew_here& c, const char* heir, const char* child) {
    return settling(c, nullptr,
                    [&](auto& settled) { return settled.end(heir, child, end_reason::revoked); });
}

std::set<std::string> children_on_record(crew_here& c, const char* pod) {
    std::set<std::string> names;
    for (const auto& made : rows_of<tables::delegations>(c.state(), pod)) {
        names.insert(made.child);
    }
    return names;
}

std::string parent_of(crew_here& c, const char* pod) {
    return c.state().of<tables::allocations>().at(pod).delegated_from;
}

manifest with_many_rules(const char* name) {
    return manifest{name}
        .may(rules::read("/ws"))
        .may(rules::write("/ws/a"))
        .may(rules::write("/ws/b").only_here())
        .may(rules::write("/ws/x"));
}

TEST_CASE("S1 an end takes the layer of each write rule and then the allocation", "[pod]") {
    crew_here c{configuration_here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", with_many_rules("child"));
    REQUIRE(standing_layers(c.state(), "planner").size() == 3);
    const auto report = must(end_delegation(c, "planner", "child"));
    c.forget("child");
    CHECK(report.ended.size() == 1);
    CHECK(report.changed());
    CHECK(standing_layers(c.state(), "planner").empty());
    CHECK_FALSE(c.state().of<tables::allocations>().contains("child"));
    CHECK(children_on_record(c, "planner").empty());
    c.judge();
}

TEST_CASE("S1 an end hangs the living below the heir", "[pod]") {
    crew_here c{configuration_here{}};
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

TEST_CASE("I3 an orphan is adopted though nothing is on record of it", "[pod]") {
    crew_here c{configuration_here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grand", "/ws/a/x"));
    auto store = c.backend().open();
    must(store.write([](auto& txn) { return podscope::pod_store{txn}.erase("grand"); }));
    CHECK(must(end_delegation(c, "planner", "child")).adopted.size() == 1);
    c.forget("child");
    CHECK(parent_of(c, "grand") == "planner");
    CHECK(children_on_record(c, "planner") == std::set<std::string>{"grand"});
    CHECK_FALSE(c.state().of<tables::pods>().contains("grand"));
    must(c.at("grand").check("/ws/a/x/f", permission::write));
}

TEST_CASE("I5 who gets a scope back is told whose it was and why it came", "[pod]") {
    crew_here c{configuration_here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grand", "/ws/a/x"));
    const auto made = c.state().of<tables::delegations>();
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

TEST_CASE("I10 a pod that does not live is not settled", "[pod]") {
    crew_here c{configuration_here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.vanish("planner");
    const auto refused =
        error_of(settling(c, nullptr, [](auto& r) { return r.settle("planner"); }));
    CHECK(refused.category == errc::revoked);
    CHECK(refused.subject == "planner");
    CHECK(refused.message.find("'planner' is not live") != std::string::npos);
}

TEST_CASE("S2 F24 the layers go even if the child's allocation is gone already", "[pod]") {
    crew_here c{configuration_here{}};
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

TEST_CASE("F24 who is to be kept while he hangs is not kept once he is gone", "[pod]") {
    crew_here c{configuration_here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a").if_unreachable(podscope::when_unreachable::keep));
    c.vanish("child"); // of this store no allocation goes with a lease
    const auto report = must(c.at("planner").reconcile());
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().reason == end_reason::absent);
    c.judge_restored("planner");
}

TEST_CASE("S2 layers that are gone already are no error", "[pod]") {
    crew_here c{configuration_here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.vanish("planner");
    REQUIRE(standing_layers(c.state(), "planner").empty());
    CHECK(must(end_delegation(c, "planner", "child")).ended.size() == 1);
    c.forget("child");
    CHECK(children_on_record(c, "planner").empty());
    CHECK_FALSE(c.state().of<tables::allocations>().contains("child"));
    c.judge();
}

TEST_CASE("I7 an end says nothing about a later incarnation of the child", "[pod]") {
    crew_here c{configuration_here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    // A registry whose row is of a grant that the record does not know of.
    c.tamper("child", [](podscope::allocation& row) { row.granted = podscope::epoch{99}; });
    CHECK(must(end_delegation(c, "planner", "child")).ended.size() == 1);
    CHECK(c.state().of<tables::allocations>().at("child").granted == podscope::epoch{99});
    CHECK(standing_layers(c.state(), "planner").empty());
}

TEST_CASE("F27 of two delegations of one rule only the layer of the one that ends goes", "[pod]") {
    crew_here c{configuration_here{}};
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

TEST_CASE("F28 a base deny that equals a delegated rule stays", "[pod]") {
    crew_here c{configuration_here{}};
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

// How a delegation may end. Each makes the same of the same situation: a dead child, its own child
// alive, and another one of its own gone.
struct way {
    const char* name;
    std::function<void(crew_here&)> end;
};

const std::vector<way>& ways() {
    static const std::vector<way> all{
        {"restore by name",
         [](crew_here& c) {
             c.kill("child");
             c.kill("planner");
             c.restore("planner");
         }},
        {"restore by manifest",
         [](crew_here& c) {
             c.kill("child");
             c.kill("planner");
             c.restore(writer("planner", "/ws"));
         }},
        {"reconcile",
         [](crew_here& c) {
             c.kill("child");
             must(c.at("planner").reconcile());
         }},
        {"reclaim",
         [](crew_here& c) {
             must(c.at("planner").reclaim("child"));
             c.forget("child");
         }},
        {"release",
         [](crew_here& c) {
             must(c.at("child").release());
             c.forget("child");
         }},
        {"a search for the dead",
         [](crew_here& c) {
             c.kill("child");
             must(c.hire().library.reclaim_stale());
         }},
        {"being in the way",
         [](crew_here& c) {
             c.kill("child");
             REQUIRE(why_not(c.try_create(writer("stranger", "/ws/a"))) == errc::conflict);
         }},
    };
    return all;
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

remains left_in(crew_here& c) {
    const auto state = c.state();
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

TEST_CASE("S6 every way in which a delegation ends leaves the same", "[pod]") {
    std::vector<remains> left;
    for (const auto& one : ways()) {
        CAPTURE(one.name);
        crew_here c{configuration_here{}};
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

TEST_CASE("F49 a child of which nothing is known is kept", "[pod]") {
    crew_here c{configuration_here{}};
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

TEST_CASE("F49 a policy that ends only the dead keeps who hangs", "[pod]") {
    for (const auto found : {podscope::verdict::unknown, podscope::verdict::reachable,
                             podscope::verdict::unreachable, podscope::verdict::missing}) {
        CAPTURE(to_string(found));
        crew_here c{configuration_here{}};
        c.create(writer("planner", "/ws"));
        c.add("planner", writer("child", "/ws/a"));
        const auto row = c.state().of<tables::allocations>().at("child");
        const podscope::judgements judged{{"child", {row.owner, row.granted, found}}};
        const auto settled = must(settling<podscope::reclaim_only_the_dead>(
            c, &judged, [](auto& r) { return r.settle("planner"); }));
        const bool ends = found == podscope::verdict::missing;
        CHECK(settled.report().ended.size() == (ends ? 1U : 0U));
        CHECK(settled.report().kept.size() == (ends ? 0U : 1U));
        CHECK(settled.layers().size() == (ends ? 0U : 1U));
    }
}

TEST_CASE("I7 a verdict about one incarnation says nothing about the next", "[pod]") {
    crew_here c{configuration_here{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    const auto row = c.state().of<tables::allocations>().at("child");
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

} // namespace
