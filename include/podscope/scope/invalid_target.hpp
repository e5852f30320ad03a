// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/shown_text.hpp>

#include <string>
#include <string_view>

namespace podscope {

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
