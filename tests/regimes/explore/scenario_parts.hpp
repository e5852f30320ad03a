// SPDX-License-Identifier: BSL-1.0
// What scenarios begin with, and who plays in them.
//
// "p" has /w and may hand it on, "c" is its child at /w/c, "g" is c's child at /w/c/g.
#pragma once

#include "regimes/explore/explored_run.hpp"
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

namespace scenario_parts {

using podscope::grant;
using podscope::manifest;
using podscope_test::must;
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

/// A pod that an actor holds from the beginning.
template <class Pod>
[[nodiscard]] std::shared_ptr<Pod> hold(Pod made) {
    return std::make_shared<Pod>(std::move(made));
}

/// p created by the process of the next actor.
template <class World>
[[nodiscard]] auto parent_of_next(World& world) {
    return hold(must(world.library_of_next("parent").create(root())));
}

/// p by a process that has died, and what it delegated to c.
template <class World>
[[nodiscard]] grant dead_parent(World& world, const manifest& to = child()) {
    auto dead = world.library_of_the_dead();
    auto p = must(dead.create(root()));
    return must(p.delegate(to));
}

/// c adopted by the process of the next actor.
template <class World>
[[nodiscard]] auto adopted_by_next(World& world, const std::string& actor, const grant& shown) {
    return hold(must(world.library_of_next(actor).adopt(shown)));
}

template <class World>
[[nodiscard]] auto adopted_by_the_dead(World& world, const grant& shown) {
    return hold(must(world.library_of_the_dead().adopt(shown)));
}

/// An actor that restores p, and then checks it at some places.
template <class World>
void restorer(World& world, const char* name, std::vector<std::string> places) {
    world.act(name, [&world, places = std::move(places)](auto& mine) {
        if (auto p = world.restore(mine, "p")) {
            for (const auto& place : places) {
                world.check(mine, *p, place);
            }
        }
    });
}

} // namespace scenario_parts

/// A scenario over a world.
template <class World>
[[nodiscard]] scenario play(std::string name, std::function<void(World&)> set_up) {
    auto make = [set_up = std::move(set_up)](bool meddled) -> std::unique_ptr<explored_run> {
        auto world = std::make_unique<World>();
        set_up(*world);
        if (meddled) {
            world->act("sweeper", [](auto& mine) { (void)mine.reclaim_stale(); });
            world->act("restorer", [&all = *world](auto& mine) {
                if (auto p = all.restore(mine, "p")) {
                    all.reconcile(mine, *p);
                    all.check(mine, *p, "/w/c");
                }
            });
        }
        world->plan().begin();
        return world;
    };
    return {std::move(name), std::move(make)};
}

} // namespace regimes
