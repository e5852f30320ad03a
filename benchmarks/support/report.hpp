// SPDX-License-Identifier: BSL-1.0
// The report in its two forms.
#pragma once

#include "support/measure.hpp"

#include <string>
#include <vector>

namespace podscope_bench {

/// What the figures were taken with.
struct circumstances {
    std::string processor{};
    unsigned cores{};
    std::string compiler{};
    std::string date{};
    bool quick{};
};

[[nodiscard]] circumstances present_circumstances(bool quick);

/// Rows as a JSON array, in the order in which they came.
void write_json(const std::string& file, const std::vector<row>& rows);

/// The same as a page to read.
void write_page(const std::string& file,
                const std::vector<row>& rows,
                const circumstances& taken_with);

} // namespace podscope_bench
