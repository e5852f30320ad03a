// SPDX-License-Identifier: BSL-1.0
// What the explorer plays: at most three pods of interest and a few operations each, small enough
// for everything that can happen.
//
// "p" has /w and may hand it on, "c" is its child at /w/c, "g" is c's child at /w/c/g.
#pragma once

#include "regimes/explore/explored_world.hpp"
#include "support/results.hpp"

#include <podscope/pod/grant.hpp>
#include <podscope/pod/manifest.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace regimes {

struct scenario {
    std::string name{};
    std::function<void(explored_world&)> set_up{};
};

namespace scenario_parts {

using podscope::grant;
using podscope::manifest;
using podscope_test::must;
using library = explored_runtime;
using pod = explored_pod;
namespace rules = podscope::rules;

inline manifest root(const std::string& name = "p", const std::string& place = "/w") {
    return manifest{name}.may(rules::write(place)).may_delegate(rules::write(place));
}

inline manifest child(const std::string& name = "c", const std::string& place = "/w/c") {
    return manifest{name}.may(rules::write(place)).may_delegate(rules::write(place));
}

inline manifest grandchild() {
    return manifest{"g"}.may(rules::write("/w/c/g"));
}

// A pod that an actor holds from the beginning.
using held = std::shared_ptr<pod>;

inline held hold(pod made) {
    return std::make_shared<pod>(std::move(made));
}

/// p created by the process of the next actor.
inline held parent_of_next(explored_world& world) {
    return hold(must(world.library_of_next("parent").create(root())));
}

/// p by a process that has died, and what it delegated to c.
inline grant dead_parent(explored_world& world, const manifest& to = child()) {
    auto dead = world.library_of_the_dead();
    auto p = must(dead.create(root()));
    return must(p.delegate(to));
}

/// c adopted by the process of the next actor.
inline held adopted_by_next(explored_world& world, const std::string& actor, const grant& shown) {
    return hold(must(world.library_of_next(actor).adopt(shown)));
}

inline held adopted_by_the_dead(explored_world& world, const grant& shown) {
    return hold(must(world.library_of_the_dead().adopt(shown)));
}

/// An actor that restores p, and then checks it at some places.
inline void restorer(explored_world& world, const char* name, std::vector<std::string> places) {
    world.act(name, [&world, places = std::move(places)](library& mine) {
        if (auto p = world.restore(mine, "p")) {
            for (const auto& place : places) {
                world.check(mine, *p, place);
            }
        }
    });
}

} // namespace scenario_parts

