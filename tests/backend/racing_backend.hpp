// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "backend/map_backend.hpp"

#include <podscope/backend/byte_backend.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace backend_test {

/// A byte backend that holds no lock while a body runs: it looks for a conflict at the commit, and
/// runs the body again if anybody has committed since it began, whatever that was.
class racing_backend {
public:
    static constexpr podscope::durability durable = podscope::durability::none;
    static constexpr podscope::reach reaches = podscope::reach::thread;

    using reader = map_backend::reader;
    using writer = map_backend::writer;

    template <class F>
    [[nodiscard]] auto read(F&& body) {
        auto [rows, version] = state_->now();
        reader txn{rows};
        return body(txn);
    }

    template <class F>
    [[nodiscard]] auto write(F&& body) {
        for (;;) {
            auto [rows, version] = state_->now();
            writer txn{rows};
            auto outcome = body(txn);
            auto changed = txn.take();
            const std::lock_guard lock{state_->mutex};
            if (state_->version != version) {
                continue;
            }
            if (outcome && changed != state_->rows) {
                state_->rows = std::move(changed);
                ++state_->version;
            }
            return outcome;
        }
    }

    [[nodiscard]] std::uint64_t generation() const noexcept { return state_->version; }

private:
    struct state {
        [[nodiscard]] std::pair<map_backend::map, std::uint64_t> now() {
            const std::lock_guard lock{mutex};
            return {rows, version};
        }

        std::mutex mutex;
        map_backend::map rows;
        std::atomic<std::uint64_t> version{0};
    };

    std::shared_ptr<state> state_ = std::make_shared<state>();
};

/// A byte backend that commits several writes at once: a body sees the changes of those before it
/// in the group, and if the commit fails none of them takes effect.
class grouping_backend {
public:
    static constexpr podscope::durability durable = podscope::durability::none;
    static constexpr podscope::reach reaches = podscope::reach::thread;

    using reader = map_backend::reader;
    using writer = map_backend::writer;

    /// From now on that many writes wait for each other, and their commit fails. Until the last of
    /// them was told so: those that come later are committed as they come.
    void lose_group_of(int writes) {
        state_->expected = writes;
        state_->told = 0;
    }

    template <class F>
    [[nodiscard]] auto read(F&& body) {
        const std::lock_guard lock{state_->mutex};
        reader txn{state_->rows};
        return body(txn);
    }

    template <class F>
    [[nodiscard]] auto write(F&& body) -> decltype(body(std::declval<writer&>())) {
        std::unique_lock lock{state_->mutex};
        const bool is_lost = state_->ran < state_->expected;
        writer txn{is_lost && state_->ran > 0 ? state_->group : state_->rows};
        auto outcome = body(txn);
        if (is_lost) {
            if (outcome) {
                state_->group = txn.take();
            }
            ++state_->ran;
            state_->all.notify_all();
            state_->all.wait(lock, [&] { return state_->ran == state_->expected; });
            if (++state_->told == state_->expected) {
                state_->ran = state_->expected = 0;
                state_->all.notify_all();
            }
            // Nobody does anything more before all know of it.
            state_->all.wait(lock, [&] { return state_->expected == 0; });
            return podscope::fail(
                {.category = podscope::errc::io, .message = "the group was lost, as planned"});
        }
        if (outcome) {
            state_->rows = txn.take();
        }
        return outcome;
    }

private:
    struct state {
        std::mutex mutex;
        std::condition_variable all;
        map_backend::map rows;
        map_backend::map group;
        int expected{0};
        int ran{0};
        int told{0};
    };

    std::shared_ptr<state> state_ = std::make_shared<state>();
};

} // namespace backend_test
