// SPDX-License-Identifier: BSL-1.0
// What scopes do when memory runs out, at every allocation in turn, and which
// operations never allocate.
#include "scope/rule_sets.hpp"
#include "support/catch.hpp"
#include "support/scarce_memory.hpp"

#include <podscope/scope/fixed_scope.hpp>
#include <podscope/scope/scope.hpp>
#include <podscope/scope/shared_scope.hpp>

#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

// Runs `f` with room for so many allocations; whether they were enough.
template <class F>
bool runs_within(std::size_t room, F&& f) {
    allocations = 0;
    const scarcity now{room};
    try {
        f();
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

std::vector<deny_layer> layers_of(const std::vector<reference_rule>& rules,
                                  const std::optional<delegation_ref>& from) {
    std::vector<deny_layer> layers;
    for (const auto& rule : rules_of(rules))
        layers.push_back({rule, from});
    return layers;
}

bool decide_alike(const scope& a, const scope& b, const world& all) {
    for (const auto& place : all.resources) {
        if (a.permission_at(place) != b.permission_at(place) ||
            a.explain(place) != b.explain(place))
            return false;
    }
    return a.layers() == b.layers();
}

} // namespace

TEST_CASE("F15 a change of a scope for which memory runs out changes nothing", "[scope]") {
    constexpr std::size_t depth = 3;
    const std::string child(40, 'c'); // whose copy is an allocation
    // Of each alphabet, since a long component is an allocation of its own.
    for (const auto& all : world::all(depth)) {
        random_rules random{all.names, depth, 7};
        const auto allow = rules_of(random.rules(6));
        for (const bool is_base : {true, false}) {
            const auto there = layers_of(random.rules(4), delegation_ref{"there", epoch{1}});
            auto wanted =
                layers_of({random.rule(), random.rule(), random.rule(), random.rule()},
                          is_base ? std::nullopt : std::optional{delegation_ref{child, epoch{2}}});
            const scope before{allow, there};
            const scope after = before.with_layers(wanted);
            for (std::size_t room = 0;; ++room) {
                INFO("room for " << room << " allocations");
                scope changed{before};
                if (runs_within(room, [&] { changed.add(wanted); })) {
                    REQUIRE(decide_alike(changed, after, all));
                    CHECK(room >= 3);
                    break;
                }
                REQUIRE(decide_alike(changed, before, all));
                // Nothing that was left behind stands in the way of others.
                const std::vector other{
                    deny_layer{rule_of(random.rule()), delegation_ref{"other", epoch{room}}}};
                changed.add(other);
                REQUIRE(decide_alike(changed, before.with_layers(other), all));
                REQUIRE(changed.remove(*other.front().delegation) == 1);
                changed.add(wanted);
                REQUIRE(decide_alike(changed, after, all));
            }
        }
    }
}

TEST_CASE("F15 a scope for which memory runs out does not come into being", "[scope]") {
    constexpr std::size_t depth = 3;
    const world all{alphabets().back(), depth};
    random_rules random{all.names, depth, 11};
    const auto allow = rules_of(random.rules(8));
    const auto deny = layers_of(random.rules(8), delegation_ref{"kid", epoch{1}});
    std::optional<scope> made;
    std::size_t room = 0;
    while (!runs_within(room, [&] { made.emplace(allow, deny); }))
        ++room;
    CHECK(room > 10);
    CHECK(decide_alike(*made, scope{allow, deny}, all));
}

TEST_CASE("F15 a shared scope for which memory runs out is as it was or as it is to be",
          "[scope]") {
    constexpr std::size_t depth = 3;
    const world all{alphabets().back(), depth};
    random_rules random{all.names, depth, 13};
    const auto allow = rules_of(random.rules(8));
    const scope before{allow, layers_of(random.rules(8), delegation_ref{"there", epoch{1}})};
    const auto wanted =
        layers_of({random.rule(), random.rule(), random.rule()}, delegation_ref{"new", epoch{2}});
    const scope after = before.with_layers(wanted);
    const auto update = [&](scope& s) { s.add(wanted); };

    std::size_t without_effect = 0;
    for (std::size_t room = 0;; ++room) {
        INFO("room for " << room << " allocations");
        shared_scope shared{before};
        const bool done = runs_within(room, [&] { shared.update(update); });
        const auto rooms_used = allocations;
        REQUIRE(decide_alike(shared.snapshot(), done ? after : before, all));
        without_effect += done ? 0U : 1U;
        // Whatever happened, the next change is made to what is visible.
        shared.update([](scope& s) { (void)s.remove({"there", epoch{1}}); });
        REQUIRE(decide_alike(shared.snapshot(),
                             (done ? after : before).without({"there", epoch{1}}), all));
        if (rooms_used < room)
            break;
    }
    CHECK(without_effect > 10);
}

TEST_CASE("F15 checks and replacements need no memory", "[scope]") {
    const world all{alphabets().back(), 3};
    random_rules random{all.names, 3, 17};
    const scope s{rules_of(random.rules(9)), layers_of(random.rules(9), std::nullopt)};
    shared_scope shared{s};
    scope next = s;
    CHECK(allocations_of([&] {
              for (const auto& place : all.resources) {
                  (void)s.permission_at(place);
                  (void)s.allows(place, permission::write);
                  (void)shared.permission_at(place);
                  (void)shared.read([](const scope& now) { return now.allow().size(); });
              }
          }) == 0);
    CHECK(allocations_of([&] { shared.replace(std::move(next)); }) == 0);
    CHECK(allocations_of([] { const scope empty; }) == 0);
    CHECK(allocations_of([&] { (void)scope{s}; }) > 0); // the count counts
}

TEST_CASE("F15 checks with a fixed scope need no memory", "[scope]") {
    static constexpr auto fixed_rules = fixed_scope{
        fixed::may_write("/0123456789abcdefghijklmnop"),
        fixed::may_not_write("/0123456789abcdefghijklmnop/0123456789abcdef").only_here()};
    const world all{alphabets().back(), 3};
    std::vector<std::string> texts;
    for (const auto& place : all.universe.places())
        texts.push_back(text_of(place));
    std::size_t writable = 0;
    CHECK(allocations_of([&] {
              for (std::size_t i = 0; i < texts.size(); ++i) {
                  writable += fixed_rules.allows(texts[i], permission::write) ? 1U : 0U;
                  writable += fixed_rules.allows(all.resources[i], permission::write) ? 1U : 0U;
              }
          }) == 0);
    CHECK(writable > 0);
    CHECK(allocations_of([&] { (void)fixed_rules.to_scope(); }) > 0); // the count counts
}

TEST_CASE("An index from which as many rules go as come does not grow", "[scope]") {
    using scope_detail::effect;
    scope_detail::rule_index index;
    const auto round = [&](const std::string& name) {
        std::vector<scope_rule> rules;
        for (int i = 0; i < 50; ++i)
            rules.push_back(
                {resource{}.child(name).child(std::to_string(i % 7)).child(std::to_string(i)),
                 permission::write, true});
        return allocations_of([&] {
            for (const auto& rule : rules)
                index.insert(rule, effect::deny);
            for (std::size_t i = 0; i < rules.size(); ++i)
                index.erase(rules[(i * 7) % rules.size()], effect::deny);
        });
    };
    CHECK(round("first") > 0);
    std::size_t later = 0;
    for (int i = 0; i < 100; ++i)
        later += round("n" + std::to_string(i));
    CHECK(later == 0);
}

TEST_CASE("F15 a rule for which memory runs out half-way leaves nothing in the index", "[scope]") {
    using scope_detail::effect;
    scope_detail::rule_index index;
    const auto place = [](const std::string& first, const std::string& second) {
        return scope_rule{resource{}.child(first).child(second), permission::write, true};
    };
    // Makes room for as many places as it has, and for one more component of either rule below.
    for (int i = 0; i < 6; ++i)
        index.insert(place("a", std::to_string(i)), effect::grant);
    for (int i = 2; i < 6; ++i)
        index.erase(place("a", std::to_string(i)), effect::grant);
    // The first component needs no memory, the second one does.
    const std::string needs_memory(40, 'x');
    for (int i = 0; i < 50; ++i) {
        const auto rule = place("b" + std::to_string(i), needs_memory);
        REQUIRE_FALSE(runs_within(0, [&] { index.insert(rule, effect::grant); }));
    }
    const auto rule = place("c", "d");
    CHECK(runs_within(0, [&] { index.insert(rule, effect::grant); }));
    CHECK(index.permission_at(rule.target.key()) == permission::write);
}

TEST_CASE("A scope that was moved from is empty and can be used", "[scope]") {
    const world all{alphabets().front(), 2};
    random_rules random{all.names, 2, 19};
    const auto allow = rules_of(random.rules(6));
    scope first{allow, layers_of({random.rule()}, delegation_ref{"kid", epoch{1}})};
    const scope copy = first;
    const scope second = std::move(first);
    CHECK(decide_alike(second, copy, all));
    // NOLINTNEXTLINE(bugprone-use-after-move): that is what is tested
    CHECK(decide_alike(first, scope{}, all));
    first.add(layers_of({random.rule()}, std::nullopt));
    CHECK(first.layers().size() == 1);
}
