// SPDX-License-Identifier: BSL-1.0
#include "support/trees.hpp"

#include "support/catch.hpp"
#include "support/configurations.hpp"

namespace {

using namespace podscope_test;

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
