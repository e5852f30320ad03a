// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>

namespace podscope {

/// Where a runtime takes the time from: `now` is the steady clock, on which deadlines lie;
/// `wall_ms` is for people who read the history, in milliseconds since 1970, and decides nothing.
template <class C>
concept pod_clock = requires(const C& clock) {
    { clock.now() } noexcept -> std::same_as<deadline>;
    { clock.wall_ms() } noexcept -> std::same_as<std::int64_t>;
};

/// The clocks of the operating system.
struct system_clocks {
    [[nodiscard]] deadline now() const noexcept { return std::chrono::steady_clock::now(); }

    [[nodiscard]] std::int64_t wall_ms() const noexcept {
        using namespace std::chrono;
        return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    }
};

} // namespace podscope
