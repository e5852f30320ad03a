// SPDX-License-Identifier: BSL-1.0
#include "sink/sinks.hpp"

#include <podscope/sink/callback.hpp>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

void count(const notification&) {}

template <class F>
constexpr bool fits = requires(F function) { callback_sink{std::move(function)}; };

} // namespace

TEST_CASE("A callback is called with each notification", "[sink]") {
    std::vector<std::string> seen;
    callback_sink sink{[&](const notification& one) { seen.push_back(one.id); }};
    static_assert(notification_sink<decltype(sink)>);
    REQUIRE(sink.notify(told("1")));
    REQUIRE(sink.notify(told("2")));
    REQUIRE(seen == std::vector<std::string>{"1", "2"});
}

TEST_CASE("F41 a callback that returns a result decides", "[sink]") {
    bool ready = false;
    callback_sink sink{[&](const notification& one) -> result<void> {
        if (!ready)
            return fail({.category = errc::timeout, .message = "not yet", .subject = one.id});
        return {};
    }};
    const auto refused = sink.notify(told("1"));
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().category == errc::timeout);
    REQUIRE(refused.error().subject == "1");
    ready = true;
    REQUIRE(sink.notify(told("1")));
}

TEST_CASE("F41 what a callback throws does not come out of it", "[sink]") {
    callback_sink throws{[](const notification&) { throw std::runtime_error{"why"}; }};
    const auto refused = throws.notify(told("1"));
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().category == errc::unavailable);
    REQUIRE(refused.error().message == "a plug-in threw: why");

    callback_sink anything{[](const notification&) -> result<void> { throw 5; }};
    REQUIRE(anything.notify(told("1")).error().category == errc::unavailable);

    callback_sink memory{[](const notification&) { throw std::bad_alloc{}; }};
    REQUIRE(memory.notify(told("1")).error().category == errc::out_of_memory);
}

TEST_CASE("A callback may be a plain function or hold what cannot be copied", "[sink]") {
    callback_sink plain{&count};
    REQUIRE(plain.notify(told("1")));
    callback_sink holder{[calls = std::make_unique<int>(0)](const notification&) { ++*calls; }};
    auto moved = std::move(holder);
    REQUIRE(moved.notify(told("1")));
}

TEST_CASE("A function that takes or returns something else is no callback", "[sink]") {
    STATIC_REQUIRE(fits<void (*)(const notification&)>);
    STATIC_REQUIRE(fits<result<void> (*)(const notification&)>);
    STATIC_REQUIRE(fits<void (*)(notification)>);
    STATIC_REQUIRE_FALSE(fits<bool (*)(const notification&)>);
    STATIC_REQUIRE_FALSE(fits<void (*)(notification&)>);
    STATIC_REQUIRE_FALSE(fits<void (*)()>);
    STATIC_REQUIRE_FALSE(fits<int>);
}
