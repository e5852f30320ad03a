// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/shown_text.hpp>

#include <string>

using namespace podscope;

TEST_CASE("A text is shown whole up to its limit and by both ends above it", "[names]") {
    CHECK(shown_text("") == "");
    CHECK(shown_text("abcdef", 6) == "abcdef");
    CHECK(shown_text("abcdefg", 6) == "abc...efg");
}

TEST_CASE("Of a text that is shown no byte does anything to a terminal", "[names]") {
    CHECK(shown_text("\x1f\x20\x7e\x7f") == "\\x1f ~\\x7f");
    CHECK(shown_text("\xC2\x80-\xC2\x9F-\xC2\xA0") == "\\xc2\\x80-\\xc2\\x9f-\xC2\xA0");
    CHECK(shown_text("\xC3\xA9\xF0\x9F\x98\x80") == "\xC3\xA9\xF0\x9F\x98\x80");
    // No UTF-8: a terminal that takes bytes for characters has a control sequence begin with 9b.
    CHECK(shown_text("\x9b\xC2") == "\\x9b\\xc2");
    CHECK(shown_text("\xC3\xA9", 1) == "...");
}

TEST_CASE("Characters that are marked have a backslash before them", "[names]") {
    std::string out = "= ";
    append_shown(out, "a\"b\\c\n", "\"\\");
    CHECK(out == "= a\\\"b\\\\c\\x0a");
}
