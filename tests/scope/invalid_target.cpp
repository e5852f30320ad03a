// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/scope/invalid_target.hpp>

#include <string>

using namespace podscope;

TEST_CASE("A text is shown whole up to its limit and by both ends above it", "[scope]") {
    CHECK(shown_text("") == "");
    CHECK(shown_text("abcdef", 6) == "abcdef");
    CHECK(shown_text("abcdefg", 6) == "abc...efg");
    CHECK(shown_text("\x1f\x20\x7e\x7f") == "\\x1f ~\\x7f");
    CHECK(shown_text("\xC3\xA9") == "\xC3\xA9");
}

TEST_CASE("The error of a refused target says which and why", "[scope]") {
    const error e = invalid_target("a\n", "must be absolute");
    CHECK(e.category == errc::invalid_target);
    CHECK(e.message == "the target 'a\\x0a' must be absolute");
    CHECK(e.subject == "a\\x0a");
}
