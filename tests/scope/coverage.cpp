// SPDX-License-Identifier: BSL-1.0
#include "scope/rule_sets.hpp"
#include "support/catch.hpp"

#include <podscope/scope/coverage.hpp>
#include <podscope/scope/scope.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

constexpr std::size_t depth_covered = 2;

} // namespace

TEST_CASE("What is whole below a place is so at each place below it", "[scope][random]") {
    std::size_t whole = 0;
    std::size_t broken = 0;
    const auto worlds = world::all(depth_covered);
    for_each_seed([&](std::uint64_t seed) {
        const world& chosen = worlds[seed % worlds.size()];
        random_rules random{chosen.names, depth_covered, seed};
        const auto allow = rules_of(random.rules(4));
        std::vector<deny_layer> layers;
        for (const auto& rule : rules_of(random.rules(2))) {
            layers.push_back({rule, {}});
        }
        const podscope::scope now{allow, layers};
        const scope_coverage coverage{now};
        const auto top = resource_of(random.area().target);
        const auto access = random.below(2) == 0 ? permission::read : permission::write;
        bool everywhere = true;
        for (const auto& place : chosen.resources) {
            everywhere =
                everywhere && (!top.contains(place) || place == top || now.allows(place, access));
        }
        if (coverage.is_whole_below(top, access) != everywhere) {
            FAIL("PODSCOPE_SEED=" << seed);
        }
        const bool here = std::ranges::any_of(allow, [&](const scope_rule& rule) {
            return rule.target == top && !rule.recursive && rule.access >= access;
        });
        const auto* const found = coverage.grants_here(top, access);
        if ((found != nullptr) != here ||
            (here && (found->target != top || found->recursive || found->access < access))) {
            FAIL("PODSCOPE_SEED=" << seed << ": of a rule for just that place");
        }
        const auto denying = std::ranges::count_if(layers, [&](const deny_layer& layer) {
            return top.contains(layer.rule.target) && left_by_deny(layer.rule.access) < access;
        });
        const auto all = coverage.all_denying_below(top, access);
        if (std::cmp_not_equal(all.size(), denying) ||
            std::ranges::any_of(all, [&](const deny_layer* layer) {
                return !top.contains(layer->rule.target) ||
                       left_by_deny(layer->rule.access) >= access;
            })) {
            FAIL("PODSCOPE_SEED=" << seed << ": of the denies below");
        }
        whole += everywhere ? 1U : 0U;
        broken += everywhere ? 0U : 1U;
    });
    CHECK(whole > 0);
    CHECK(broken > 0);
}
