// SPDX-License-Identifier: BSL-1.0
// What enters a registry, and what leaves it.
#pragma once

#include "registry/rules.hpp"
#include "support/anywhere.hpp"
#include "support/invariants.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/registry/registry.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace podscope_test::registering {

using namespace podscope;

inline deny_layer base(const char* target) {
    return {rule(target), std::nullopt};
}

/// A registry whose tables are judged to be in step after every commit.
template <class Place>
class live_registry {
public:
    template <class F>
    auto write(F&& body) {
        auto done = store_.write([&](auto& txn) {
            podscope::registry live{txn};
            return body(live);
        });
        const auto broken = inspection{state(), places()}.registry_in_step().broken();
        CAPTURE(broken);
        CHECK(broken.empty());
        return done;
    }

    template <class F>
    auto read(F&& body) {
        return store_.read([&](auto& txn) {
            const podscope::registry live{txn};
            return body(live);
        });
    }

    void add(const char* pod,
             const std::vector<scope_rule>& allow,
             const char* parent = "",
             std::vector<deny_layer> layers = {}) {
        ++granted_;
        must(write([&](auto& live) {
            return live.insert({.pod = pod,
                                .allow = allow,
                                .delegated_from = parent,
                                .granted = epoch{granted_},
                                .adopted = true},
                               layers);
        }));
    }

    allocation at(const char* pod) {
        auto row = must(read([&](auto& live) { return live.find(pod); }));
        REQUIRE(row);
        return *row;
    }

    std::vector<deny_layer> layers_of(const char* pod) {
        return must(read([&](auto& live) { return live.layers_of(pod); }));
    }

    stored_state state() { return stored_state{store_}; }

    typename Place::store& store() { return store_; }

private:
    static const reference_universe& places() {
        static const reference_universe all{{"a"}, 1};
        return all;
    }

    Place place_{};
    typename Place::store store_{place_.open()};
    std::uint64_t granted_{0};
};

PODSCOPE_TEST_ANYWHERE("I3 a pod enters with claims and layers and edge and leaves without any",
                       "[registry]") {
    live_registry<Place> r;
    r.add("parent", {rule("/ws")});
    const auto empty = r.state();
    r.add("pod",
          {rule("/ws/a"), rule("/ws", permission::read), rule("/ws/b", permission::write, false)},
          "parent", {base("/ws/a/x"), layer("/ws/a/b", "child", 9)});
    CHECK(r.state().template of<tables::claims>().size() == 3);
    CHECK(must(r.read([](auto& live) { return live.children_of("parent"); })) ==
          std::vector<std::string>{"pod"});
    must(r.write([](auto& live) { return live.set_segment("pod", "segment"); }));
    must(r.write([](auto& live) { return live.erase("pod"); }));
    CHECK(r.state() == empty);
    must(r.write([](auto& live) { return live.erase("pod"); }));
    CHECK(r.state() == empty);
}

PODSCOPE_TEST_ANYWHERE("I9 layers go by their whole identity", "[registry]") {
    live_registry<Place> r;
    r.add("pod", {rule("/ws")}, "",
          {base("/ws/a"), layer("/ws/a", "child", 1), layer("/ws/a", "child", 2),
           layer("/ws/a", "other", 1), layer("/ws/b", "child", 1)});
    const auto revision = r.at("pod").layers_revision;
    must(r.write([](auto& live) {
        return live.remove_layers("pod", std::vector{layer("/ws/a", "child", 1)});
    }));
    CHECK(plain(r.layers_of("pod")) ==
          plain({base("/ws/a"), layer("/ws/a", "child", 2), layer("/ws/a", "other", 1),
                 layer("/ws/b", "child", 1)}));
    CHECK(r.at("pod").layers_revision == revision + 1);
    must(r.write([](auto& live) {
        return live.add_layers("pod", std::vector{layer("/ws/a", "child", 2)});
    }));
    CHECK(r.layers_of("pod").size() == 4);
    must(r.write([](auto& live) {
        return live.add_layers("pod", std::vector{layer("/ws/c", "child", 2)});
    }));
    CHECK(r.layers_of("pod").size() == 5);
}