inline const std::vector<scenario>& scenarios() {
    using namespace scenario_parts;
    static const std::vector<scenario> all{
        {"a parent that died is restored beside its living child, and may die of it",
         [](explored_world& world) {
             const auto shown = dead_parent(world);
             const auto c = adopted_by_next(world, "child", shown);
             world.act("child", [&world, c](library& mine) {
                 world.check(mine, *c, "/w/c/x");
                 world.release(*c);
             });
             restorer(world, "parent", {"/w/c/x", "/w/x"});
         }},

        {"two processes restore one pod whose child is dead",
         [](explored_world& world) {
             const auto shown = dead_parent(world);
             (void)adopted_by_the_dead(world, shown);
             for (const auto* const name : {"first", "second"}) {
                 restorer(world, name, {"/w/c"});
             }
         }},

        {"a child is adopted while its parent takes it back",
         [](explored_world& world) {
             auto p = parent_of_next(world);
             const auto shown = must(p->delegate(child()));
             world.act("parent", [&world, p](library& mine) {
                 (void)p->reclaim("c");
                 world.check(mine, *p, "/w/c");
             });
             world.act("child", [&world, shown](library& mine) {
                 if (auto c = world.adopt(mine, shown)) {
                     world.check(mine, *c, "/w/c");
                     world.check(mine, *c, "/w/x");
                 }
             });
         }},

        {"a dead child leaves a living grandchild, and its parent reconciles",
         [](explored_world& world) {
             auto p = parent_of_next(world);
             const auto to_c = must(p->delegate(child()));
             const auto c = adopted_by_the_dead(world, to_c);
             const auto to_g = must(c->delegate(grandchild()));
             world.act("parent", [&world, p](library& mine) {
                 world.reconcile(mine, *p);
                 world.check(mine, *p, "/w/c/g");
                 world.check(mine, *p, "/w/c/x");
             });
             const auto g = adopted_by_next(world, "grandchild", to_g);
             world.act("grandchild", [&world, g](library& mine) {
                 world.check(mine, *g, "/w/c/g");
                 world.release(*g);
             });
         }},

        {"a child that is taken for dead goes on, delegates and releases",
         [](explored_world& world) {
             auto p = parent_of_next(world);
             const auto shown = must(p->delegate(child()));
             world.act("parent", [&world, p](library& mine) {
                 world.reconcile(mine, *p);
                 world.check(mine, *p, "/w/c/g");
             });
             const auto c = adopted_by_next(world, "child", shown);
             world.act("child", [&world, c](library& mine) {
                 (void)c->delegate(grandchild());
                 world.check(mine, *c, "/w/c/g");
                 world.release(*c);
             });
         }},

        {"the scope of a dead root is wanted by two at once",
         [](explored_world& world) {
             (void)must(world.library_of_the_dead().create(root("x", "/w/c")));
             for (const auto* const name : {"first", "second"}) {
                 world.act(name, [&world, name](library& mine) {
                     if (auto made = mine.create(root(name, "/w"))) {
                         world.check(mine, *made, "/w/c");
                     }
                 });
             }
         }},

        {"a child releases while its parent reconciles, and the sink may refuse",
         [](explored_world& world) {
             auto p = parent_of_next(world);
             const auto shown = must(p->delegate(child()));
             world.act("parent", [&world, p](library& mine) { world.reconcile(mine, *p); });
             const auto c = adopted_by_next(world, "child", shown);
             world.act("child", [&world, c](library&) { world.release(*c); });
         }},

        {"who takes a child back dies, or the sink refuses, and another one delivers",
         [](explored_world& world) {
             auto p = parent_of_next(world);
             const auto shown = must(p->delegate(child()));
             (void)adopted_by_the_dead(world, shown);
             world.act("parent", [&world, p](library& mine) {
                 world.reconcile(mine, *p);
                 (void)p->deliver();
             });
             world.act("another", [](library& mine) { (void)mine.deliver("p"); });
         }},

        {"a child that died is restored while its parent reconciles",
         [](explored_world& world) {
             auto p = parent_of_next(world);
             const auto shown = must(p->delegate(child()));
             (void)adopted_by_the_dead(world, shown);
             world.act("parent", [&world, p](library& mine) {
                 world.reconcile(mine, *p);
                 world.check(mine, *p, "/w/c");
             });
             world.act("child", [&world](library& mine) {
                 if (auto c = world.restore(mine, "c")) {
                     world.check(mine, *c, "/w/c");
                 }
             });
         }},

        {"a child with a child of its own releases while its parent is restored",
         [](explored_world& world) {
             const auto to_c = dead_parent(world);
             const auto c = adopted_by_next(world, "child", to_c);
             const auto to_g = must(c->delegate(grandchild()));
             world.act("child", [&world, c](library&) { world.release(*c); });
             const auto g = adopted_by_next(world, "grandchild", to_g);
             world.act("grandchild",
                       [&world, g](library& mine) { world.check(mine, *g, "/w/c/g"); });
             restorer(world, "parent", {"/w/c/g"});
         }},

        {"a parent delegates and dies, and is restored beside the child that was to adopt",
         [](explored_world& world) {
             auto p = parent_of_next(world);
             const auto shown = std::make_shared<grant>();
             world.act("parent", [&world, p, shown](library& mine) {
                 if (auto made = p->delegate(child()); made && world.plan().is_alive()) {
                     *shown = *made;
                     world.plan().wake(1, static_cast<std::uint64_t>(made->granted));
                 }
                 world.check(mine, *p, "/w/c");
             });
             world.act(
                 "child",
                 [&world, shown](library& mine) {
                     if (auto c = world.adopt(mine, *shown)) {
                         world.check(mine, *c, "/w/c");
                     }
                 },
                 true);
             restorer(world, "again", {"/w/c", "/w/x"});
         }},

        {"somebody sweeps for the dead while a pod is restored",
         [](explored_world& world) {
             const auto to_c = dead_parent(world);
             const auto c = adopted_by_the_dead(world, to_c);
             (void)must(c->delegate(grandchild()));
             world.act("sweeper", [](library& mine) { (void)mine.reclaim_stale(); });
             restorer(world, "parent", {"/w/c/g"});
         }},

        {"somebody sweeps for the dead below a living parent",
         [](explored_world& world) {
             auto p = parent_of_next(world);
             const auto shown = must(p->delegate(child()));
             (void)adopted_by_the_dead(world, shown);
             world.act("parent", [&world, p](library& mine) {
                 world.check(mine, *p, "/w/c");
                 world.check(mine, *p, "/w/x");
             });
             world.act("sweeper", [](library& mine) { (void)mine.reclaim_stale(); });
         }},

        {"two pods want to write one session segment",
         [](explored_world& world) {
             const auto free = must(must(world.library_of_the_dead().create(root("x", "/x")))
                                        .release()
                                        .transform([](const auto&) { return 0; }));
             (void)free;
             for (const auto* const name : {"c", "g"}) {
                 auto one = hold(must(
                     world.library_of_next(name).create(root(name, "/w/" + std::string{name}))));
                 world.act(name, [&world, one](library&) {
                     (void)one->switch_segment("dead1-1");
                     world.release(*one);
                 });
             }
         }},

        {"a parent that died is restored, and its child's allocation has vanished",
         [](explored_world& world) {
             const auto to_c = dead_parent(world);
             const auto c = adopted_by_the_dead(world, to_c);
             const auto to_g = must(c->delegate(grandchild()));
             const auto g = adopted_by_next(world, "grandchild", to_g);
             world.let_vanish("c");
             world.act("grandchild", [&world, g](library& mine) {
                 world.check(mine, *g, "/w/c/g");
                 world.release(*g);
             });
             restorer(world, "parent", {"/w/c/x", "/w/c/g"});
         }},

        {"a name is used again at once after its delegation has ended",
         [](explored_world& world) {
             auto p = parent_of_next(world);
             const auto shown = must(p->delegate(child()));
             world.act("parent", [&world, p](library& mine) {
                 (void)p->reclaim("c");
                 (void)p->delegate(child());
                 world.check(mine, *p, "/w/c");
             });
             const auto c = adopted_by_next(world, "child", shown);
             world.act("child", [&world, c, shown](library& mine) {
                 world.check(mine, *c, "/w/c");
                 (void)c->set_endpoint("unix:/nowhere");
                 (void)world.adopt(mine, shown);
                 world.release(*c);
             });
         }},
    };
    return all;
}

/// Makes a run of a scenario.
///
/// @param meddled whether two more processes meddle: one sweeps for the dead, and one restores p
[[nodiscard]] inline auto runs_of(const scenario& played, bool meddled) {
    return [&played, meddled] {
        auto world = std::make_unique<explored_world>();
        played.set_up(*world);
        if (meddled) {
            world->act("sweeper", [](explored_runtime& mine) { (void)mine.reclaim_stale(); });
            world->act("restorer", [&all = *world](explored_runtime& mine) {
                if (auto p = all.restore(mine, "p")) {
                    all.reconcile(mine, *p);
                    all.check(mine, *p, "/w/c");
                }
            });
        }
        world->plan().begin();
        return world;
    };
}

} // namespace regimes
