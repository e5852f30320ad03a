// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include <time.h>

namespace podscope::probe_detail {

/// On the clock that all processes of a boot share and nobody can set. It stands still while the
/// machine is suspended, when nobody says that he is alive either.
[[nodiscard]] inline std::int64_t monotonic_ms() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

} // namespace podscope::probe_detail