PODSCOPE_TEST_ANYWHERE("I9 no layers are no change to notice", "[registry]") {
    live_registry<Place> r;
    r.add("pod", {rule("/ws")}, "", {base("/ws/a")});
    const auto before = r.state();
    must(r.write([](auto& live) { return live.add_layers("pod", {}); }));
    must(r.write([](auto& live) { return live.remove_layers("pod", {}); }));
    CHECK(r.state() == before);
}

PODSCOPE_TEST_ANYWHERE("I4 a pod is live under its last grant alone", "[registry]") {
    live_registry<Place> r;
    r.add("pod", {rule("/ws")});
    const auto is_live = [&](const char* pod, epoch granted) {
        return must(r.read([&](auto& live) { return live.is_live(pod, granted); }));
    };
    CHECK(is_live("pod", epoch{1}));
    CHECK_FALSE(is_live("pod", epoch{2}));
    CHECK_FALSE(is_live("nobody", epoch{1}));
}

PODSCOPE_TEST_ANYWHERE("I4 layers of who is not live are neither kept nor missed", "[registry]") {
    live_registry<Place> r;
    const auto before = r.state();
    must(r.write([](auto& live) {
        return live.add_layers("nobody", std::vector{layer("/ws", "child", 1)});
    }));
    must(r.write([](auto& live) {
        return live.remove_layers("nobody", std::vector{layer("/ws", "child", 1)});
    }));
    CHECK(r.state() == before);
}

PODSCOPE_TEST_ANYWHERE("I4 who enters again finds nothing of what he left", "[registry]") {
    live_registry<Place> r;
    r.add("pod", {rule("/ws/a"), rule("/ws/b")}, "", {layer("/ws/a/x", "child", 1)});
    must(r.write([](auto& live) { return live.set_segment("pod", "segment"); }));
    // A lease takes the row and nothing else.
    must(r.store().write([](auto& txn) { return txn.template erase<tables::allocations>("pod"); }));
    CHECK_FALSE(must(r.read([](auto& live) { return live.holder_of("segment"); })));
    must(r.store().write([](auto& txn) {
        return podscope::registry{txn}.insert(
            {.pod = "pod", .allow = {rule("/ws/a")}, .granted = epoch{9}, .adopted = true}, {});
    }));
    CHECK(r.layers_of("pod").empty());
}

PODSCOPE_TEST_ANYWHERE("I11 a segment has one holder and a holder one segment", "[registry]") {
    live_registry<Place> r;
    r.add("first", {rule("/a")});
    r.add("second", {rule("/b")});
    const auto hold = [&](const char* pod, const char* segment) {
        return r.write([&](auto& live) { return live.set_segment(pod, segment); });
    };
    const auto holder = [&](const char* segment) {
        const auto found = must(r.read([&](auto& live) { return live.holder_of(segment); }));
        return found ? found->pod : "";
    };
    must(hold("first", "x"));
    const auto refused = error_of(hold("second", "x"));
    CHECK(refused.category == errc::segment_held);
    CHECK(refused.current == r.at("first").granted);
    CHECK(holder("x") == "first");
    must(hold("first", "x"));
    must(hold("first", "y"));
    CHECK(holder("x").empty());
    CHECK(holder("y") == "first");
    must(hold("second", "x"));
    CHECK(r.at("second").segment == "x");
    must(r.write([](auto& live) { return live.erase("first"); }));
    CHECK(holder("y").empty());
    must(hold("nobody", "z"));
    CHECK(holder("z").empty());
}

