// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/scope/invalid_target.hpp>

#include <string>

using namespace podscope;

TEST_CASE("The error of a refused target says which and why", "[scope]") {
    const error e = invalid_target("a\n", "must be absolute");
    CHECK(e.category == errc::invalid_target);
    CHECK(e.message == "the target 'a\\x0a' must be absolute");
    CHECK(e.subject == "a\\x0a");
}
