// SPDX-License-Identifier: BSL-1.0
#include "scope/rule_sets.hpp"
#include "support/catch.hpp"

#include <podscope/scope/region.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

constexpr std::size_t region_depth = 2;

// Every area down to a depth.
std::vector<reference_area> all_areas(const std::vector<std::string>& names) {
    std::vector<reference_area> areas;
    const reference_universe targets{names, region_depth + 1};
    for (const auto& target : targets.places()) {
        for (auto reach : {reference_reach::target_only, reference_reach::target_and_children,
                           reference_reach::everything_below})
            areas.push_back({target, reach});
    }
    return areas;
}

// The members of what the library says two areas have in common.
std::vector<bool> members(const world& all, const std::optional<region>& found) {
    std::vector<bool> in(all.resources.size());
    for (std::size_t i = 0; found && i < in.size(); ++i)
        in[i] = contains(*found, {all.resources[i], extent::point});
    return in;
}

} // namespace

TEST_CASE("A region contains exactly the places that its rule covers", "[scope]") {
    const world all{alphabets().front(), region_depth + 1};
    for (const auto& area : all_areas(all.names.mentioned)) {
        INFO(describe(area));
        REQUIRE(members(all, podscope_test::region_of(area)) == all.universe.members(area));
    }
}

TEST_CASE("Containment and intersection of regions are those of their places", "[scope]") {
    const world all{alphabets().front(), region_depth + 1};
    const reference_universe& universe = all.universe;
    const auto areas = all_areas({"a", "bc"});
    std::size_t containing = 0;
    std::size_t crossing = 0;
    for (const auto& a : areas) {
        for (const auto& b : areas) {
            INFO(describe(a) << " with " << describe(b));
            const region in_a = podscope_test::region_of(a);
            const region in_b = podscope_test::region_of(b);
            const bool contained = universe.contains(a, b);
            const bool crossed = universe.intersects(a, b);
            REQUIRE(contains(in_a, in_b) == contained);
            REQUIRE(intersects(in_a, in_b) == crossed);
            REQUIRE(members(all, intersection(in_a, in_b)) == universe.common(a, b));
            containing += contained ? 1U : 0U;
            crossing += crossed && !contained && !universe.contains(b, a) ? 1U : 0U;
        }
    }
    REQUIRE(containing > areas.size());
    REQUIRE(crossing > 0);
}

TEST_CASE("A region is that of its rule", "[scope]") {
    const auto target = resource_of({"a", "b"});
    CHECK(podscope::region_of({target, permission::read, true}) == region{target, extent::tree});
    CHECK(podscope::region_of({target, permission::read, false}) ==
          region{target, extent::children});
}
