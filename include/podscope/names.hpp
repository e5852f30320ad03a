// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace podscope {

/// The longest name of a pod, in bytes.
inline constexpr std::size_t max_name_length = 255;

/// Whether a text may name a pod: 1 to 255 bytes of UTF-8, no control character (NUL and newline
/// are such), no `/`, and neither `.` nor `..`. A name is safe as a file name and as a part of a
/// key.
///
/// Errors: `invalid_name`, whose message says which rule the name breaks. Linear in the length.
[[nodiscard]] result<void> check_name(std::string_view name);

namespace names_detail {

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

[[nodiscard]] constexpr const char* broken_rule(std::string_view name) noexcept {
    if (name.empty()) {
        return "a pod's name must not be empty";
    }
    if (name.size() > max_name_length) {
        return "a pod's name must not be longer than 255 bytes";
    }
    if (name == "." || name == "..") {
        return "a pod's name must not be '.' or '..'";
    }
    for (std::string_view rest = name; !rest.empty();) {
        const auto lead = static_cast<unsigned char>(rest.front());
        if (lead == '/') {
            return "a pod's name must not contain '/'";
        }
        if (lead < 0x20 || lead == 0x7F) {
            return "a pod's name must not contain a control character";
        }
        const auto length = utf8_length(rest);
        if (length == 0) {
            return "a pod's name must be valid UTF-8";
        }
        rest.remove_prefix(length);
    }
    return nullptr;
}

} // namespace names_detail

inline result<void> check_name(std::string_view name) {
    if (const char* broken = names_detail::broken_rule(name)) {
        return fail({.category = errc::invalid_name,
                     .message = broken,
                     .subject = std::string{name.substr(0, max_name_length)}});
    }
    return {};
}

} // namespace podscope
