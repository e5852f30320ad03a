// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace podscope {

/// Writes a text to the end of `out` as a person reads it: each byte of a control character, and
/// each that is no UTF-8, as `\xNN`, so that no terminal does what a text says. A backslash goes
/// before each of the characters `marked`. Linear in the length.
inline void append_shown(std::string& out, std::string_view text, std::string_view marked = {}) {
    constexpr std::string_view digits = "0123456789abcdef";
    while (!text.empty()) {
        const auto valid = utf8_length(text);
        const auto length = std::max(valid, std::size_t{1});
        if (valid == 0 || control_length(text) != 0) {
            for (const char c : text.substr(0, length)) {
                const auto byte = static_cast<unsigned char>(c);
                out.append("\\x").append(1, digits[byte >> 4U]).append(1, digits[byte & 0xFU]);
            }
        } else {
            if (marked.find(text.front()) != std::string_view::npos) {
                out += '\\';
            }
            out += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
}

/// A text made fit for a message: as `append_shown` has it, and its middle left out if it is longer
/// than `longest` bytes, so that both ends can be recognised.
[[nodiscard]] inline std::string shown_text(std::string_view text, std::size_t longest = 120) {
    std::string shown;
    if (text.size() <= longest) {
        append_shown(shown, text);
    } else {
        const std::size_t half = longest / 2;
        append_shown(shown, text.substr(0, half));
        shown += "...";
        append_shown(shown, text.substr(text.size() - half));
    }
    return shown;
}

} // namespace podscope
