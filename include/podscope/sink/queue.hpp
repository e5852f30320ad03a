// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/result.hpp>
#include <podscope/sink/concept.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope {

/// Keeps notifications in a queue in this process until somebody takes them.
///
/// Copies share one queue: give one to the runtime and keep the other. What lies in the queue
/// counts as delivered and is gone with the process. A notification that is offered twice lies in
/// the queue twice: who must act once compares `notification::id`. May be used from several threads
/// at once.
class queue_sink {
public:
    /// A queue without a limit, in which whatever nobody takes piles up.
    queue_sink() : queue_sink{std::numeric_limits<std::size_t>::max()} {}

    /// A queue that refuses more than `capacity` notifications (`unavailable`), so that the rest
    /// stays in the outbox of its pod.
    explicit queue_sink(std::size_t capacity) : shared_{std::make_shared<state>()} {
        shared_->capacity = capacity;
    }

    /// Errors: `unavailable` when the queue is full, `out_of_memory`.
    [[nodiscard]] result<void> notify(const notification& told) {
        return guarded([&]() -> result<void> {
            notification kept = told;
            {
                const std::lock_guard hold{shared_->guard};
                if (shared_->size() >= shared_->capacity) {
                    return fail({.category = errc::unavailable,
                                 .message = "the queue of notifications is full: take some out",
                                 .subject = told.id});
                }
                shared_->waiting.push_back(std::move(kept));
            }
            shared_->arrived.notify_one();
            return {};
        });
    }

    /// Takes all that wait now, oldest first.
    [[nodiscard]] std::vector<notification> drain() noexcept {
        const std::lock_guard hold{shared_->guard};
        shared_->close_up();
        return std::exchange(shared_->waiting, {});
    }

    /// Takes the oldest; waits for one if there is none. Nothing once `until` has passed.
    /// Constant on average.
    [[nodiscard]] std::optional<notification>
    wait_until(std::chrono::steady_clock::time_point until) noexcept {
        std::unique_lock hold{shared_->guard};
        const auto has_one = [&] { return shared_->size() != 0; };
        if (!shared_->arrived.wait_until(hold, until, has_one)) {
            return std::nullopt;
        }
        std::optional taken{std::move(shared_->waiting[shared_->taken++])};
        if (shared_->taken > shared_->waiting.size() / 2) {
            shared_->close_up();
        }
        return taken;
    }

    /// As `wait_until`, counted from now. A time too long for the clock waits for ever.
    [[nodiscard]] std::optional<notification> wait_for(std::chrono::nanoseconds at_most) noexcept {
        using clock = std::chrono::steady_clock;
        const auto now = clock::now();
        const auto left = clock::time_point::max() - now;
        return wait_until(at_most < left ? now + at_most : clock::time_point::max());
    }

    /// How many wait now.
    [[nodiscard]] std::size_t size() const noexcept {
        const std::lock_guard hold{shared_->guard};
        return shared_->size();
    }

private:
    // A vector and a count of those taken from its front, and no deque, so that taking never
    // allocates.
    struct state {
        [[nodiscard]] std::size_t size() const noexcept { return waiting.size() - taken; }

        void close_up() noexcept {
            waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(taken));
            taken = 0;
        }

        std::mutex guard;
        std::condition_variable arrived;
        std::vector<notification> waiting;
        std::size_t taken{};
        std::size_t capacity{};
    };

    std::shared_ptr<state> shared_;
};

static_assert(std::is_nothrow_move_constructible_v<notification> &&
              std::is_nothrow_move_assignable_v<notification>);
static_assert(notification_sink<queue_sink>);

} // namespace podscope
