// SPDX-License-Identifier: BSL-1.0
// What the explorer plays of threads that share a pod, over a store with a generation by which a
// check knows that nothing was committed.
#include "regimes/explore/scenario_parts.hpp"

namespace regimes {

namespace {

template <class World>
[[nodiscard]] std::vector<scenario> scenarios_of_threads() {
    using namespace scenario_parts;
    return {
        play<World>("a pod is checked again and again while its parent takes it back",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        world.act("parent", [p](auto&) { (void)p->reclaim("c"); });
                        const auto c = adopted_by_next(world, "child", shown);
                        world.act("child", [&world, c](auto& mine) {
                            world.check(mine, *c, "/w/c");
                            world.check(mine, *c, "/w/c");
                            world.check(mine, *c, "/w/c");
                        });
                    }),

        // Beside the first one: who of the two is gone through first decides which of two ways to
        // the same rows is left out, if they are taken for one.
        play<World>("a pod is checked by one who comes before its parent takes it back",
                    [](World& world) {
                        auto p = hold(must(world.library_of("parent", 2).create(root())));
                        const auto shown = must(p->delegate(child()));
                        const auto c = adopted_by_next(world, "child", shown);
                        world.act("child",
                                  [&world, c](auto& mine) { world.check(mine, *c, "/w/c"); });
                        world.act("parent", [p](auto&) { (void)p->reclaim("c"); });
                    }),

        play<World>("two threads share a pod: one delegates and takes back, one checks",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto parent = world.act("parent", [p](auto&) {
                            (void)p->delegate(child());
                            (void)p->reclaim("c");
                        });
                        world.act_too("its other thread", parent,
                                      [&world, p](auto& mine) { world.check(mine, *p, "/w/c"); });
                    }),

        play<World>("two threads share a pod: one takes back, one asks for permits",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        (void)must(p->delegate(child()));
                        const auto parent =
                            world.act("parent", [p](auto&) { (void)p->reclaim("c"); });
                        world.act_too("its other thread", parent, [&world, p](auto& mine) {
                            world.show(mine, *p, "/w/c");
                            world.show(mine, *p, "/w/x");
                        });
                    }),

        play<World>("a child releases while its parent asks for a permit",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        world.act("parent", [&world, p](auto& mine) {
                            world.show(mine, *p, "/w/c");
                            world.show(mine, *p, "/w/c");
                        });
                        const auto c = adopted_by_next(world, "child", shown);
                        world.act("child", [&world, c](auto&) { world.release(*c); });
                    }),

        play<World>("two threads share a pod that somebody takes back",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        world.act("parent", [p](auto&) { (void)p->reclaim("c"); });
                        const auto c = adopted_by_next(world, "child", shown);
                        const auto child = world.act(
                            "child", [&world, c](auto& mine) { world.check(mine, *c, "/w/c"); });
                        world.act_too("its other thread", child,
                                      [&world, c](auto& mine) { world.check(mine, *c, "/w/c"); });
                    }),

        play<World>("a child releases while its parent delegates elsewhere",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        world.act("parent", [&world, p](auto& mine) {
                            (void)p->delegate(child("x", "/w/x"));
                            world.check(mine, *p, "/w/c");
                        });
                        const auto c = adopted_by_next(world, "child", shown);
                        world.act("child", [&world, c](auto&) { world.release(*c); });
                    }),

        play<World>("two threads share a pod and delegate the same place",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto parent = world.act("parent", [&world, p](auto& mine) {
                            (void)p->delegate(child("c"));
                            world.check(mine, *p, "/w/c");
                        });
                        world.act_too("its other thread", parent,
                                      [p](auto&) { (void)p->delegate(child("g")); });
                    }),
    };
}

using world = explored_world<one_store<podscope::verify::threaded_store<explored_memory>>>;

const played all{scenarios_of_threads<world>()};

} // namespace

} // namespace regimes
