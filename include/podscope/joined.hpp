// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace podscope {

/// The parts one behind the other, in a string that was allocated once. Linear. May throw
/// std::bad_alloc.
[[nodiscard]] inline std::string joined(std::initializer_list<std::string_view> parts) {
    std::size_t length = 0;
    for (const auto part : parts) {
        length += part.size();
    }
    std::string whole(length, '\0');
    auto at = whole.begin();
    for (const auto part : parts) {
        at = std::ranges::copy(part, at).out;
    }
    return whole;
}

} // namespace podscope
