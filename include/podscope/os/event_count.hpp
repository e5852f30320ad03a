// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace podscope::os_detail {

/// Lets threads of a process sleep until what they wait for may have come, and wakes any number of
/// them by one system call, where a condition variable for each would take as many.
///
/// What they wait for is elsewhere, in atomics. Who waits takes `present()`, then looks whether it
/// is there, and then waits with that; who brings it stores it, then notifies. So either the first
/// sees it, or his number is an old one and he does not sleep. All four are sequentially
/// consistent. The scheme is Dmitry Vyukov's event count (2008); that who sleeps is called by bits
/// is futex(2)'s.
class event_count {
public:
    using number = std::uint32_t;
    using time = std::chrono::steady_clock::time_point;

    /// At least one bit; who waits with any of those that are notified is woken.
    using bits = std::uint32_t;

    [[nodiscard]] number present() const noexcept { return count_.load(); }

    /// Sleeps until somebody notifies one of these bits, unless that happened since `seen` was
    /// taken; false once `until` has passed. May return true although nobody did.
    [[nodiscard]] bool wait_until(number seen, bits called, time until) const noexcept {
        using namespace std::chrono;
        const auto left = std::max(until.time_since_epoch(), nanoseconds{0});
        const auto whole = duration_cast<seconds>(left);
        const std::timespec moment{.tv_sec = static_cast<std::time_t>(whole.count()),
                                   .tv_nsec = static_cast<long>((left - whole).count())};
        // Of this operation the moment is one of CLOCK_MONOTONIC, as std::chrono::steady_clock is.
        return ::syscall(SYS_futex, &count_, FUTEX_WAIT_BITSET_PRIVATE, seen, &moment, nullptr,
                         called) == 0 ||
               errno != ETIMEDOUT;
    }

    /// Wakes all that wait with one of these bits.
    void notify(bits called) noexcept {
        count_.fetch_add(1);
        ::syscall(SYS_futex, &count_, FUTEX_WAKE_BITSET_PRIVATE, std::numeric_limits<int>::max(),
                  nullptr, nullptr, called);
    }

private:
    // The kernel reads it as a plain number.
    static_assert(sizeof(std::atomic<number>) == sizeof(number));
    static_assert(std::atomic<number>::is_always_lock_free);

    std::atomic<number> count_{0};
};

} // namespace podscope::os_detail
