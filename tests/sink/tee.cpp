// SPDX-License-Identifier: BSL-1.0
#include "sink/sinks.hpp"

#include <podscope/sink/callback.hpp>
#include <podscope/sink/null.hpp>
#include <podscope/sink/queue.hpp>
#include <podscope/sink/tee.hpp>

#include <stdexcept>
#include <string>

using namespace podscope;
using namespace podscope_test;

TEST_CASE("Every sink of a tee gets the notification in order", "[sink]") {
    std::string order;
    queue_sink queue;
    tee_sink tee{callback_sink{[&](const notification&) { order += 'a'; }}, queue, null_sink{},
                 callback_sink{[&](const notification&) { order += 'b'; }}};
    static_assert(notification_sink<decltype(tee)>);
    REQUIRE(tee.notify(told("1")));
    REQUIRE(order == "ab");
    REQUIRE(queue.size() == 1);
    REQUIRE(tee.get<1>().drain().front().id == "1");
    REQUIRE(queue.size() == 0);
}

TEST_CASE("F41 a tee with a failing sink fails and says which and the others get it", "[sink]") {
    queue_sink before;
    queue_sink after;
    tee_sink tee{before,
                 refusing{{.category = errc::io,
                           .message = "the disk is full",
                           .path = "/log",
                           .system = std::make_error_code(std::errc::no_space_on_device)}},
                 after};
    const auto refused = tee.notify(told("1"));
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().category == errc::io);
    REQUIRE(refused.error().path == "/log");
    REQUIRE(refused.error().system == std::errc::no_space_on_device);
    REQUIRE(refused.error().message ==
            "sink 2 of 3 did not take the notification: the disk is full");
    REQUIRE(before.size() == 1);
    REQUIRE(after.size() == 1);
    REQUIRE_FALSE(tee.notify(told("1")));
    REQUIRE(before.size() == 2);
    REQUIRE(before.drain().back().id == "1");
}

TEST_CASE("F41 a tee names every sink that failed and one that throws", "[sink]") {
    queue_sink queue;
    tee_sink tee{callback_sink{[](const notification&) { throw std::runtime_error{"thrown"}; }},
                 queue, refusing{{.category = errc::timeout, .message = "late"}}};
    const auto refused = tee.notify(told("1"));
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().category == errc::unavailable);
    REQUIRE(refused.error().message ==
            "sink 1 of 3 did not take the notification: a plug-in threw: thrown; "
            "sink 3 of 3 did not take the notification: late");
    REQUIRE(queue.size() == 1);
}

TEST_CASE("F41 a user's sink that throws does not keep a tee from the others", "[sink]") {
    struct throwing {
        result<void> notify(const notification&) { throw std::runtime_error{"thrown"}; }
    };

    queue_sink queue;
    tee_sink tee{throwing{}, queue};
    REQUIRE(tee.notify(told("1")).error().category == errc::unavailable);
    REQUIRE(queue.size() == 1);
}

TEST_CASE("A tee may stand in a tee", "[sink]") {
    queue_sink queue;
    tee_sink<queue_sink, tee_sink<null_sink, queue_sink>> outer{queue,
                                                                tee_sink{null_sink{}, queue}};
    REQUIRE(outer.notify(told("1")));
    REQUIRE(queue.size() == 2);
}
