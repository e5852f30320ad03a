// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/backend/record_error.hpp>

#include <string>

using podscope::errc;
using podscope::backend_detail::unreadable_record;

TEST_CASE("an unreadable record is named by its table and its whole key") {
    using namespace std::string_literals;
    const auto key = "a\0\x1f\x7f"s + std::string(300, 'k');
    const auto why = unreadable_record(
        "pods", key, {.category = errc::corrupt, .message = "the field 'x' is cut short"});
    CHECK(why.category == errc::corrupt);
    CHECK(why.subject == key);
    CHECK(why.message == R"(in the row 'a\x00\x1f\x7f)" + std::string(300, 'k') +
                             "' of the table 'pods', the field 'x' is cut short");
}
