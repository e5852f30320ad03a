// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <ctime>

namespace podscope::os_detail {

/// The time since this machine was booted, whether or not it was suspended meanwhile: for what goes
/// on elsewhere in that time. std::chrono::steady_clock stands still while a machine is suspended.
struct boottime_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<boottime_clock>;
    static constexpr bool is_steady = true;

    [[nodiscard]] static time_point now() noexcept {
        timespec read{};
        ::clock_gettime(CLOCK_BOOTTIME, &read);
        return time_point{std::chrono::seconds{read.tv_sec} +
                          std::chrono::nanoseconds{read.tv_nsec}};
    }
};

} // namespace podscope::os_detail
