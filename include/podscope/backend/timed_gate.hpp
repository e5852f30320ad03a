// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace podscope::backend_detail {

/// A mutex that can be waited for with a deadline. Not std::timed_mutex, since the thread sanitizer
/// of GCC 12 does not see how that is locked and reports races where there are none.
class timed_gate {
public:
    [[nodiscard]] bool try_lock_until(std::chrono::steady_clock::time_point until) {
        std::unique_lock waiting{mutex_};
        if (!opened_.wait_until(waiting, until, [this] { return !is_taken_; })) {
            return false;
        }
        is_taken_ = true;
        return true;
    }

    void unlock() noexcept {
        {
            const std::lock_guard changing{mutex_};
            is_taken_ = false;
        }
        opened_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable opened_;
    bool is_taken_ = false;
};

} // namespace podscope::backend_detail
