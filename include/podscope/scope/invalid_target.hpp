// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace podscope {

/// A text made fit for a message: control characters written as `\xNN`, and its middle left out if
/// it is longer than `longest` bytes, so that both ends can be recognised.
[[nodiscard]] inline std::string shown_text(std::string_view text, std::size_t longest = 120) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::string_view gap = "...";
    std::string shown;
    const auto append = [&](std::string_view part) {
        for (const char c : part) {
            if (is_control(c)) {
                const auto byte = static_cast<unsigned char>(c);
                shown += "\\x";
                shown += digits[byte >> 4U];
                shown += digits[byte & 0xFU];
            } else {
                shown += c;
            }
        }
    };
    if (text.size() <= longest) {
        append(text);
    } else {
        const std::size_t half = longest / 2;
        append(text.substr(0, half));
        shown += gap;
        append(text.substr(text.size() - half));
    }
    return shown;
}

/// The error of a resource namespace that refuses a text: category `invalid_target`, the text
/// (shortened) as subject. `reason` ends the sentence "the target '…' ", as in "must be absolute".
[[nodiscard]] inline error invalid_target(std::string_view text, std::string_view reason) {
    std::string shown = shown_text(text);
    std::string message = "the target '" + shown + "' ";
    message += reason;
    return {.category = errc::invalid_target,
            .message = std::move(message),
            .subject = std::move(shown)};
}

} // namespace podscope
