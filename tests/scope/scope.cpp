// SPDX-License-Identifier: BSL-1.0
#include "scope/rule_sets.hpp"
#include "support/catch.hpp"

#include <podscope/scope/scope.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

scope_rule rule(const std::string& target, permission access, bool recursive = true) {
    return {lexical_path{}.resolve(target).value(), access, recursive};
}

deny_layer base(scope_rule denied) {
    return {std::move(denied), std::nullopt};
}

deny_layer delegated(scope_rule denied, std::string child, epoch granted) {
    return {std::move(denied), delegation_ref{std::move(child), granted}};
}

permission at(const scope& s, const std::string& path) {
    return s.permission_at(lexical_path{}.resolve(path).value());
}

// What `explain` promises, by a look at every rule.
explanation plainly_explained(const std::vector<scope_rule>& allow,
                              const std::vector<deny_layer>& layers,
                              const resource& place) {
    const region here{place, extent::point};
    const auto is_deeper = [](const scope_rule& one, const scope_rule& other) {
        return one.target.depth() > other.target.depth();
    };
    explanation why;
    for (const auto& one : allow) {
        const bool decides =
            one.access > why.granted ||
            (why.allowed_by && one.access == why.granted && is_deeper(one, *why.allowed_by));
        if (decides && contains(podscope::region_of(one), here)) {
            why.granted = one.access;
            why.allowed_by = one;
        }
    }
    for (const auto& one : layers) {
        const auto left = left_by_deny(one.rule.access);
        const bool decides = left < why.granted || (why.capped_by && left == why.granted &&
                                                    is_deeper(one.rule, why.capped_by->rule));
        if (decides && contains(podscope::region_of(one.rule), here)) {
            why.granted = left;
            why.capped_by = one;
        }
    }
    return why;
}

} // namespace

TEST_CASE("An empty scope allows nothing anywhere", "[scope]") {
    CHECK(at(scope{}, "/") == permission::none);
    CHECK(at(scope{}, "/a/b") == permission::none);
    CHECK(scope{}.allows(resource{}, permission::none));
    CHECK_FALSE(scope{}.allows(resource{}, permission::read));
}

TEST_CASE("A scope that was given another's place decides as that one", "[scope]") {
    const scope of_a{{rule("/a", permission::write)}};
    scope now{{rule("/b", permission::write)}};
    // A place that it has left free is none of the other's.
    now.add(std::vector{delegated(rule("/b/x", permission::write), "kid", epoch{1})});
    CHECK(now.remove({"kid", epoch{1}}) == 1);
    now = of_a;
    CHECK(at(now, "/a") == permission::write);
    CHECK(at(now, "/b") == permission::none);
    now.add(std::vector{base(rule("/a/x", permission::write))});
    CHECK(at(now, "/a") == permission::write);
    CHECK(at(now, "/a/x") == permission::read);
    scope of_b{{rule("/b", permission::write)}};
    now = std::move(of_b);
    CHECK(at(now, "/a") == permission::none);
    CHECK(at(now, "/b") == permission::write);
    scope last{std::move(now)};
    CHECK(at(last, "/b") == permission::write);
}

TEST_CASE("A rule at the root reaches as far as it says", "[scope]") {
    const scope all{{rule("/", permission::write)}};
    CHECK(at(all, "/") == permission::write);
    CHECK(at(all, "/a/b/c") == permission::write);

    const scope near{{rule("/", permission::write, false)}};
    CHECK(at(near, "/") == permission::write);
    CHECK(at(near, "/a") == permission::write);
    CHECK(at(near, "/a/b") == permission::none);

    const scope capped{{rule("/", permission::write)},
                       std::vector{base(rule("/", permission::write, false))}};
    CHECK(at(capped, "/") == permission::read);
    CHECK(at(capped, "/a") == permission::read);
    CHECK(at(capped, "/a/b") == permission::write);
}

TEST_CASE("A name that begins like a target is not covered by it", "[scope]") {
    const scope s{{rule("/a/b", permission::write), rule("/a/bcd", permission::read)}};
    CHECK(at(s, "/a/b") == permission::write);
    CHECK(at(s, "/a/bc") == permission::none);
    CHECK(at(s, "/a/bcd") == permission::read);
    CHECK(at(s, "/a/bcde") == permission::none);
    CHECK(at(s, "/ab") == permission::none);
    CHECK(at(s, "/a") == permission::none);
}

