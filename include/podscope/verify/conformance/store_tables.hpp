// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/unknown_fields.hpp>
#include <podscope/verify/conformance/shown.hpp>

#include <boost/hana/adapt_struct.hpp>

#include <cstdint>
#include <string>

namespace podscope::verify {

/// The record that the store kit writes.
struct kit_row {
    std::int64_t number{};
    std::string text{};
    unknown_fields unknown{};

    friend bool operator==(const kit_row&, const kit_row&) = default;
};

/// A row as it stands among the steps of a report.
[[nodiscard]] inline std::string to_text(const kit_row& row) {
    return std::to_string(row.number) + " " + conformance::in_quotes(row.text);
}

/// The tables of the store kit. The name of the second begins with that of the first, and their
/// rows must not meet.
struct kit_table {
    static constexpr const char* name = "kit";
    using record = kit_row;
};

struct other_kit_table {
    static constexpr const char* name = "kit2";
    using record = kit_row;
};

/// For a store that holds its records as they are: `basic_memory<store_kit_schema>`.
using store_kit_schema = schema<kit_table, other_kit_table>;

} // namespace podscope::verify

BOOST_HANA_ADAPT_STRUCT(podscope::verify::kit_row, number, text, unknown);
