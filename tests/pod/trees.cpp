// SPDX-License-Identifier: BSL-1.0
// PODSCOPE_SEED=n begins with the tree of that seed, PODSCOPE_TREES=n plays so many.
#include "support/trees.hpp"

#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/effort.hpp"
#include "support/shrinking.hpp"

#include <cstdint>
#include <utility>

namespace {

using namespace podscope_test;

template <class Backend>
void play_trees(std::uint64_t count) {
    const auto first = number_from_environment("PODSCOPE_SEED", 1);
    const auto end =
        first + number_from_environment("PODSCOPE_TREES", is_sanitised ? count / 40 : count);
    play_seeds(first, end, "PODSCOPE_TREES", [](choices chosen) {
        const Backend backend;
        random_tree<typename Backend::store>{[&] { return backend.open(); }, std::move(chosen)}
            .play();
    });
}

TEST_CASE("I1 to I11 F24 F25 F26 hold after every reclaim in random trees in memory",
          "[pod][random][slow]") {
    play_trees<in_memory>(10'000);
}

TEST_CASE("I1 to I11 F24 F25 F26 hold after every reclaim in random trees in bytes",
          "[pod][random]") {
    play_trees<in_bytes>(500);
}

TEST_CASE("I1 to I11 F24 F25 F26 hold after every reclaim in random trees in a journal",
          "[pod][random]") {
    play_trees<in_journal>(200);
}

} // namespace
