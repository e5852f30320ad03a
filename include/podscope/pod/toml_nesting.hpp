// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

namespace podscope::pod_detail {

/// Looks how deep a TOML text nests, before a parser builds what it says: each dot of a key and
/// each open bracket is a level, and what is built is taken down by recursion.
///
/// Sees as much of TOML as that takes: strings, comments, lines, brackets. It is exact up to the
/// first mistake in the text, where a parser stops too. Linear, and needs no memory.
class toml_nesting {
public:
    explicit toml_nesting(std::string_view text) noexcept : text_{text} {}

    /// Where the text first nests deeper than `most` levels, or nothing.
    [[nodiscard]] std::optional<text_position> deeper_than(std::size_t most) noexcept {
        while (at_ < text_.size()) {
            switch (const char c = text_[at_]) {
            case '"':
            case '\'': skip_string(c); continue;
            case '#': at_ = std::min(text_.find('\n', at_), text_.size()); continue;
            case '\n': start_line(); [[fallthrough]];
            case '=':
            case ',': dots_ = 0; break; // a key or a value has ended
            case '.': ++dots_; break;
            case '[':
            case '{': ++brackets_; break;
            case ']':
            case '}': brackets_ -= brackets_ > 0 ? 1 : 0; break;
            default: break;
            }
            if (dots_ + brackets_ > most) {
                return text_position{line_, at_ - line_start_ + 1};
            }
            ++at_;
        }
        return std::nullopt;
    }

private:
    [[nodiscard]] std::size_t run_of(char quote) const noexcept {
        const auto end = std::min(text_.find_first_not_of(quote, at_), text_.size());
        return end - at_;
    }

    void start_line() noexcept {
        ++line_;
        line_start_ = at_ + 1;
    }

    // Goes on by a character of a string, or by two that belong together.
    void skip_content(char quote) noexcept {
        const bool escapes = quote == '"' && text_[at_] == '\\' && text_.substr(at_ + 1, 1) != "\n";
        at_ = std::min(at_ + (escapes ? 2U : 1U), text_.size());
    }

    void skip_string(char quote) noexcept {
        const auto opening = run_of(quote);
        at_ += std::min<std::size_t>(opening, 3);
        if (opening >= 3) {
            skip_long_string(quote);
        } else if (opening == 1) { // two are an empty string
            while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
                skip_content(quote);
            }
            at_ += run_of(quote) != 0 ? 1U : 0U;
        }
    }

    void skip_long_string(char quote) noexcept {
        while (at_ < text_.size()) {
            // Up to two quotes before the closing three belong to the content.
            const auto quotes = run_of(quote);
            at_ += quotes;
            if (quotes >= 3) {
                return;
            }
            if (quotes == 0) {
                if (text_[at_] == '\n') {
                    start_line();
                }
                skip_content(quote);
            }
        }
    }

    std::string_view text_;
    std::size_t at_{};
    std::size_t line_{1};
    std::size_t line_start_{};
    std::size_t dots_{};
    std::size_t brackets_{};
};

} // namespace podscope::pod_detail
