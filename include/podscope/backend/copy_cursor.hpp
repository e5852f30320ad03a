// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace podscope::backend_detail {

/// How far the rows of an image were copied: all of the tables before `table`, and in that one all
/// keys up to `after`.
struct copy_cursor {
    std::size_t table{};
    std::optional<std::string> after{};
};

} // namespace podscope::backend_detail
