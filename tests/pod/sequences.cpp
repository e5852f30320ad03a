// SPDX-License-Identifier: BSL-1.0
// PODSCOPE_SEED=n begins with the sequence of that seed, PODSCOPE_SEQUENCES=n plays so many.
#include "support/sequences.hpp"

#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/effort.hpp"
#include "support/shrinking.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace {

using namespace podscope_test;

constexpr std::size_t steps = 40;

template <class Backend>
void play_sequences(std::uint64_t count) {
    const auto first = number_from_environment("PODSCOPE_SEED", 1);
    const auto end = first + rounds("PODSCOPE_SEQUENCES", count);
    play_seeds(first, end, "PODSCOPE_SEQUENCES", [](choices chosen) {
        const Backend backend;
        sequence<typename Backend::store>{[&] { return backend.open(); }, std::move(chosen)}.play(
            steps);
    });
}

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
        sequence<store>{[] { return store{}; }, std::move(chosen)}.play(steps);
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
