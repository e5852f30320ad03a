// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/boot_id.hpp>

#include <string>

using podscope::boot_id;

TEST_CASE("A boot's id is read from its text and written as that") {
    const std::string text = "1c0e2f6a-93b4-4d5e-8f70-0123456789ab";
    const auto read = boot_id::from_text(text);
    REQUIRE(read);
    CHECK(read->high == 0x1c0e2f6a93b44d5eU);
    CHECK(read->low == 0x8f700123456789abU);
    CHECK(read->to_text() == text);
    CHECK(boot_id::from_text("00000000-0000-0000-0000-000000000000") == boot_id{});
}

TEST_CASE("A text that is no boot's id is not read as one") {
    for (const auto* text :
         {"", "1c0e2f6a", "1c0e2f6a-93b4-4d5e-8f70-0123456789a",
          "1c0e2f6a-93b4-4d5e-8f70-0123456789abc", "1c0e2f6a093b4-4d5e-8f70-0123456789ab",
          "1c0e2f6-a93b4-4d5e-8f70-0123456789ab", "1C0E2F6A-93B4-4D5E-8F70-0123456789AB",
          "1c0e2f6g-93b4-4d5e-8f70-0123456789ab"}) {
        CAPTURE(text);
        CHECK_FALSE(boot_id::from_text(text));
    }
}
