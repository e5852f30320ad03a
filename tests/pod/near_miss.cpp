// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/pod/near_miss.hpp>

#include <array>
#include <string>
#include <string_view>

using podscope::pod_detail::distance;
using podscope::pod_detail::nearest;

TEST_CASE("The distance of two words is the letters to change, add or leave out", "[pod]") {
    CHECK(distance("", "") == 0);
    CHECK(distance("deny", "deny") == 0);
    CHECK(distance("", "deny") == 4);
    CHECK(distance("deny", "") == 4);
    CHECK(distance("denny", "deny") == 1);
    CHECK(distance("dey", "deny") == 1);
    CHECK(distance("dony", "deny") == 1);
    CHECK(distance("kitten", "sitting") == 3);
    CHECK(distance("flaw", "lawn") == 2);
}

TEST_CASE("A misspelt word is near to one that it may have been meant for", "[pod]") {
    constexpr std::array<std::string_view, 3> words{"allow", "deny", "authority"};
    CHECK(nearest("alow", words) == "allow");
    CHECK(nearest("Allow", words) == "allow");
    CHECK(nearest("denies", words) == "");
    CHECK(nearest("autority", words) == "authority");
    CHECK(nearest("authorities", words) == "");
    CHECK(nearest("x", words) == "");
    CHECK(nearest("", words) == "");
    CHECK(nearest(std::string(1000, 'a'), words) == "");
    CHECK(nearest(std::string(33, 'a'), words) == "");
}
