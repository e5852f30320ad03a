// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/permission.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

namespace podscope {

/// A set of rules to be asked about many regions: in the order of their targets, so that a question
/// looks only at the rules whose target lies on the way to the region, or within it.
class rules_by_target {
public:
    /// The rules must outlive it. Sorts them: n log n.
    explicit rules_by_target(std::span<const scope_rule> rules) {
        sorted_.reserve(rules.size());
        for (const auto& rule : rules) {
            sorted_.push_back(&rule);
        }
        std::ranges::sort(sorted_, {}, key_of);
    }

    /// Whether the rules, read as allow rules, grant `access` everywhere in a region. One rule has
    /// to do it alone; see region. Logarithmic in the number of rules for each component of the
    /// region's target.
    [[nodiscard]] bool grant(const region& where, permission access) const {
        return any_on_the_way(where, [&](const scope_rule& rule) {
            return rule.access >= access && contains(region_of(rule), where);
        });
    }

    /// Whether the rules, read as deny rules, take `access` anywhere in a region. As above, and
    /// linear in the rules within the region that do not.
    [[nodiscard]] bool take(const region& where, permission access) const {
        const auto takes = [&](const scope_rule& rule) {
            return left_by_deny(rule.access) < access && intersects(region_of(rule), where);
        };
        if (any_on_the_way(where, takes)) {
            return true;
        }
        const std::string_view top = where.target.key();
        for (auto at = std::ranges::upper_bound(sorted_, top, {}, key_of); at != sorted_.end();
             ++at) {
            if (!key_of(*at).starts_with(top)) {
                break;
            }
            if (takes(**at)) {
                return true;
            }
        }
        return false;
    }

private:
    static std::string_view key_of(const scope_rule* rule) noexcept { return rule->target.key(); }

    // Whether any rule does whose target is the region's, or lies above it.
    template <class Does>
    [[nodiscard]] bool any_on_the_way(const region& where, Does&& does) const {
        for (std::string_view key = where.target.key();; key = resource::parent_key(key)) {
            const auto here = std::ranges::equal_range(sorted_, key, {}, key_of);
            if (std::ranges::any_of(here, [&](const scope_rule* rule) { return does(*rule); })) {
                return true;
            }
            if (key.empty()) {
                return false;
            }
        }
    }

    std::vector<const scope_rule*> sorted_;
};

} // namespace podscope
