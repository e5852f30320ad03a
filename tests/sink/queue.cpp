// SPDX-License-Identifier: BSL-1.0
#include "sink/sinks.hpp"

#include <podscope/sink/queue.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

std::vector<std::string> ids(const std::vector<notification>& all) {
    std::vector<std::string> each;
    for (const auto& one : all)
        each.push_back(one.id);
    return each;
}

using list = std::vector<std::string>;

} // namespace

TEST_CASE("A queue gives back what it was told in order and once", "[sink]") {
    queue_sink queue;
    auto full = told("1");
    full.rules = {{resource{}.child("a"), permission::write, true}};
    full.granted = epoch{7};
    REQUIRE(queue.notify(full));
    REQUIRE(queue.notify(told("2")));
    REQUIRE(queue.size() == 2);
    const auto all = queue.drain();
    REQUIRE(ids(all) == list{"1", "2"});
    REQUIRE((all[0] == full));
    REQUIRE(queue.size() == 0);
    REQUIRE(queue.drain().empty());
}

TEST_CASE("F10 a notification that is told twice lies in the queue twice under its id", "[sink]") {
    queue_sink queue;
    REQUIRE(queue.notify(told("same")));
    REQUIRE(queue.notify(told("same")));
    REQUIRE(ids(queue.drain()) == list{"same", "same"});
}

TEST_CASE("Copies of a queue share what lies in it", "[sink]") {
    queue_sink queue;
    auto copy = queue;
    REQUIRE(copy.notify(told("1")));
    REQUIRE(queue.size() == 1);
    REQUIRE(ids(queue.drain()) == list{"1"});
    REQUIRE(copy.size() == 0);
    queue_sink other;
    REQUIRE(other.notify(told("2")));
    REQUIRE(queue.size() == 0);
}

TEST_CASE("F41 a full queue refuses and takes again when there is room", "[sink]") {
    queue_sink queue{2};
    REQUIRE(queue.notify(told("1")));
    REQUIRE(queue.notify(told("2")));
    const auto refused = queue.notify(told("3"));
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().category == errc::unavailable);
    REQUIRE(refused.error().subject == "3");
    REQUIRE(queue.wait_for({}).value().id == "1");
    REQUIRE(queue.notify(told("3")));
    REQUIRE(ids(queue.drain()) == list{"2", "3"});
    REQUIRE_FALSE(queue_sink{0}.notify(told("1")));
}

TEST_CASE("Taking one by one and all at once keeps the order", "[sink]") {
    queue_sink queue;
    int next = 0;
    int taken = 0;
    for (int round = 0; round != 200; ++round) {
        for (int i = 0; i != round % 7; ++i)
            REQUIRE(queue.notify(told(std::to_string(next++))));
        for (int i = 0; i != round % 5 && taken != next; ++i)
            REQUIRE(queue.wait_for({}).value().id == std::to_string(taken++));
        REQUIRE(queue.size() == static_cast<std::size_t>(next - taken));
        if (round % 11 == 10)
            for (const auto& each : queue.drain())
                REQUIRE(each.id == std::to_string(taken++));
    }
}

TEST_CASE("A wait ends with nothing once its deadline has passed", "[sink]") {
    using namespace std::chrono_literals;
    queue_sink queue;
    const auto now = std::chrono::steady_clock::now();
    REQUIRE_FALSE(queue.wait_until(now - 1h));
    REQUIRE_FALSE(queue.wait_until(now + 20ms));
    REQUIRE(std::chrono::steady_clock::now() >= now + 20ms);
    REQUIRE_FALSE(queue.wait_for(1ms));
    REQUIRE_FALSE(queue.wait_for(-1h));
    REQUIRE(queue.notify(told("1")));
    REQUIRE(queue.wait_until(now - 1h).value().id == "1");
}

TEST_CASE("A wait ends when a notification comes", "[sink][concurrent]") {
    using namespace std::chrono_literals;
    queue_sink queue;
    for (const auto patience : {std::chrono::nanoseconds{1h}, std::chrono::nanoseconds::max()}) {
        std::thread teller{[copy = queue]() mutable { (void)copy.notify(told("late")); }};
        const auto got = queue.wait_for(patience);
        teller.join();
        REQUIRE(got.value().id == "late");
    }
}

TEST_CASE("Several tellers and takers lose nothing and take nothing twice", "[sink][concurrent]") {
    constexpr int each = 500;
    constexpr int tellers = 3;
    queue_sink queue;
    std::atomic<int> left{tellers * each};
    std::vector<std::vector<std::string>> taken(3);
    std::vector<std::thread> threads;
    for (int t = 0; t != tellers; ++t)
        threads.emplace_back([&, t, copy = queue]() mutable {
            for (int i = 0; i != each; ++i)
                (void)copy.notify(told(std::to_string(t * each + i)));
        });
    for (std::size_t t = 0; t != taken.size(); ++t)
        threads.emplace_back([&, t] {
            while (left > 0) {
                if (t == 0) {
                    for (const auto& one : queue.drain()) {
                        taken[t].push_back(one.id);
                        --left;
                    }
                } else if (const auto one = queue.wait_for(std::chrono::milliseconds{1})) {
                    taken[t].push_back(one->id);
                    --left;
                }
            }
        });
    for (auto& thread : threads)
        thread.join();
    std::map<std::string, int> times;
    for (const auto& some : taken)
        for (const auto& id : some)
            ++times[id];
    REQUIRE(times.size() == static_cast<std::size_t>(tellers * each));
    REQUIRE(left == 0);
}
