// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace podscope {

/// What may be done at a path. Ordered: `none < read < write`, and each includes those before it.
enum class permission : std::uint8_t { none, read, write };

/// The highest permission that a deny of `denied` leaves: deny(write) leaves read, deny(read)
/// leaves none. Denying `none` denies nothing, and leaves write.
[[nodiscard]] constexpr permission left_by_deny(permission denied) noexcept {
    switch (denied) {
    case permission::write: return permission::read;
    case permission::read: return permission::none;
    case permission::none: break;
    }
    return permission::write;
}

[[nodiscard]] constexpr std::string_view to_string(permission p) noexcept {
    switch (p) {
    case permission::none: return "none";
    case permission::read: return "read";
    case permission::write: return "write";
    }
    return "unknown";
}

/// Reads what `to_string` writes; nothing for any other text.
[[nodiscard]] constexpr std::optional<permission> parse_permission(std::string_view text) noexcept {
    for (auto p : {permission::none, permission::read, permission::write}) {
        if (to_string(p) == text) {
            return p;
        }
    }
    return std::nullopt;
}

} // namespace podscope
