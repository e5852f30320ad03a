// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/names.hpp>
#include <podscope/result.hpp>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace podscope {

/// What a parent gives to a child so that it can adopt its pod: a name and the epoch of the grant.
/// No secret: who can reach the backend can read both.
struct grant {
    std::string pod{};
    epoch granted{};

    /// As one word for a command line or an environment variable: `17/name`.
    [[nodiscard]] std::string to_text() const {
        return std::to_string(static_cast<std::uint64_t>(granted)) + "/" + pod;
    }

    /// Reads what `to_text` wrote.
    ///
    /// Errors: `invalid_name`.
    [[nodiscard]] static result<grant> from_text(std::string_view text) {
        std::uint64_t number{};
        const char* const last = text.data() + text.size();
        const auto [rest, broken] = std::from_chars(text.data(), last, number);
        if (broken != std::errc{} || rest == last || *rest != '/') {
            return fail({.category = errc::invalid_name,
                         .message = "a grant is written as an epoch, a slash and a pod's name",
                         .subject = std::string{text}});
        }
        const std::string_view pod{rest + 1, last};
        if (auto checked = check_name(pod); !checked) {
            return fail(checked);
        }
        return grant{.pod = std::string{pod}, .granted = epoch{number}};
    }

    friend bool operator==(const grant&, const grant&) = default;
};

} // namespace podscope
