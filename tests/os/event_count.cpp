// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/threads.hpp"

#include <podscope/os/event_count.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <thread>

#include <unistd.h>

namespace {

using podscope::os_detail::event_count;
using moment = event_count::time;

// Somebody who sleeps until he is called by his bits and what he waits for is there.
class sleeper {
public:
    sleeper(event_count& events, const std::atomic<bool>& there, event_count::bits called)
        : thread_{[this, &events, &there, called] {
              id_ = ::gettid();
              for (;;) {
                  const auto seen = events.present();
                  if (there) {
                      return;
                  }
                  wakings_ += events.wait_until(seen, called, moment::max()) ? 1 : 0;
              }
          }} {}

    [[nodiscard]] bool sleeps() const {
        return podscope_test::eventually(
            [this] { return id_ != 0 && podscope_test::is_asleep(id_); });
    }

    [[nodiscard]] int wakings() const { return wakings_; }

    void join() { thread_.join(); }

private:
    std::atomic<int> id_{0};
    std::atomic<int> wakings_{0};
    std::thread thread_;
};

} // namespace

TEST_CASE("nobody sleeps for what was notified after he had looked at the count") {
    event_count events;
    const auto seen = events.present();
    events.notify(1);
    CHECK(events.wait_until(seen, 1, moment::max()));
    // Not even by other bits than his: he may have looked before they were given.
    CHECK(events.wait_until(seen, 2, moment::max()));
}

TEST_CASE("F08 a wait for what never comes ends at its deadline") {
    using namespace std::chrono_literals;
    event_count events;
    const auto now = event_count::time::clock::now();
    const auto until =
        GENERATE_COPY(now + 1ms, now, now - 1s, moment{}, moment{} - 1s, moment::min());
    CHECK_FALSE(events.wait_until(events.present(), 1, until));
    CHECK(event_count::time::clock::now() >= until);
}

TEST_CASE("who is called wakes, and who is not sleeps on", "[concurrent]") {
    event_count events;
    std::atomic<bool> there{false};
    std::deque<sleeper> called;
    for (int i = 0; i != 6; ++i) {
        called.emplace_back(events, there, event_count::bits{1} << i);
    }
    std::atomic<bool> never{false};
    sleeper other{events, never, event_count::bits{1} << 31};
    for (const auto& one : called) {
        REQUIRE(one.sleeps());
    }
    REQUIRE(other.sleeps());

    there = true;
    events.notify(0b111111);
    for (auto& one : called) {
        one.join();
        CHECK(one.wakings() == 1);
    }
    CHECK(other.sleeps());
    CHECK(other.wakings() == 0);

    never = true;
    events.notify(event_count::bits{1} << 31);
    other.join();
    CHECK(other.wakings() == 1);
}
