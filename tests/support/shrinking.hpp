// SPDX-License-Identifier: BSL-1.0
// Of a game that was lost, the shortest that is lost too: choices are left out, and then made the
// first of those that there were, as in the shrinking of "Test-Case Reduction via Test-Case
// Generation" (MacIver, Donaldson, 2020), which needs to know nothing of what is played.
#pragma once

#include "support/catch.hpp"
#include "support/choices.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace podscope_test {

/// A game that went wrong: what was played and what is wrong, and the choices up to there.
class game_lost : public std::runtime_error {
public:
    game_lost(const std::string& what, std::string taken)
        : std::runtime_error{what},
          taken_{std::move(taken)} {}

    [[nodiscard]] const std::string& taken() const noexcept { return taken_; }

private:
    std::string taken_;
};

/// Plays a game of these choices; how it was lost, if it was.
template <class Play>
[[nodiscard]] std::optional<game_lost> lost(Play& play, choices chosen) {
    try {
        play(std::move(chosen));
    } catch (const game_lost& one) {
        return one;
    }
    return std::nullopt;
}

/// The shortest that is found by so many games, none of whose choices can be left out or be made
/// smaller if it is found by fewer.
template <class Play>
[[nodiscard]] game_lost shortest_like(game_lost one, Play& play, std::size_t games = 3'000) {
    const auto is_lost_too = [&](std::string bytes) {
        if (games == 0) {
            return false;
        }
        --games;
        auto other = lost(play, choices{std::move(bytes)});
        const auto is_less = [&] {
            const auto& before = one.taken();
            const auto& after = other->taken();
            return after.size() != before.size() ? after.size() < before.size() : after < before;
        };
        if (!other || !is_less()) {
            return false;
        }
        one = *std::move(other);
        return true;
    };
    for (bool is_shorter = true; is_shorter && games != 0;) {
        is_shorter = false;
        // Few can be left out wherever they begin: a step is made of as many.
        constexpr std::size_t few = 8;
        for (auto length = one.taken().size(); length != 0;
             length = length > few ? length / 2 : length - 1) {
            for (std::size_t at = 0; at + length <= one.taken().size();) {
                auto without = one.taken();
                without.erase(at, length);
                const bool helped = is_lost_too(std::move(without));
                is_shorter = is_shorter || helped;
                at += helped ? 0 : length > few ? length : 1;
            }
        }
        for (std::size_t at = 0; at < one.taken().size(); ++at) {
            const auto was = static_cast<unsigned char>(one.taken()[at]);
            for (const unsigned less : {0U, was / 2U, was - 1U}) {
                auto smaller = one.taken();
                if (less < was && at < smaller.size()) {
                    smaller[at] = static_cast<char>(less);
                    if (is_lost_too(std::move(smaller))) {
                        is_shorter = true;
                        break;
                    }
                }
            }
        }
    }
    return one;
}

/// Plays the games of so many seeds. The first that is lost fails the test, with the shortest like
/// it, and says how to play it again.
/// @param count the variable of the environment that says how many seeds
template <class Play>
void play_seeds(std::uint64_t first, std::uint64_t end, const std::string& count, Play&& play) {
    for (auto seed = first; seed != end; ++seed) {
        if (auto one = lost(play, choices{seed})) {
            const auto shortest = shortest_like(*std::move(one), play);
            FAIL("PODSCOPE_SEED=" << seed << ' ' << count << "=1 plays this again\n"
                                  << shortest.what());
        }
    }
}

} // namespace podscope_test
