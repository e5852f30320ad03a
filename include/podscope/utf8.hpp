// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string_view>

namespace podscope {

/// The length of the well-formed UTF-8 sequence at the front of `text`, 0 if there is none. By
/// table 3-7 of the Unicode standard: no overlong form, no surrogate, nothing above U+10FFFF.
[[nodiscard]] constexpr std::size_t utf8_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto within = [](unsigned value, unsigned low, unsigned high) {
        return low <= value && value <= high;
    };
    const auto continues = [&](std::size_t i) { return within(byte(i), 0x80, 0xBF); };
    const unsigned lead = byte(0);
    if (text.empty()) {
        return 0;
    }
    if (lead <= 0x7F) {
        return 1;
    }
    if (within(lead, 0xC2, 0xDF)) {
        return continues(1) ? 2 : 0;
    }
    if (within(lead, 0xE0, 0xEF)) {
        const bool second = within(byte(1), lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
        return second && continues(2) ? 3 : 0;
    }
    if (within(lead, 0xF0, 0xF4)) {
        const bool second = within(byte(1), lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
        return second && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

/// The length of the control character at the front of `text`, 0 if there is none: one byte of
/// ASCII, DEL among them, or two for U+0080 to U+009F.
[[nodiscard]] constexpr std::size_t control_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0x20U;
    };
    if (byte(0) < 0x20 || byte(0) == 0x7F) {
        return 1;
    }
    return byte(0) == 0xC2 && 0x80 <= byte(1) && byte(1) < 0xA0 ? 2 : 0;
}

/// Whether a text is valid UTF-8 from end to end. NUL and other control characters are valid.
/// Linear in the length.
[[nodiscard]] constexpr bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto length = utf8_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

} // namespace podscope
