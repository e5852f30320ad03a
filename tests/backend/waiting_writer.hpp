// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "backend/test_tables.hpp"
#include "support/eventually.hpp"

#include <podscope/result.hpp>

#include <atomic>
#include <chrono>
#include <thread>

namespace backend_test {

/// What a write comes to that meets another one, which goes on until the first is over or has had
/// some time to wait.
template <class Store>
[[nodiscard]] podscope::result<void> write_that_meets_another(Store& waiting, Store& in_the_way) {
    podscope::result<void> met;
    std::atomic<bool> is_over{false};
    std::thread waiter;
    auto held = in_the_way.write([&](auto& txn) -> podscope::result<void> {
        waiter = std::thread{[&] {
            met = put_number(waiting, "waited", 1);
            is_over = true;
        }};
        (void)podscope_test::eventually([&] { return is_over.load(); },
                                        std::chrono::milliseconds{50});
        return txn.template put<numbers>("held", {1, {}});
    });
    waiter.join();
    return held ? met : held;
}

} // namespace backend_test
