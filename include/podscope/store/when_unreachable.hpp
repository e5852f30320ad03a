// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string_view>

namespace podscope {

/// What becomes of a child that lives, or may live, and does not answer: said for one delegation,
/// it takes the place of the runtime's reclaim policy. A child that is proven dead loses its scope
/// in any case.
enum class when_unreachable : std::uint8_t {
    fence,     ///< its scope comes back; whatever it tries later fails at its next check
    keep,      ///< it keeps its scope
    terminate, ///< its process is ended, and then its scope comes back
};

[[nodiscard]] constexpr std::string_view to_string(when_unreachable w) noexcept {
    switch (w) {
    case when_unreachable::fence: return "fence";
    case when_unreachable::keep: return "keep";
    case when_unreachable::terminate: return "terminate";
    }
    return "unknown";
}

} // namespace podscope
