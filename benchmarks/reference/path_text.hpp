// SPDX-License-Identifier: BSL-1.0
// Paths as text, for the references that know no resource namespace.
#pragma once

#include <string_view>

namespace podscope_bench {

/// Whether `lower` is `upper` or lies below it. Both are absolute and normal: single slashes, no
/// dots, no slash at the end but that of the root.
[[nodiscard]] constexpr bool is_at_or_below(std::string_view upper,
                                            std::string_view lower) noexcept {
    if (!lower.starts_with(upper)) {
        return false;
    }
    // A prefix of components ends where a component does: /a/b is none of /a/bc.
    return lower.size() == upper.size() || upper.size() == 1 || lower[upper.size()] == '/';
}

/// Whether `lower` lies exactly one component below `upper`.
[[nodiscard]] constexpr bool is_child_of(std::string_view upper, std::string_view lower) noexcept {
    if (lower.size() <= upper.size() || !is_at_or_below(upper, lower)) {
        return false;
    }
    const auto component = upper.size() == 1 ? 1 : upper.size() + 1;
    return lower.find('/', component) == std::string_view::npos;
}

} // namespace podscope_bench
