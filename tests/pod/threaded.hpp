// SPDX-License-Identifier: BSL-1.0
// What threads do with one pod at once, written once for every crew.
#pragma once

#include "support/catch.hpp"
#include "support/crew.hpp"

#include <podscope/error.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace podscope_test::threaded {

using podscope::errc;

template <class Crew>
void check_after_a_revocation(Crew& c) {
    auto& planner = c.create(writer("planner", "/ws"));
    for (int round = 0; round != 50; ++round) {
        auto& child = c.add("planner", writer("child", "/ws/a"));
        std::atomic<bool> reclaimed{false};
        std::atomic<int> late{0};
        std::atomic<int> at_work{0};
        std::vector<std::thread> threads;
        for (int i = 0; i != 3; ++i) {
            threads.emplace_back([&] {
                at_work.fetch_add(1);
                for (bool is_over = false; !is_over;) {
                    const bool before = reclaimed.load();
                    const auto checked = child.check("/ws/a/f", permission::write);
                    is_over = !checked;
                    if (checked && before) {
                        late.fetch_add(1);
                    }
                }
            });
        }
        while (at_work.load() != 3) {
            std::this_thread::yield();
        }
        must(planner.reclaim("child"));
        reclaimed.store(true);
        for (auto& one : threads) {
            one.join();
        }
        CHECK(late.load() == 0);
        c.forget("child");
    }
    c.judge();
}

template <class Crew>
void check_while_it_changes(Crew& c) {
    auto& planner = c.create(writer("planner", "/ws"));
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i != 2; ++i) {
        threads.emplace_back([&] {
            while (!stop.load()) {
                // What nobody delegates is always there, and what is not there never is.
                wrong += planner.check("/ws/b/f", permission::write) ? 0 : 1;
                wrong += planner.check("/ws/a/f", permission::read) ? 0 : 1;
                wrong += planner.check("/data", permission::read) ? 1 : 0;
            }
        });
    }
    for (int round = 0; round != 100; ++round) {
        auto by = c.hire();
        const auto grant = must(planner.delegate(writer("child", "/ws/a")));
        wrong += planner.check("/ws/a/f", permission::write) ? 1 : 0;
        auto child = must(by.library.adopt(grant));
        wrong += child.check("/ws/a/f", permission::write) ? 0 : 1;
        must(child.release());
        wrong += planner.check("/ws/a/f", permission::write) ? 0 : 1;
    }
    stop.store(true);
    for (auto& one : threads) {
        one.join();
    }
    CHECK(wrong.load() == 0);
    c.judge();
}

template <class Crew>
void delegate_and_reclaim(Crew& c) {
    auto& planner = c.create(writer("planner", "/ws"));
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    constexpr int each = 25;
    for (int i = 0; i != 4; ++i) {
        threads.emplace_back([&, i] {
            for (int n = 0; n != each; ++n) {
                const auto name = std::to_string(i) + "." + std::to_string(n);
                const auto made = planner.delegate(writer(name, "/ws/a/" + name));
                failed += made ? 0 : 1;
                if (n % 2 == 1) {
                    failed += planner.reclaim(name) ? 0 : 1;
                }
            }
        });
    }
    for (auto& one : threads) {
        one.join();
    }
    CHECK(failed.load() == 0);
    CHECK(standing_layers(c.state(), "planner").size() == 4 * (each / 2 + 1));
    c.judge();
}

template <class Crew>
void adopt_one_reservation(Crew& c) {
    c.create(writer("planner", "/ws"));
    for (int round = 0; round != 25; ++round) {
        const auto grant = c.delegate("planner", writer("child", "/ws/a"));
        std::vector<typename Crew::member> members;
        for (int i = 0; i != 4; ++i) {
            members.push_back(c.hire());
        }
        std::array<std::optional<typename Crew::pod>, 4> got;
        std::atomic<int> already{0};
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i != got.size(); ++i) {
            threads.emplace_back([&, i] {
                auto adopted = members[i].library.adopt(grant);
                if (adopted) {
                    got[i] = std::move(*adopted);
                } else if (adopted.error().category == errc::already_live) {
                    already.fetch_add(1);
                }
            });
        }
        for (auto& one : threads) {
            one.join();
        }
        CHECK(already.load() == 3);
        c.judge();
        must(c.at("planner").reclaim("child"));
    }
}

} // namespace podscope_test::threaded
