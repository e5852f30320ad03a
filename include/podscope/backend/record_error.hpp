// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/shown_text.hpp>

#include <string>
#include <string_view>

namespace podscope::backend_detail {

/// Names the row whose record cannot be read: the key is the error's subject, and the message has
/// both it and the field. Bytes of a key that do not print are written as \xNN.
[[nodiscard]] inline error
unreadable_record(std::string_view table, std::string_view key, error why) {
    why.message = "in the row '" + shown_text(key, key.size()) + "' of the table '" +
                  std::string{table} + "', " + why.message;
    why.subject = key;
    return why;
}

} // namespace podscope::backend_detail
