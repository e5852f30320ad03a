// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_json.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>

namespace podscope::backend_detail {

/// A stretch of keys that is to be fetched: no more than so many rows of it, or all.
struct etcd_wish {
    std::string from{};
    std::string to{};
    std::size_t limit{};
};

/// Whether the rows can be those that were asked for. If they are not, nothing is known of that
/// stretch, nor how far to read on.
[[nodiscard]] inline bool is_answer(const etcd_answer& range, const etcd_wish& asked) {
    const auto& rows = range.rows;
    if (!range.is_range || rows.empty()) {
        return range.is_range && !range.has_more;
    }
    const bool is_in_order = std::ranges::adjacent_find(rows, std::ranges::greater_equal{},
                                                        &etcd_row::key) == rows.end();
    return is_in_order && rows.front().key >= asked.from && rows.back().key < asked.to;
}

} // namespace podscope::backend_detail
