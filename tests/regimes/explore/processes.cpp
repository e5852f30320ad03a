// SPDX-License-Identifier: BSL-1.0
// What the explorer plays of processes over one store: at most three pods of interest and a few
// operations each, small enough for everything that can happen.
#include "regimes/explore/scenario_parts.hpp"

namespace regimes {

namespace {

template <class World>
[[nodiscard]] std::vector<scenario> scenarios_of_processes() {
    using namespace scenario_parts;
    return {
        play<World>("a parent that died is restored beside its living child, and may die of it",
                    [](World& world) {
                        const auto shown = dead_parent(world);
                        const auto c = adopted_by_next(world, "child", shown);
                        world.act("child", [&world, c](auto& mine) {
                            world.check(mine, *c, "/w/c/x");
                            world.release(*c);
                        });
                        restorer(world, "parent", {"/w/c/x", "/w/x"});
                    }),

        play<World>("two processes restore one pod whose child is dead",
                    [](World& world) {
                        const auto shown = dead_parent(world);
                        (void)adopted_by_the_dead(world, shown);
                        for (const auto* const name : {"first", "second"}) {
                            restorer(world, name, {"/w/c"});
                        }
                    }),

        play<World>("a child is adopted while its parent takes it back",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        world.act("parent", [&world, p](auto& mine) {
                            (void)p->reclaim("c");
                            world.check(mine, *p, "/w/c");
                        });
                        world.act("child", [&world, shown](auto& mine) {
                            if (auto c = world.adopt(mine, shown)) {
                                world.check(mine, *c, "/w/c");
                                world.check(mine, *c, "/w/x");
                            }
                        });
                    }),

        play<World>("a dead child leaves a living grandchild, and its parent reconciles",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto to_c = must(p->delegate(child()));
                        const auto c = adopted_by_the_dead(world, to_c);
                        const auto to_g = must(c->delegate(grandchild()));
                        world.act("parent", [&world, p](auto& mine) {
                            world.reconcile(mine, *p);
                            world.check(mine, *p, "/w/c/g");
                            world.check(mine, *p, "/w/c/x");
                        });
                        const auto g = adopted_by_next(world, "grandchild", to_g);
                        world.act("grandchild", [&world, g](auto& mine) {
                            world.check(mine, *g, "/w/c/g");
                            world.release(*g);
                        });
                    }),

        play<World>("a child that is taken for dead goes on, delegates and releases",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        world.act("parent", [&world, p](auto& mine) {
                            world.reconcile(mine, *p);
                            world.check(mine, *p, "/w/c/g");
                        });
                        const auto c = adopted_by_next(world, "child", shown);
                        world.act("child", [&world, c](auto& mine) {
                            (void)c->delegate(grandchild());
                            world.check(mine, *c, "/w/c/g");
                            world.release(*c);
                        });
                    }),

        play<World>("the scope of a dead root is wanted by two at once",
                    [](World& world) {
                        (void)must(world.library_of_the_dead().create(root("x", "/w/c")));
                        for (const auto* const name : {"first", "second"}) {
                            world.act(name, [&world, name](auto& mine) {
                                if (auto made = mine.create(root(name, "/w"))) {
                                    world.check(mine, *made, "/w/c");
                                }
                            });
                        }
                    }),

