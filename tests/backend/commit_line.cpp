// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/eventually.hpp"

#include <podscope/backend/commit_line.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using podscope::backend_detail::commit_line;
using podscope::backend_detail::line_member;
using answer = commit_line::answer;

struct waiting : line_member {};

constexpr auto for_ever = commit_line::time::max();

} // namespace

TEST_CASE("whoever was taken when his deadline passes waits to be served", "[concurrent]") {
    // Until it has come before it could be taken: mostly at once.
    REQUIRE(podscope_test::eventually([&] {
        commit_line line;
        waiting leader;
        REQUIRE(line.join(leader, for_ever) == answer::lead);
        const auto until = std::chrono::steady_clock::now() + 10ms;
        std::atomic<bool> is_coming{false};
        answer told{};
        std::thread other{[&] {
            waiting mine;
            is_coming = true;
            told = line.join(mine, until);
            if (told == answer::lead) {
                line.leave(mine);
                line.step_down(mine);
            }
        }};
        while (!is_coming || std::chrono::steady_clock::now() < until - 5ms) {
            std::this_thread::yield();
        }
        const bool is_taken = &line.take(leader, 2) != &leader;
        while (std::chrono::steady_clock::now() < until + 5ms) {
            std::this_thread::yield();
        }
        line.step_down(leader);
        other.join();
        // Else it has left before, or came too late to be left anything but the lead.
        CHECK((told == answer::served) == is_taken);
        return is_taken;
    }));
}

TEST_CASE("no more are served at once than are taken, and the next one leads the others",
          "[concurrent]") {
    constexpr std::size_t most = 3;
    constexpr int count = 8;
    constexpr int rounds = 200;
    commit_line line;
    std::atomic<int> served{0};
    std::atomic<int> taken{0};
    std::atomic<int> coming{0};
    std::atomic<bool> is_led{false};
    std::atomic<bool> is_sound{true};
    const auto work = [&] {
        for (int round = 0; round != rounds; ++round) {
            waiting mine;
            ++coming;
            if (line.join(mine, for_ever) == answer::served) {
                ++served;
                continue;
            }
            is_sound = is_sound && !is_led.exchange(true);
            // So that there are more than can be taken.
            for (int i = 0; i != 100 && coming.load() % count != 0; ++i) {
                std::this_thread::yield();
            }
            const auto& last = line.take(mine, most);
            std::size_t with = 1;
            for (const line_member* each = &mine; each != &last; each = each->next()) {
                ++with;
            }
            is_sound = is_sound && with <= most;
            taken += static_cast<int>(with);
            ++served;
            is_led = false;
            line.step_down(mine);
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i != count; ++i) {
        threads.emplace_back(work);
    }
    for (auto& each : threads) {
        each.join();
    }
    CHECK(is_sound);
    CHECK(served == count * rounds);
    CHECK(taken == count * rounds);
}