TEST_CASE("Names that begin with the same sixteen bytes are different places", "[scope]") {
    const std::string fifteen(15, 'n');
    std::vector<std::string> names{fifteen};
    for (std::size_t more = 1; more <= 18; ++more) {
        names.push_back(fifteen + std::string(more, 'n'));
        names.push_back(fifteen + std::string(more - 1, 'n') + "m");
    }
    for (const auto& granted : names) {
        const scope s{{rule("/a/" + granted, permission::write), rule("/b", permission::read)}};
        for (const auto& asked : names) {
            REQUIRE(at(s, "/a/" + asked) ==
                    (asked == granted ? permission::write : permission::none));
            REQUIRE(at(s, "/b/" + asked) == permission::read);
        }
    }
}

TEST_CASE("The lowest deny caps the highest allow and a deny of none denies nothing", "[scope]") {
    const scope s{{rule("/", permission::read), rule("/ws", permission::write)},
                  std::vector{base(rule("/ws/a", permission::write)),
                              base(rule("/ws/a/b", permission::read)),
                              base(rule("/ws/a/b/c", permission::write)),
                              base(rule("/ws", permission::none))}};
    CHECK(at(s, "/etc") == permission::read);
    CHECK(at(s, "/ws") == permission::write);
    CHECK(at(s, "/ws/a") == permission::read);
    CHECK(at(s, "/ws/a/b") == permission::none);
    CHECK(at(s, "/ws/a/b/c") == permission::none);
    CHECK(at(s, "/ws/b") == permission::write);
    CHECK(s.layers().size() == 4);
}

// Two rules in every relation, reach and access, both granting, or one of them taking.
TEST_CASE("Two rules decide as the reference does in every relation they can have", "[scope]") {
    const reference_place middle{"a", "b"};
    const std::vector<reference_place> others{
        {},         {"a"},           {"a", "b"},           {"a", "bc"},
        {"a", "a"}, {"a", "b", "a"}, {"a", "b", "a", "b"}, {"bc"}};
    const world universe{alphabets().front(), 4};
    const auto accesses = {permission::none, permission::read, permission::write};
    for (const auto& other : others) {
        for (const bool here : {true, false}) {
            for (const bool there : {true, false}) {
                for (const auto first : accesses) {
                    for (const auto second : accesses) {
                        const reference_rule a{middle, first, here};
                        const reference_rule b{other, second, there};
                        const reference_rule whole{{}, permission::write, true};
                        const auto allowed = scope{rules_of({a, b})};
                        REQUIRE(disagreement(allowed, {a, b}, {}, universe).empty());
                        const auto denied = scope{rules_of({a}), base_layers({b})};
                        REQUIRE(disagreement(denied, {a}, {b}, universe).empty());
                        const auto twice = scope{rules_of({whole}), base_layers({a, b})};
                        REQUIRE(disagreement(twice, {whole}, {a, b}, universe).empty());
                    }
                }
            }
        }
    }
}

TEST_CASE("A random scope decides as the reference does at every place", "[scope][random]") {
    constexpr std::size_t depth = 2;
    const auto worlds = world::all(depth);
    std::size_t capped = 0;
    for_each_seed([&](std::uint64_t seed) {
        const world& chosen = worlds[seed % worlds.size()];
        random_rules random{chosen.names, depth, seed};
        const auto allow = random.rules(8);
        const auto deny = random.rules(6);
        const scope s{rules_of(allow), base_layers(deny)};
        if (const auto why = disagreement(s, allow, deny, chosen); !why.empty())
            FAIL("PODSCOPE_SEED=" << seed << ": " << why);
        capped += reference_permissions(chosen.universe, allow, {}) !=
                          reference_permissions(chosen.universe, allow, deny)
                      ? 1U
                      : 0U;
    });
    CHECK(capped > 0);
}

