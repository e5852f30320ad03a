// SPDX-License-Identifier: BSL-1.0
// What the explorer plays where registry and pod store are apart: who dies between the two commits
// of a change, and who comes while another one is between them.
#include "regimes/explore/scenario_parts.hpp"

namespace regimes {

namespace {

template <class World>
[[nodiscard]] std::vector<scenario> scenarios_of_two_stores() {
    using namespace scenario_parts;
    return {
        play<World>("a parent takes a child back and dies, and the next one comes, in two stores",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        (void)must(p->delegate(child()));
                        world.act("parent", [p](auto&) { (void)p->reclaim("c"); });
                        world.act("another", [&world](auto& mine) {
                            if (auto x = mine.create(root("x", "/w/c"))) {
                                world.check(mine, *x, "/w/c");
                            }
                        });
                    }),

        play<World>("a child is adopted while its parent takes it back, in two stores",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        world.act("parent", [p](auto&) { (void)p->reclaim("c"); });
                        world.act("child", [&world, shown](auto& mine) {
                            if (auto c = world.adopt(mine, shown)) {
                                world.check(mine, *c, "/w/c");
                            }
                        });
                    }),

        play<World>("a parent that died is restored while its child releases, in two stores",
                    [](World& world) {
                        const auto shown = dead_parent(world);
                        const auto c = adopted_by_next(world, "child", shown);
                        world.act("child", [&world, c](auto&) { world.release(*c); });
                        restorer(world, "parent", {});
                    }),

        play<World>("a pod is delegated, and its parent is checked at the same time, in two stores",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        const auto c = adopted_by_the_dead(world, shown);
                        world.act("parent", [&world, p](auto& mine) {
                            world.reconcile(mine, *p);
                            world.check(mine, *p, "/w/c");
                        });
                    }),
    };
}

using world = explored_world<two_stores<podscope::verify::writing::in_turn>>;

const played all{scenarios_of_two_stores<world>()};

} // namespace

} // namespace regimes
