// SPDX-License-Identifier: BSL-1.0
// Notifications on their way from an outbox to a sink.
#pragma once

#include "pod/deliveries.hpp"
#include "support/anywhere.hpp"
#include "support/crew.hpp"

#include <podscope/notification.hpp>
#include <podscope/pod/report.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace podscope_test::deliveries {

PODSCOPE_TEST_ANYWHERE("F41 what a failing sink does not take stays and the restore says so",
                       "[pod]") {
    crew_in<Place> c;
    build(c);
    bool fails = true;
    std::vector<std::string> taken;
    tell(c, [&](const notification& told) -> podscope::result<void> {
        if (fails && told.child == "first") {
            return podscope::fail({.category = errc::timeout, .message = "nobody is at home"});
        }
        taken.push_back(told.id);
        return {};
    });
    const auto report = c.restore("planner");
    REQUIRE(report.undelivered.size() == 1);
    CHECK(report.undelivered.front().child == "first");
    REQUIRE(report.delivery_error);
    CHECK(report.delivery_error->category == errc::timeout);
    CHECK(waiting(c) == std::vector{report.undelivered.front().id});
    // The pod is whole all the same.
    must(c.at("planner").check("/ws/a/f", permission::write));
    c.forget("planner");
    REQUIRE(taken.size() == 1);
}

PODSCOPE_TEST_ANYWHERE("F41 what was not taken is offered again under the same id", "[pod]") {
    crew_in<Place> c;
    build(c);
    bool fails = true;
    std::vector<notification> offered;
    tell(c, [&](const notification& told) -> podscope::result<void> {
        offered.push_back(told);
        return fails ? podscope::result<void>{podscope::fail({.category = errc::unavailable})}
                     : podscope::result<void>{};
    });
    CHECK(c.restore("planner").undelivered.size() == 2);
    CHECK(must(c.at("planner").deliver()).undelivered.size() == 2);
    CHECK(must(c.at("planner").reconcile()).undelivered.size() == 2);
    fails = false;
    CHECK(must(c.at("planner").deliver()).undelivered.empty());
    CHECK(waiting(c).empty());
    REQUIRE(offered.size() == 8);
    for (std::size_t i = 2; i != offered.size(); ++i) {
        CHECK(offered[i] == offered[i - 2]);
    }
    must(c.at("planner").deliver());
    CHECK(offered.size() == 8);
}

PODSCOPE_TEST_ANYWHERE("F41 a sink that throws is a sink that fails", "[pod]") {
    crew_in<Place> c;
    build(c);
    tell(c, [](const notification&) { throw std::runtime_error{"the sink is clogged"}; });
    const auto report = c.restore("planner");
    CHECK(report.undelivered.size() == 2);
    REQUIRE(report.delivery_error);
    CHECK(report.delivery_error->message == "a plug-in threw: the sink is clogged");
    CHECK(waiting(c).size() == 2);
    must(c.at("planner").check("/ws/a/f", permission::write));
}

PODSCOPE_TEST_ANYWHERE("F41 a sink may ask for a restore itself", "[pod]") {
    crew_in<Place> c;
    build(c);
    c.create(writer("helper", "/data"));
    c.kill("helper");
    auto by = c.hire();
    std::optional<podscope::restored<typename crew_in<Place>::parts>> helper;
    std::vector<errc> again;
    tell(c, [&](const notification&) {
        // The one that is told of is live by then, to everybody but the one who asked for it.
        again.push_back(why_not(by.library.restore("planner")));
        if (!helper) {
            helper = must(by.library.restore("helper"));
        }
    });
    CHECK(c.restore("planner").undelivered.empty());
    CHECK(again == std::vector{errc::already_live, errc::already_live});
    REQUIRE(helper);
    must(helper->pod.check("/data/f", permission::write));
    CHECK(waiting(c).empty());
    c.forget("planner");
}

PODSCOPE_TEST_ANYWHERE("I5 a name that its pod has left can still be told what waits for it",
                       "[pod]") {
    crew_in<Place> c;
    build(c);
    tell(c, [](const notification&) -> podscope::result<void> {
        return podscope::fail({.category = errc::unavailable});
    });
    c.restore("planner");
    must(c.at("planner").release());
    c.forget("planner");
    CHECK(waiting(c).size() == 2);
    std::vector<std::string> taken;
    tell(c, [&](const notification& told) { taken.push_back(told.child); });
    CHECK(must(c.hire().library.deliver("planner")).undelivered.empty());
    CHECK(taken == std::vector<std::string>{"first", "second"});
    CHECK(waiting(c).empty());
}

PODSCOPE_TEST_ANYWHERE("I5 who clears a child off the segment that he wants is told of it at once",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    const auto segment = must(c.add("planner", writer("child", "/ws/a")).segment());
    c.kill("child");
    must(c.at("planner").switch_segment(segment, patience));
    CHECK(c.told().size() == 1);
    CHECK(waiting(c).empty());
    must(c.at("planner").check("/ws/a/f", permission::write));
}

} // namespace podscope_test::deliveries
