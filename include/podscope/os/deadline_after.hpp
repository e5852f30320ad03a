// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <chrono>

namespace podscope::os_detail {

/// The moment that lies `wait` after `now`: the furthest one that the clock has if that lies beyond
/// it, so that the longest of all waits is one for ever, and `now` if the wait is none or negative.
[[nodiscard]] constexpr std::chrono::steady_clock::time_point
deadline_after(std::chrono::steady_clock::time_point now, std::chrono::milliseconds wait) noexcept {
    using std::chrono::milliseconds, std::chrono::time_point_cast;
    constexpr auto furthest = std::chrono::steady_clock::time_point::max();
    // In milliseconds: more of them can be asked for than there are numbers of nanoseconds.
    const milliseconds left =
        time_point_cast<milliseconds>(furthest) - time_point_cast<milliseconds>(now);
    return wait < left ? now + std::max(wait, milliseconds{0}) : furthest;
}

/// The moment that lies `wait` after this one.
[[nodiscard]] inline std::chrono::steady_clock::time_point
deadline_after(std::chrono::milliseconds wait) noexcept {
    return deadline_after(std::chrono::steady_clock::now(), wait);
}

} // namespace podscope::os_detail