TEST_CASE("A scope explains itself by rules that match and decide", "[scope]") {
    constexpr std::size_t depth = 2;
    const alphabet names = alphabets().front();
    const auto universe = names.universe(depth);
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        random_rules random{names, depth, seed};
        const auto allow = random.rules(5);
        const auto deny = random.rules(4);
        const scope s{rules_of(allow), base_layers(deny)};
        for (const auto& place : universe.places()) {
            INFO("seed " << seed << " at " << text_of(place));
            const auto here = resource_of(place);
            const auto why = s.explain(here);
            const auto open = reference_permission_at(allow, {}, place);
            REQUIRE(why.granted == s.permission_at(here));
            REQUIRE(why.allowed_by.has_value() == (open != permission::none));
            REQUIRE(why.capped_by.has_value() == (why.granted < open));
            const scope alone{why.allowed_by ? std::vector{*why.allowed_by}
                                             : std::vector<scope_rule>{}};
            REQUIRE(alone.permission_at(here) == open);
            if (why.capped_by) {
                REQUIRE(alone.with_layers(std::vector{*why.capped_by}).permission_at(here) ==
                        why.granted);
                REQUIRE(std::ranges::count(s.layers(), *why.capped_by) > 0);
            }
        }
    }
}

TEST_CASE("An explanation names the deepest of the rules that decide and the layer's origin",
          "[scope]") {
    const scope s{{rule("/ws", permission::write), rule("/ws/a", permission::write),
                   rule("/ws/a/b", permission::read)},
                  std::vector{base(rule("/ws", permission::read, false)),
                              delegated(rule("/ws/a/b", permission::write), "child", epoch{4})}};
    const auto why = s.explain(lexical_path{}.resolve("/ws/a/b/c").value());
    CHECK(why.granted == permission::read);
    CHECK(why.allowed_by == rule("/ws/a", permission::write));
    CHECK(why.capped_by == delegated(rule("/ws/a/b", permission::write), "child", epoch{4}));
    CHECK(s.explain(lexical_path{}.resolve("/etc").value()) == explanation{});
}

TEST_CASE("I9 removing a delegation removes the layers of that child and epoch alone", "[scope]") {
    const auto denied = rule("/ws/a", permission::write);
    const auto other = rule("/ws/b", permission::write);
    const std::vector layers{base(denied), delegated(denied, "kid", epoch{1}),
                             delegated(other, "kid", epoch{1}), delegated(denied, "kid", epoch{2}),
                             delegated(denied, "other", epoch{1})};
    const scope s{{rule("/ws", permission::write)}, layers};
    REQUIRE(s.layers() == layers);

    const auto without = s.without({"kid", epoch{1}});
    CHECK(without.layers() == std::vector{layers[0], layers[3], layers[4]});
    CHECK(at(without, "/ws/a") == permission::read);
    CHECK(at(without, "/ws/b") == permission::write);
    CHECK(s.layers() == layers);

    scope changed = s;
    CHECK(changed.remove({"kid", epoch{1}}) == 2);
    CHECK(changed.layers() == without.layers());
    CHECK(changed.remove({"kid", epoch{1}}) == 0);
    CHECK(changed.remove({"nobody", epoch{1}}) == 0);
    CHECK(changed.remove({"kid", epoch{3}}) == 0);
    CHECK(changed.layers() == without.layers());
}

TEST_CASE("F28 a base deny that equals a delegated rule stays when the delegation goes",
          "[scope]") {
    const auto denied = rule("/ws/a", permission::write);
    const scope s{{rule("/ws", permission::write)},
                  std::vector{delegated(denied, "kid", epoch{1}), base(denied)}};
    const auto without = s.without({"kid", epoch{1}});
    CHECK(at(without, "/ws/a/x") == permission::read);
    CHECK(without.layers() == std::vector{base(denied)});
}

TEST_CASE("F27 of two delegations of one rule the first takes only its own layer with it",
          "[scope]") {
    const auto denied = rule("/ws/a", permission::write);
    scope s{{rule("/ws", permission::write)}};
    s.add(std::vector{delegated(denied, "first", epoch{1})});
    s.add(std::vector{delegated(denied, "second", epoch{2})});
    CHECK(s.remove({"first", epoch{1}}) == 1);
    CHECK(at(s, "/ws/a") == permission::read);
    CHECK(s.remove({"second", epoch{2}}) == 1);
    CHECK(at(s, "/ws/a") == permission::write);
    CHECK(s.layers().empty());
}

TEST_CASE("F27 a layer that was added twice goes twice", "[scope]") {
    const std::vector layer{delegated(rule("/ws/a", permission::read), "kid", epoch{1})};
    scope s{{rule("/ws", permission::write)}};
    s.add(layer);
    s.add(layer);
    CHECK(s.remove({"kid", epoch{1}}) == 2);
    CHECK(at(s, "/ws/a") == permission::write);
}

