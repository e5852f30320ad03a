// SPDX-License-Identifier: BSL-1.0
// What a scope means, spelt out over a finite universe of places: a rule is the
// set of the places that it covers, and everything else is asked of those sets,
// place by place. Shares no code with the library's own regions and scopes.
#pragma once

#include <podscope/scope/permission.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace podscope_test {

/// A place as its components, from the root down.
using reference_place = std::vector<std::string>;

enum class reference_reach { target_only, target_and_children, everything_below };

/// Places spoken of together.
struct reference_area {
    reference_place target;
    reference_reach reach;

    [[nodiscard]] bool covers(const reference_place& place) const {
        const auto below = [&] {
            return place.size() >= target.size() &&
                   std::equal(target.begin(), target.end(), place.begin());
        };
        switch (reach) {
        case reference_reach::target_only: return place == target;
        case reference_reach::target_and_children:
            return below() && place.size() <= target.size() + 1;
        case reference_reach::everything_below: return below();
        }
        return false;
    }

    friend auto operator<=>(const reference_area&, const reference_area&) = default;
};

struct reference_rule {
    reference_place target;
    podscope::permission access;
    bool recursive;

    [[nodiscard]] reference_area area() const {
        return {target, recursive ? reference_reach::everything_below
                                  : reference_reach::target_and_children};
    }

    friend bool operator==(const reference_rule&, const reference_rule&) = default;
};

/// Every place down to a depth whose components are among some names.
///
/// Give it a name that no rule mentions, and two levels more than the deepest target has: then two
/// areas whose members here are the same are the same in the namespace, which has no last name and
/// no deepest place.
class reference_universe {
public:
    reference_universe(std::vector<std::string> names, std::size_t depth) {
        places_.emplace_back();
        for (std::size_t first = 0, level = 0; level < depth; ++level) {
            const std::size_t end = places_.size();
            for (; first < end; ++first) {
                for (const std::string& name : names) {
                    reference_place below = places_[first];
                    below.push_back(name);
                    places_.push_back(std::move(below));
                }
            }
        }
    }

    [[nodiscard]] const std::vector<reference_place>& places() const { return places_; }

    /// For each place in order whether the area covers it.
    [[nodiscard]] const std::vector<bool>& members(const reference_area& area) const {
        auto& known = known_[area];
        if (known.empty()) {
            for (const reference_place& place : places_)
                known.push_back(area.covers(place));
        }
        return known;
    }

    [[nodiscard]] std::vector<bool> common(const reference_area& a, const reference_area& b) const {
        const auto& in_a = members(a);
        const auto& in_b = members(b);
        std::vector<bool> both(places_.size());
        for (std::size_t i = 0; i < both.size(); ++i)
            both[i] = in_a[i] && in_b[i];
        return both;
    }

    [[nodiscard]] bool contains(const reference_area& outer, const reference_area& inner) const {
        return common(outer, inner) == members(inner);
    }

    [[nodiscard]] bool intersects(const reference_area& a, const reference_area& b) const {
        const auto both = common(a, b);
        return std::find(both.begin(), both.end(), true) != both.end();
    }

private:
    std::vector<reference_place> places_;
    mutable std::map<reference_area, std::vector<bool>> known_;
};

/// The permission at one place, by the words of the design.
[[nodiscard]] inline podscope::permission
reference_permission_at(const std::vector<reference_rule>& allow,
                        const std::vector<reference_rule>& deny,
                        const reference_place& place) {
    using podscope::permission;
    int highest = 0;
    for (const reference_rule& rule : allow) {
        if (rule.area().covers(place))
            highest = std::max(highest, static_cast<int>(rule.access));
    }
    std::optional<int> lowest_deny;
    for (const reference_rule& rule : deny) {
        if (rule.access != permission::none && rule.area().covers(place))
            lowest_deny = std::min(lowest_deny.value_or(2), static_cast<int>(rule.access));
    }
    if (lowest_deny)
        highest = std::min(highest, *lowest_deny - 1);
    return static_cast<permission>(highest);
}

/// The same for every place of a universe, in its order.
[[nodiscard]] inline std::vector<podscope::permission>
reference_permissions(const reference_universe& universe,
                      const std::vector<reference_rule>& allow,
                      const std::vector<reference_rule>& deny) {
    using podscope::permission;
    std::vector<permission> permissions(universe.places().size(), permission::none);
    std::vector<permission> caps(universe.places().size(), permission::write);
    const auto for_members = [&](const reference_rule& rule, auto&& f) {
        const auto& in = universe.members(rule.area());
        for (std::size_t i = 0; i < in.size(); ++i) {
            if (in[i])
                f(i);
        }
    };
    for (const reference_rule& rule : allow)
        for_members(rule,
                    [&](std::size_t i) { permissions[i] = std::max(permissions[i], rule.access); });
    for (const reference_rule& rule : deny) {
        if (rule.access != permission::none) {
            const auto below = static_cast<permission>(static_cast<int>(rule.access) - 1);
            for_members(rule, [&](std::size_t i) { caps[i] = std::min(caps[i], below); });
        }
    }
    for (std::size_t i = 0; i < caps.size(); ++i)
        permissions[i] = std::min(permissions[i], caps[i]);
    return permissions;
}

} // namespace podscope_test
