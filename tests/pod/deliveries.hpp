// SPDX-License-Identifier: BSL-1.0
// Notifications on their way from an outbox to a sink, one scenario for each, written once for
// every crew.
#pragma once

#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/result.hpp>
#include <podscope/sink/callback.hpp>
#include <podscope/store/records.hpp>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace podscope_test::deliveries {

using podscope::errc;
using podscope::notification;
namespace tables = podscope::tables;

// A planner that has to be restored and will be told of two dead children.
template <class Crew>
void build(Crew& c) {
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("first", "/ws/a"));
    c.add("planner", writer("second", "/ws/b"));
    for (const auto* pod : {"first", "second", "planner"}) {
        c.kill(pod);
    }
}

template <class Crew, class F>
void tell(Crew& c, F function) {
    c.use([function] { return any_sink::of(podscope::callback_sink{function}); });
}

template <class Crew>
[[nodiscard]] std::vector<std::string> waiting(Crew& c) {
    std::vector<std::string> ids;
    for (const auto& told : rows_of<tables::outbox>(c.state(), "planner")) {
        ids.push_back(told.id);
    }
    return ids;
}

template <class Crew>
void what_fails_stays(Crew& c) {
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

template <class Crew>
void offered_again(Crew& c) {
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

template <class Crew>
void throws(Crew& c) {
    build(c);
    tell(c, [](const notification&) { throw std::runtime_error{"the sink is clogged"}; });
    const auto report = c.restore("planner");
    CHECK(report.undelivered.size() == 2);
    REQUIRE(report.delivery_error);
    CHECK(report.delivery_error->message == "a plug-in threw: the sink is clogged");
    CHECK(waiting(c).size() == 2);
    must(c.at("planner").check("/ws/a/f", permission::write));
}

template <class Crew>
void restores_itself(Crew& c) {
    build(c);
    c.create(writer("helper", "/data"));
    c.kill("helper");
    auto by = c.hire();
    std::optional<podscope::restored<typename Crew::parts>> helper;
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

template <class Crew>
void told_after_release(Crew& c) {
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

template <class Crew>
void told_of_a_segment(Crew& c) {
    c.create(writer("planner", "/ws"));
    const auto segment = must(c.add("planner", writer("child", "/ws/a")).segment());
    c.kill("child");
    must(c.at("planner").switch_segment(segment, patience));
    CHECK(c.told().size() == 1);
    CHECK(waiting(c).empty());
    must(c.at("planner").check("/ws/a/f", permission::write));
}

} // namespace podscope_test::deliveries
