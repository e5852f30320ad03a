// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace podscope {

/// The longest name of a pod, in bytes.
inline constexpr std::size_t max_name_length = 255;

/// Whether a text may name a pod: 1 to 255 bytes of UTF-8, no control character (NUL, newline and
/// U+0080 to U+009F are such), no `/`, and neither `.` nor `..`. A name is safe as a file name and
/// as a part of a key.
///
/// Errors: `invalid_name`, whose message says which rule the name breaks. Linear in the length.
[[nodiscard]] result<void> check_name(std::string_view name);

namespace names_detail {

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
        if (rest.front() == '/') {
            return "a pod's name must not contain '/'";
        }
        if (control_length(rest) != 0) {
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
