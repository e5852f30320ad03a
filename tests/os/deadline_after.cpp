// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/os/deadline_after.hpp>

#include <chrono>

namespace {

using moment = std::chrono::steady_clock::time_point;

} // namespace

TEST_CASE("a deadline lies as long after its begin as was asked for") {
    using namespace std::chrono_literals;
    using podscope::os_detail::deadline_after;
    const auto now = GENERATE(moment{}, moment{} + 3ns, moment{} - 5s, moment{} + 24h * 365 * 50);
    CHECK(deadline_after(now, 10s) == now + 10s);
    CHECK(deadline_after(now, 1ms) == now + 1ms);
    CHECK(deadline_after(now, 0ms) == now);
}

TEST_CASE("F08 who waits for ever has the furthest deadline of all") {
    using namespace std::chrono_literals;
    using podscope::os_detail::deadline_after;
    constexpr auto for_ever = std::chrono::milliseconds::max();
    const auto now = GENERATE(moment{}, moment{} + 3ns, moment{} - 5s, moment::max() - 2ms);
    CHECK(deadline_after(now, for_ever) == moment::max());
    CHECK(deadline_after(now, for_ever - 1ms) == moment::max());
    CHECK(deadline_after(for_ever) == moment::max());
    // The last wait that the clock can tell, and the first that it cannot.
    CHECK(deadline_after(moment::max() - 5ms, 4ms) == moment::max() - 1ms);
    CHECK(deadline_after(moment::max() - 5ms, 6ms) == moment::max());
}

TEST_CASE("who waits for less than nothing does not wait") {
    using namespace std::chrono_literals;
    using podscope::os_detail::deadline_after;
    const auto now = GENERATE(moment{}, moment{} + 3ns, moment::max());
    CHECK(deadline_after(now, -1ms) == now);
    CHECK(deadline_after(now, std::chrono::milliseconds::min()) == now);
}
