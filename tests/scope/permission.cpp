// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/scope/permission.hpp>

using namespace podscope;

TEST_CASE("Permissions are in order and each includes those before", "[scope]") {
    CHECK(permission::none < permission::read);
    CHECK(permission::read < permission::write);
}

TEST_CASE("A deny leaves what lies strictly below it and a deny of none leaves all", "[scope]") {
    CHECK(left_by_deny(permission::write) == permission::read);
    CHECK(left_by_deny(permission::read) == permission::none);
    CHECK(left_by_deny(permission::none) == permission::write);
}

TEST_CASE("A permission is read as it is written", "[scope]") {
    for (const auto p : {permission::none, permission::read, permission::write})
        CHECK(parse_permission(to_string(p)) == p);
    for (const auto* text : {"", "Read", "read ", "writ", "unknown"})
        CHECK_FALSE(parse_permission(text));
    CHECK(to_string(static_cast<permission>(7)) == "unknown");
}
