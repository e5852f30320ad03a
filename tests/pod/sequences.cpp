// SPDX-License-Identifier: BSL-1.0
// PODSCOPE_SEED=n begins with the sequence of that seed, PODSCOPE_SEQUENCES=n plays so many.
#include "support/sequences.hpp"

#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/effort.hpp"

#include <cstdint>

namespace {

using namespace podscope_test;

template <class Backend>
void play_sequences(std::uint64_t count) {
    constexpr std::size_t steps = 40;
    const auto first = number_from_environment("PODSCOPE_SEED", 1);
    const auto end = first + rounds("PODSCOPE_SEQUENCES", count);
    for (auto seed = first; seed != end; ++seed) {
        const Backend backend;
        sequence<typename Backend::store>{[&] { return backend.open(); }, seed}.play(steps);
    }
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

} // namespace
