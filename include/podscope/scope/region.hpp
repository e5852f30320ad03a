// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>

#include <optional>

namespace podscope {

/// How far a region reaches from its target.
enum class extent {
    point,    ///< the target alone
    children, ///< the target and its direct children
    tree,     ///< the target and everything below it
};

/// The set of places that a rule speaks of, or that two rules have in common.
///
/// Regions are closed under intersection, which is why there are three extents and not two. A
/// namespace has more names below any place than any rule set mentions, so a union of finitely many
/// regions covers a region only if one of them covers it alone: containment and emptiness are
/// decided rule by rule, and no set algebra on unions is needed anywhere in the library.
struct region {
    resource target{};
    extent reach{extent::tree};

    friend bool operator==(const region&, const region&) = default;
};

[[nodiscard]] inline region region_of(const scope_rule& rule) {
    return {rule.target, rule.recursive ? extent::tree : extent::children};
}

[[nodiscard]] inline bool contains(const region& outer, const region& inner) noexcept {
    switch (outer.reach) {
    case extent::tree: return outer.target.contains(inner.target);
    case extent::children:
        return (outer.target == inner.target && inner.reach != extent::tree) ||
               (inner.reach == extent::point && outer.target.is_parent_of(inner.target));
    case extent::point: return inner.reach == extent::point && outer.target == inner.target;
    }
    return false;
}

/// What two regions have in common, or nothing.
[[nodiscard]] inline std::optional<region> intersection(const region& a, const region& b) {
    if (contains(a, b)) {
        return b;
    }
    if (contains(b, a)) {
        return a;
    }
    // Neither contains the other. What is left to share is the deeper target alone, reached from
    // the shallower one as its direct child.
    const region& upper = a.target.contains(b.target) ? a : b;
    const region& lower = &upper == &a ? b : a;
    const region lowest{lower.target, extent::point};
    return contains(upper, lowest) ? std::optional{lowest} : std::nullopt;
}

[[nodiscard]] inline bool intersects(const region& a, const region& b) {
    return intersection(a, b).has_value();
}

} // namespace podscope
