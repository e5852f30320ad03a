// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/utf8.hpp>

#include <string>
#include <string_view>

namespace podscope::backend_detail {

/// Names the row whose record cannot be read: the key is the error's subject, and the message has
/// both it and the field. Bytes of a key that do not print are written as \xNN.
[[nodiscard]] inline error
unreadable_record(std::string_view table, std::string_view key, error why) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string shown;
    for (const char c : key) {
        if (is_control(c)) {
            const auto byte = static_cast<unsigned char>(c);
            shown.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15U]);
        } else {
            shown.push_back(c);
        }
    }
    why.message =
        "in the row '" + shown + "' of the table '" + std::string{table} + "', " + why.message;
    why.subject = key;
    return why;
}

} // namespace podscope::backend_detail
