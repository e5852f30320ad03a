// SPDX-License-Identifier: BSL-1.0
#include "support/sequences.hpp"

#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/shrinking.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace {

using namespace podscope_test;

TEST_CASE("I1 to I11 hold after every step of random sequences in memory", "[pod][random]") {
    play_sequences<in_memory>(2'000);
}

TEST_CASE("I1 to I11 hold after every step of random sequences in bytes", "[pod][random]") {
    play_sequences<in_bytes>(300);
}

TEST_CASE("I1 to I11 hold after every step of random sequences in a journal", "[pod][random]") {
    play_sequences<in_journal>(150);
}

TEST_CASE("a lost game is told by the shortest like it", "[pod]") {
    using store = in_memory::store;
    const auto play = [](choices chosen) {
        // Of which nothing is left after a reboot.
        sequence<store>{[] { return store{}; }, std::move(chosen)}.play(sequence_steps);
    };
    std::optional<game_lost> first;
    for (std::uint64_t seed = 1; !first; ++seed) {
        first = lost(play, choices{seed});
    }
    const auto shortest = shortest_like(*first, play);
    const auto lines = [](const game_lost& one) {
        const std::string_view text{one.what()};
        return std::ranges::count(text.substr(0, text.find("=> ")), '\n');
    };
    CAPTURE(first->what(), shortest.what());
    CHECK(lines(*first) > 2);
    CHECK(lines(shortest) == 2);
    CHECK(std::string_view{shortest.what()}.find("reboot") != std::string_view::npos);
    REQUIRE(lost(play, choices{shortest.taken()}));
}

} // namespace
