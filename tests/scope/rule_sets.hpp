// SPDX-License-Identifier: BSL-1.0
// Random rule sets, each in two forms: for the library, and for the reference.
#pragma once

#include "support/effort.hpp"
#include "support/reference_scope.hpp"

#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/scope.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace podscope_test {

inline std::string text_of(const reference_place& place) {
    std::string text = place.empty() ? "/" : "";
    for (const std::string& component : place)
        text += '/' + component;
    return text;
}

inline podscope::resource resource_of(const reference_place& place) {
    return podscope::lexical_path{}.resolve(text_of(place)).value();
}

inline podscope::scope_rule rule_of(const reference_rule& rule) {
    return {resource_of(rule.target), rule.access, rule.recursive};
}

inline std::vector<podscope::scope_rule> rules_of(const std::vector<reference_rule>& rules) {
    std::vector<podscope::scope_rule> all;
    for (const reference_rule& rule : rules)
        all.push_back(rule_of(rule));
    return all;
}

inline podscope::region region_of(const reference_area& area) {
    using podscope::extent;
    const auto reach = area.reach == reference_reach::target_only           ? extent::point
                       : area.reach == reference_reach::target_and_children ? extent::children
                                                                            : extent::tree;
    return {resource_of(area.target), reach};
}

/// What rules may mention, and a name that none of them does.
struct alphabet {
    std::vector<std::string> mentioned;
    std::string fresh;

    [[nodiscard]] reference_universe universe(std::size_t target_depth) const {
        auto names = mentioned;
        names.push_back(fresh);
        return {names, target_depth + 2};
    }
};

/// Names that begin alike, around the lengths at which the index changes its ways.
inline std::vector<alphabet> alphabets() {
    return {{{"a", "b", "bc"}, "z"},
            {{"1234567", "12345678", "123456789"}, "12345670"},
            {{"0123456789abcde", "0123456789abcdef", "0123456789abcdefg"}, "0123456789abcdeX"},
            {{"0123456789abcdefghijklmnop", "0123456789abcdefghijklmnoq", "0123456789abcdef"},
             "0123456789abcdefghijklmnor"}};
}

/// A universe over one alphabet, and its places in the library's form.
struct world {
    alphabet names;
    reference_universe universe;
    std::vector<podscope::resource> resources;

    world(alphabet chosen, std::size_t target_depth)
        : names{std::move(chosen)},
          universe{names.universe(target_depth)} {
        for (const auto& place : universe.places())
            resources.push_back(resource_of(place));
    }

    [[nodiscard]] static std::vector<world> all(std::size_t target_depth) {
        std::vector<world> worlds;
        for (const alphabet& names : alphabets())
            worlds.emplace_back(names, target_depth);
        return worlds;
    }
};

class random_rules {
public:
    random_rules(const alphabet& names, std::size_t target_depth, std::uint64_t seed)
        : names_{names},
          target_depth_{target_depth},
          random_{seed} {}

    [[nodiscard]] std::size_t below(std::size_t end) {
        return std::uniform_int_distribution<std::size_t>{0, end - 1}(random_);
    }

    [[nodiscard]] reference_place place() {
        reference_place target;
        for (auto depth = below(target_depth_ + 1); depth != 0; --depth)
            target.push_back(names_.mentioned[below(names_.mentioned.size())]);
        return target;
    }

    [[nodiscard]] reference_rule rule() {
        return {place(), static_cast<podscope::permission>(below(3)), below(2) == 0};
    }

    [[nodiscard]] reference_area area() {
        return {place(), static_cast<reference_reach>(below(3))};
    }

    [[nodiscard]] std::vector<reference_rule> rules(std::size_t most) {
        std::vector<reference_rule> all(below(most + 1));
        for (reference_rule& each : all)
            each = rule();
        return all;
    }

private:
    const alphabet& names_;
    std::size_t target_depth_;
    std::mt19937_64 random_;
};

/// A rule as a failure shows it.
inline std::string describe(const reference_rule& r) {
    return std::string{to_string(r.access)} + " " + text_of(r.target) +
           (r.recursive ? "" : " only here");
}

inline std::string describe(const reference_area& area) {
    const char* reach = area.reach == reference_reach::target_only           ? " alone"
                        : area.reach == reference_reach::target_and_children ? " and children"
                                                                             : " and below";
    return text_of(area.target) + reach;
}

inline std::string describe(const std::vector<reference_rule>& rules) {
    std::string text;
    for (const auto& r : rules)
        text += describe(r) + "; ";
    return text;
}

/// Rules as the base layers of a scope.
inline std::vector<podscope::deny_layer> base_layers(const std::vector<reference_rule>& rules) {
    std::vector<podscope::deny_layer> layers;
    for (const auto& r : rules)
        layers.push_back({rule_of(r), std::nullopt});
    return layers;
}

/// The first place at which a scope and the reference disagree, with both answers; empty if none.
inline std::string disagreement(const podscope::scope& s,
                                const std::vector<reference_rule>& allow,
                                const std::vector<reference_rule>& deny,
                                const world& all) {
    const auto expected = reference_permissions(all.universe, allow, deny);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto found = s.permission_at(all.resources[i]);
        if (found != expected[i])
            return text_of(all.universe.places()[i]) + " is " + std::string{to_string(found)} +
                   " and should be " + std::string{to_string(expected[i])} + "; allow " +
                   describe(allow) + " deny " + describe(deny);
    }
    return {};
}

/// Calls `f(seed)` for each of the rule sets: PODSCOPE_RULE_SETS of them, or only that of
/// PODSCOPE_SEED.
template <class F>
void for_each_seed(F&& f) {
    if (std::getenv("PODSCOPE_SEED") != nullptr) {
        f(number_from_environment("PODSCOPE_SEED", 0));
        return;
    }
    const auto count = rounds("PODSCOPE_RULE_SETS", 20'000);
    for (std::uint64_t seed = 1; seed <= count; ++seed)
        f(seed);
}

} // namespace podscope_test
