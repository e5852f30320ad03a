// SPDX-License-Identifier: BSL-1.0
#include "scope/rule_sets.hpp"
#include "support/catch.hpp"

#include <podscope/scope/rules_by_target.hpp>

#include <cstdint>
#include <string>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

constexpr std::size_t indexed_depth = 2;

} // namespace

// That one rule has to grant a whole region is only right because no union of others can: the
// reference asks each place by itself.
TEST_CASE("Rules grant or take a region where they do at its places", "[scope][random]") {
    std::size_t granted = 0;
    std::size_t taken = 0;
    const auto worlds = world::all(indexed_depth);
    const std::vector<reference_rule> whole{{{}, permission::write, true}};
    for_each_seed([&](std::uint64_t seed) {
        const world& chosen = worlds[seed % worlds.size()];
        random_rules random{chosen.names, indexed_depth, seed};
        const auto rules = random.rules(6);
        const auto area = random.area();
        const auto access = random.below(2) == 0 ? permission::read : permission::write;
        const auto allowed = reference_permissions(chosen.universe, rules, {});
        const auto left = reference_permissions(chosen.universe, whole, rules);
        const auto& covered = chosen.universe.members(area);

        bool everywhere = true;
        bool somewhere = false;
        for (std::size_t i = 0; i < covered.size(); ++i) {
            everywhere = everywhere && (!covered[i] || allowed[i] >= access);
            somewhere = somewhere || (covered[i] && left[i] < access);
        }
        const auto theirs = rules_of(rules);
        const podscope::rules_by_target sorted{theirs};
        if (everywhere != sorted.grant(podscope_test::region_of(area), access))
            FAIL("PODSCOPE_SEED=" << seed << ": grant differs at " << describe(area));
        if (somewhere != sorted.take(podscope_test::region_of(area), access))
            FAIL("PODSCOPE_SEED=" << seed << ": take differs at " << describe(area));
        granted += everywhere ? 1U : 0U;
        taken += somewhere ? 1U : 0U;
    });
    CHECK(granted > 0);
    CHECK(taken > 0);
}