        play<World>("a child releases while its parent reconciles, and the sink may refuse",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        world.act("parent", [&world, p](auto& mine) { world.reconcile(mine, *p); });
                        const auto c = adopted_by_next(world, "child", shown);
                        world.act("child", [&world, c](auto&) { world.release(*c); });
                    }),

        play<World>("who takes a child back dies, or the sink refuses, and another one delivers",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        (void)adopted_by_the_dead(world, shown);
                        world.act("parent", [&world, p](auto& mine) {
                            world.reconcile(mine, *p);
                            (void)p->deliver();
                        });
                        world.act("another", [](auto& mine) { (void)mine.deliver("p"); });
                    }),

        play<World>("a child that died is restored while its parent reconciles",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        (void)adopted_by_the_dead(world, shown);
                        world.act("parent", [&world, p](auto& mine) {
                            world.reconcile(mine, *p);
                            world.check(mine, *p, "/w/c");
                        });
                        world.act("child", [&world](auto& mine) {
                            if (auto c = world.restore(mine, "c")) {
                                world.check(mine, *c, "/w/c");
                            }
                        });
                    }),

        play<World>("a child with a child of its own releases while its parent is restored",
                    [](World& world) {
                        const auto to_c = dead_parent(world);
                        const auto c = adopted_by_next(world, "child", to_c);
                        const auto to_g = must(c->delegate(grandchild()));
                        world.act("child", [&world, c](auto&) { world.release(*c); });
                        const auto g = adopted_by_next(world, "grandchild", to_g);
                        world.act("grandchild",
                                  [&world, g](auto& mine) { world.check(mine, *g, "/w/c/g"); });
                        restorer(world, "parent", {"/w/c/g"});
                    }),

        play<World>(
            "a parent delegates and dies, and is restored beside the child that was to adopt",
            [](World& world) {
                auto p = parent_of_next(world);
                const auto shown = std::make_shared<grant>();
                world.act("parent", [&world, p, shown](auto& mine) {
                    if (auto made = p->delegate(child()); made && world.plan().is_alive()) {
                        *shown = *made;
                        world.plan().wake(1, static_cast<std::uint64_t>(made->granted));
                    }
                    world.check(mine, *p, "/w/c");
                });
                world.act(
                    "child",
                    [&world, shown](auto& mine) {
                        if (auto c = world.adopt(mine, *shown)) {
                            world.check(mine, *c, "/w/c");
                        }
                    },
                    true);
                restorer(world, "again", {"/w/c", "/w/x"});
            }),

        play<World>("somebody sweeps for the dead while a pod is restored",
                    [](World& world) {
                        const auto to_c = dead_parent(world);
                        const auto c = adopted_by_the_dead(world, to_c);
                        (void)must(c->delegate(grandchild()));
                        world.act("sweeper", [](auto& mine) { (void)mine.reclaim_stale(); });
                        restorer(world, "parent", {"/w/c/g"});
                    }),

        play<World>("somebody sweeps for the dead below a living parent",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        (void)adopted_by_the_dead(world, shown);
                        world.act("parent", [&world, p](auto& mine) {
                            world.check(mine, *p, "/w/c");
                            world.check(mine, *p, "/w/x");
                        });
                        world.act("sweeper", [](auto& mine) { (void)mine.reclaim_stale(); });
                    }),

        play<World>("two pods want to write one session segment",
                    [](World& world) {
                        (void)must(
                            must(world.library_of_the_dead().create(root("x", "/x"))).release());
                        for (const auto* const name : {"c", "g"}) {
                            auto one = hold(must(world.library_of_next(name).create(
                                root(name, "/w/" + std::string{name}))));
                            world.act(name, [&world, one](auto&) {
                                (void)one->switch_segment("dead1-1");
                                world.release(*one);
                            });
                        }
                    }),

        play<World>("a parent that died is restored, and its child's allocation has vanished",
                    [](World& world) {
                        const auto to_c = dead_parent(world);
                        const auto c = adopted_by_the_dead(world, to_c);
                        const auto to_g = must(c->delegate(grandchild()));
                        const auto g = adopted_by_next(world, "grandchild", to_g);
                        world.let_vanish("c");
                        world.act("grandchild", [&world, g](auto& mine) {
                            world.check(mine, *g, "/w/c/g");
                            world.release(*g);
                        });
                        restorer(world, "parent", {"/w/c/x", "/w/c/g"});
                    }),

        play<World>("a child is adopted while its dead parent is restored",
                    [](World& world) {
                        const auto shown = dead_parent(world);
                        world.act("child", [&world, shown](auto& mine) {
                            if (auto c = world.adopt(mine, shown)) {
                                world.check(mine, *c, "/w/c");
                            }
                        });
                        restorer(world, "parent", {"/w/c"});
                    }),

        play<World>("somebody restores a pod whose holder lives",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        world.act("parent",
                                  [&world, p](auto& mine) { world.check(mine, *p, "/w/x"); });
                        restorer(world, "another", {"/w/x"});
                    }),

        play<World>("two processes restore a pod of which nothing is live",
                    [](World& world) {
                        (void)must(world.library_of_the_dead().create(root()));
                        world.let_vanish("p");
                        for (const auto* const name : {"first", "second"}) {
                            restorer(world, name, {"/w/c"});
                        }
                    }),

        play<World>("a former holder drops its pod, and two have restored it since",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        world.act("former", [p = std::move(p)](auto&) mutable { p.reset(); });
                        restorer(world, "second", {"/w/x"});
                        restorer(world, "third", {});
                    }),

        play<World>("somebody sweeps for the dead, and a living child is between",
                    [](World& world) {
                        auto p = hold(must(world.library_of_the_dead().create(root())));
                        const auto c = adopted_by_next(world, "child", must(p->delegate(child())));
                        (void)adopted_by_the_dead(world, must(c->delegate(grandchild())));
                        world.act("child",
                                  [&world, c](auto& mine) { world.check(mine, *c, "/w/c/x"); });
                        world.act("sweeper", [](auto& mine) { (void)mine.reclaim_stale(); });
                    }),

        play<World>("a name is used again at once after its delegation has ended",
                    [](World& world) {
                        auto p = parent_of_next(world);
                        const auto shown = must(p->delegate(child()));
                        world.act("parent", [&world, p](auto& mine) {
                            (void)p->reclaim("c");
                            (void)p->delegate(child());
                            world.check(mine, *p, "/w/c");
                        });
                        const auto c = adopted_by_next(world, "child", shown);
                        world.act("child", [&world, c, shown](auto& mine) {
                            world.check(mine, *c, "/w/c");
                            (void)c->set_endpoint("unix:/nowhere");
                            (void)world.adopt(mine, shown);
                            world.release(*c);
                        });
                    }),
    };
}

using world = explored_world<one_store<podscope::verify::scheduled_store<explored_memory>>>;

const played all{scenarios_of_processes<world>()};

} // namespace

} // namespace regimes