PODSCOPE_TEST_ANYWHERE("I11 a pod lets go of what it holds and of nothing that its row only names",
                       "[registry]") {
    live_registry<Place> r;
    r.add("holder", {rule("/a")});
    must(r.write([](auto& live) { return live.set_segment("holder", "held"); }));
    for (const auto* segment : {"held", "nobody's"}) {
        CAPTURE(segment);
        must(r.store().write([&](auto& txn) {
            return podscope::registry{txn}.insert(
                {.pod = "other", .segment = segment, .granted = epoch{9}, .adopted = true}, {});
        }));
        must(r.write([](auto& live) { return live.erase("other"); }));
        const auto hold = must(r.read([](auto& live) { return live.holder_of("held"); }));
        CHECK((hold && hold->pod == "holder"));
    }
}

PODSCOPE_TEST_ANYWHERE("F25 a pod can be hung below another and be made a root", "[registry]") {
    live_registry<Place> r;
    r.add("top", {rule("/")});
    r.add("middle", {rule("/a")}, "top");
    r.add("low", {rule("/a/b")}, "middle");
    const auto descent = [&] {
        std::vector<std::string> names;
        for (const auto& one : must(r.read([](auto& live) { return live.descent_of("low"); }))) {
            names.push_back(one.pod);
        }
        return names;
    };
    using names = std::vector<std::string>;
    CHECK(descent() == names{"low", "middle", "top"});
    must(r.write([](auto& live) { return live.reparent("low", "top"); }));
    CHECK(descent() == names{"low", "top"});
    must(r.write([](auto& live) { return live.reparent("low", ""); }));
    CHECK(descent() == names{"low"});
    must(r.write([](auto& live) { return live.reparent("nobody", "top"); }));
    must(r.write([](auto& live) { return live.reparent("middle", "nobody"); }));
    must(r.write([](auto& live) { return live.reparent("low", "middle"); }));
    CHECK(descent() == names{"low", "middle"});
}

PODSCOPE_TEST_ANYWHERE("I2 a pod that descends from itself is corrupt and no endless search",
                       "[registry]") {
    live_registry<Place> r;
    r.add("a", {rule("/a")}, "b");
    r.add("b", {rule("/b")}, "a");
    CHECK(why_not(r.read([](auto& live) { return live.descent_of("a"); })) == errc::corrupt);
}

PODSCOPE_TEST_ANYWHERE("I1 the layers that cover a region are all that do and no other",
                       "[registry]") {
    live_registry<Place> r;
    const std::vector<deny_layer> all{base("/"),
                                      layer("/a", "x", 1),
                                      {rule("/a", permission::write, false), std::nullopt},
                                      layer("/a/b", "x", 1),
                                      layer("/a/b/c", "y", 2),
                                      layer("/b", "z", 3)};
    r.add("pod", {rule("/")}, "", all);
    const auto place = [](const char* target) { return must(lexical_path{}.resolve(target)); };
    for (const auto* target : {"/", "/a", "/a/b", "/a/b/c", "/a/b/c/d", "/ab"}) {
        for (const auto reach : {extent::point, extent::children, extent::tree}) {
            CAPTURE(target, static_cast<int>(reach));
            const region where{place(target), reach};
            layer_set covering;
            for (const auto& one : all) {
                if (contains(region_of(one.rule), where)) {
                    covering.insert(plain(one));
                }
            }
            std::vector<deny_layer> visited;
            must(r.read([&](auto& live) {
                visited.clear();
                return live.for_each_covering_layer("pod", where, [&](const deny_layer& one) {
                    visited.push_back(one);
                    return scan::next;
                });
            }));
            CHECK(plain(visited) == covering);
            std::size_t visits = 0;
            must(r.read([&](auto& live) {
                visits = 0;
                return live.for_each_covering_layer("pod", where, [&](const deny_layer&) {
                    ++visits;
                    return scan::stop;
                });
            }));
            CHECK(visits == (covering.empty() ? 0U : 1U));
        }
    }
}

} // namespace podscope_test::registering
