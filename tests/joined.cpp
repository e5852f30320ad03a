// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/joined.hpp>

#include <string>
#include <string_view>

using podscope::joined;

TEST_CASE("Parts are joined in their order, whatever bytes they have") {
    using namespace std::string_view_literals;
    CHECK(joined({}).empty());
    CHECK(joined({""sv, ""sv}).empty());
    CHECK(joined({"a"sv, "\0"sv, ""sv, "b\0c"sv}) == "a\0b\0c"sv);
    CHECK(joined({std::string(100, 'x'), "y"sv}) == std::string(100, 'x') + "y");
}
