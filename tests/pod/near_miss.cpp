// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/pod/near_miss.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

using podscope::pod_detail::distance;
using podscope::pod_detail::nearest;

namespace {

constexpr std::size_t longest = 32;

} // namespace

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
    const std::string word(longest, 'a');
    CHECK(distance(word, word) == 0);
    CHECK(distance(word, std::string(longest, 'b')) == longest);
    CHECK(distance("", word) == longest);
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
}

TEST_CASE("A word is near if half of its letters or less are wrong and no more than two", "[pod]") {
    constexpr std::array<std::string_view, 1> word{"word"};
    CHECK(nearest("wrod", word) == "word");
    CHECK(nearest("sord", word) == "word");
    CHECK(nearest("swords", word) == "word");
    CHECK(nearest("swordss", word) == "");
    CHECK(nearest("wor", word) == "word");
    CHECK(nearest("sor", word) == "");
    constexpr std::array<std::string_view, 1> letter{"a"};
    CHECK(nearest("ab", letter) == "a");
    CHECK(nearest("b", letter) == "");
}

TEST_CASE("Of several words that are near the nearest is meant, and the first of them", "[pod]") {
    constexpr std::array<std::string_view, 4> words{"road", "read", "real", "reed"};
    CHECK(nearest("readd", words) == "read");
    CHECK(nearest("reall", words) == "real");
    CHECK(nearest("rend", words) == "read");
}

TEST_CASE("Of a word that is too long none is near", "[pod]") {
    const std::string known(longest, 'a');
    const std::array<std::string_view, 1> words{known};
    const std::string with_another = known.substr(1) + "b";
    CHECK(nearest(with_another, words) == known);
    CHECK(nearest(known + "b", words) == "");
    CHECK(nearest(std::string(1000, 'a'), words) == "");
}
