// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/shown_text.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace podscope::verify::conformance {

/// A text as it stands among the steps of a report: shortened, and with its length then.
[[nodiscard]] inline std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 24;
    return "'" + shown_text(text, longest) + "'" +
           (text.size() > longest ? " (" + std::to_string(text.size()) + " bytes)" : std::string{});
}

[[nodiscard]] inline std::string shown(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) {
        all.append(all.empty() ? "" : ", ").append(in_quotes(text));
    }
    return "{" + all + "}";
}

/// What is compared, as it stands in a report.
template <class T>
[[nodiscard]] std::string shown(const T& value) {
    if constexpr (requires { std::string_view{value}; }) {
        return in_quotes(value);
    } else if constexpr (requires { to_text(value); }) {
        return to_text(value);
    } else if constexpr (requires { std::to_string(value); }) {
        return std::to_string(value);
    } else {
        return std::string{to_string(value)};
    }
}

template <class T>
[[nodiscard]] std::string shown(const std::optional<T>& value) {
    return value ? shown(*value) : "nothing";
}

} // namespace podscope::verify::conformance
