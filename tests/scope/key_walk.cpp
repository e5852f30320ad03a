// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/scope/key_walk.hpp>
#include <podscope/scope/resource.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace podscope;
using scope_detail::key_walk;

namespace {

// In memory of exactly its size, so that a read beyond it is seen.
std::vector<char> exactly(std::string_view text) {
    return {text.begin(), text.end()};
}

std::uint64_t hash_of(const resource& place) {
    key_walk walk{place.key()};
    while (!walk.at_end())
        (void)walk.take();
    return walk.prefix_hash();
}

} // namespace

TEST_CASE("A walk gives the components of a key whatever their lengths", "[scope]") {
    for (std::size_t first = 1; first <= 40; ++first) {
        for (std::size_t second = 1; second <= 40; ++second) {
            const resource place =
                resource{}.child(std::string(first, 'a')).child(std::string(second, '\xFF'));
            const auto key = exactly(place.key());
            key_walk walk{{key.data(), key.size()}};
            REQUIRE_FALSE(walk.is_before_last());
            const auto one = walk.take();
            REQUIRE(one.text == std::string(first, 'a'));
            REQUIRE(one.is_long() == (first >= 16));
            REQUIRE(walk.is_before_last());
            REQUIRE(walk.take().text == std::string(second, '\xFF'));
            REQUIRE(walk.at_end());
            REQUIRE_FALSE(walk.is_before_last());
        }
    }
}

TEST_CASE("A walk does not lead out of a text that is no key", "[scope]") {
    for (std::size_t length = 1; length <= 40; ++length) {
        const auto text = exactly(std::string(length, 'a'));
        key_walk walk{{text.data(), text.size()}};
        REQUIRE(walk.take().text == std::string(length, 'a'));
        REQUIRE(walk.at_end());
    }
}

TEST_CASE("The words of a component are its first sixteen bytes", "[scope]") {
    const resource place = resource{}.child("ab").child("12345678").child("123456789abcdefgh");
    key_walk walk{place.key()};
    const auto ab = walk.take();
    CHECK(ab.first_word == 0x6261);
    CHECK(ab.second_word == 0);
    const auto eight = walk.take();
    CHECK(eight.first_word == 0x3837363534333231);
    CHECK(eight.second_word == 0);
    const auto longer = walk.take();
    CHECK(longer.first_word == 0x3837363534333231);
    CHECK(longer.second_word == 0x6766656463626139);
    CHECK(longer.is_long());
}

TEST_CASE("The hash is that of the components and not of what stands around them", "[scope]") {
    const resource place = resource{}.child("abc").child("defghijklmnop");
    for (std::size_t after = 0; after < 20; ++after) {
        const resource longer = place.child(std::string(after + 1, 'x')).child("y");
        key_walk walk{longer.key()};
        (void)walk.take();
        (void)walk.take();
        CHECK(walk.prefix_hash() == hash_of(place));
    }
    // A byte of 1 behind the terminator looks like another one to the search for it.
    const resource followed = resource{}.child("ab").child("\x01\x01\x01x");
    key_walk walk{followed.key()};
    (void)walk.take();
    CHECK(walk.prefix_hash() == hash_of(resource{}.child("ab")));
    CHECK(hash_of(resource{}) == 0);
    CHECK(hash_of(resource{}.child("a").child("b")) != hash_of(resource{}.child("ab")));
    CHECK(hash_of(resource{}.child("a").child("b")) != hash_of(resource{}.child("b").child("a")));
}

TEST_CASE("Places that differ little hash apart in their highest bits", "[scope]") {
    // A table at most half full takes a place by those: for 4 096 numbered names in
    // 8 192 places an even spread has about 3 225 distinct ones.
    for (const auto* prefix : {"", "pkg", "a-longer-name-", "a-name-of-more-than-sixteen-bytes-"}) {
        std::set<std::uint64_t> places;
        for (int i = 0; i < 4096; ++i)
            places.insert(hash_of(resource{}.child("ws").child(prefix + std::to_string(i))) >> 51U);
        CHECK(places.size() > 3000);
    }
}