TEST_CASE("I9 the delegation of nobody takes no layer of a pod's own with it", "[scope]") {
    const std::vector own{base(rule("/ws/a", permission::write))};
    scope s{{rule("/ws", permission::write)}, own};
    CHECK(s.remove(delegation_ref{}) == 0);
    CHECK(at(s, "/ws/a") == permission::read);
}

// A scope that has seen many layers come and go has to decide like one made afresh: the index
// below it deletes in place.
TEST_CASE("I9 layers that come and go in any order leave what was never touched", "[scope]") {
    constexpr std::size_t depth = 3;
    const auto worlds = world::all(depth);
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const world& chosen = worlds[seed % worlds.size()];
        random_rules random{chosen.names, depth, seed};
        const auto allow = random.rules(4);
        const auto always = random.rules(2);
        scope s{rules_of(allow), base_layers(always)};
        std::vector<std::vector<reference_rule>> children(8);
        for (int step = 0; step < 60; ++step) {
            const auto child = random.below(children.size());
            const delegation_ref ref{"child", epoch{child}};
            if (children[child].empty()) {
                children[child] = random.rules(4);
                std::vector<deny_layer> layers;
                for (const auto& denied : rules_of(children[child]))
                    layers.push_back({denied, ref});
                s.add(layers);
            } else {
                REQUIRE(s.remove(ref) == children[child].size());
                children[child].clear();
            }
            if (step % 10 != 9)
                continue;
            auto deny = always;
            for (const auto& rules : children)
                deny.insert(deny.end(), rules.begin(), rules.end());
            INFO("seed " << seed << " step " << step);
            REQUIRE(disagreement(s, allow, deny, chosen).empty());
        }
    }
}

TEST_CASE("I9 a scope explains itself by the first of the deepest rules that stand", "[scope]") {
    constexpr std::size_t depth = 2;
    const auto worlds = world::all(depth);
    for (std::uint64_t seed = 1; seed <= 24; ++seed) {
        INFO("seed " << seed);
        const world& chosen = worlds[seed % worlds.size()];
        random_rules random{chosen.names, depth, seed};
        const auto allow = rules_of(random.rules(6));
        const auto always = base_layers(random.rules(3));
        scope s{allow, always};
        // By child and epoch, as they are listed.
        std::map<std::pair<std::string, epoch>, std::vector<deny_layer>> delegations;
        for (int step = 0; step < 40; ++step) {
            const delegation_ref ref{std::string(1, random.below(2) == 0 ? 'a' : 'b'),
                                     epoch{random.below(3)}};
            auto& there = delegations[{ref.child, ref.granted}];
            if (random.below(2) == 0) {
                REQUIRE(s.remove(ref) == there.size());
                there.clear();
            } else {
                std::vector<deny_layer> more;
                for (const auto& denied : rules_of(random.rules(3)))
                    more.push_back({denied, ref});
                s.add(more);
                there.insert(there.end(), more.begin(), more.end());
            }
        }
        auto layers = always;
        for (const auto& [ref, of_one] : delegations)
            layers.insert(layers.end(), of_one.begin(), of_one.end());
        REQUIRE(s.layers() == layers);
        const scope copy{s};
        for (const auto& place : chosen.resources) {
            const auto wanted = plainly_explained(allow, layers, place);
            REQUIRE(s.explain(place) == wanted);
            REQUIRE(copy.explain(place) == wanted);
        }
        const scope moved{std::move(s)};
        for (const auto& place : chosen.resources) {
            REQUIRE(moved.explain(place) == copy.explain(place));
            // NOLINTNEXTLINE(bugprone-use-after-move): that is what is tested
            REQUIRE(s.explain(place) == explanation{});
        }
    }
}

TEST_CASE("A key that no resource has leads to no permission beyond its own text", "[scope]") {
    const scope s{{rule("/a/bbbbbbbbbbbbbbbbbbbbbbbbb/c", permission::write)}};
    using namespace std::string_view_literals;
    for (const auto broken : {"a"sv, "a\0b"sv, "\0"sv, "a\0\0"sv, "a\0bbbbbbbbbbbbbbbbbbbbbbbbb"sv,
                              "aaaaaaaa"sv, "aaaaaaaaaaaaaaaa"sv}) {
        const std::vector<char> exact(broken.begin(), broken.end()); // so that a read past it shows
        CHECK(s.permission_at_key({exact.data(), exact.size()}) == permission::none);
    }
}
