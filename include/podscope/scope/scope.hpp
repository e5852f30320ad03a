// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/rule_index.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace podscope {

/// Why a scope gives the permission that it gives at one place.
struct explanation {
    permission granted{};                   ///< what permission_at says
    std::optional<scope_rule> allowed_by{}; ///< the allow rule with the highest access there
    std::optional<deny_layer> capped_by{};  ///< the layer that lowered it, if one did

    friend bool operator==(const explanation&, const explanation&) = default;
};

/// What a pod may do where: allow rules, and deny layers from its manifest and its delegations.
///
/// The permission at a path is the highest access of the allow rules that match, capped strictly
/// below the lowest deny that matches. A deny of `none` denies nothing. The rules are compiled as
/// they come, so that a check costs about the hashing of the path, whatever their number.
///
/// A value: several threads may read one object, and one that changes it must be alone with it;
/// shared_scope is for both at once.
class scope {
public:
    /// Allows nothing.
    scope() = default;

    /// Linear in the total length of the targets.
    explicit scope(std::vector<scope_rule> allow, std::span<const deny_layer> layers = {})
        : allow_{std::move(allow)} {
        for (const scope_rule& rule : allow_) {
            index_.insert(rule, scope_detail::effect::grant);
        }
        add(layers);
    }

    /// The permission at a place. Linear in the length of its path, allocates nothing.
    [[nodiscard]] permission permission_at(const resource& place) const noexcept {
        return permission_at_key(place.key());
    }

    /// The same for a place's key, as resource::key gives it.
    [[nodiscard]] permission permission_at_key(std::string_view key) const noexcept {
        return index_.permission_at(key);
    }

    /// Whether the permission at a place is at least `access`.
    [[nodiscard]] bool allows(const resource& place, permission access) const noexcept {
        return permission_at(place) >= access;
    }

    /// Which rules decide at a place. Among rules that decide alike it names the one with the
    /// deepest target, the first of those. Linear in the number of rules.
    [[nodiscard]] explanation explain(const resource& place) const;

    [[nodiscard]] std::span<const scope_rule> allow() const noexcept { return allow_; }

    /// A copy of the deny layers: the base ones in the order they came in, then those of
    /// delegations by child and epoch.
    [[nodiscard]] std::vector<deny_layer> layers() const;

    /// Adds deny layers, in time linear in their targets' length and logarithmic in the number of
    /// delegations. A layer that is there already stands twice. If memory runs out nothing changes.
    void add(std::span<const deny_layer> layers);

    /// Removes the layers of exactly that delegation, and says how many: a base layer with an equal
    /// rule stays, and so does one of another child or another epoch. Costs as `add` does.
    std::size_t remove(const delegation_ref& delegation) noexcept;

    /// A copy with these layers added.
    [[nodiscard]] scope with_layers(std::span<const deny_layer> layers) const {
        scope changed{*this};
        changed.add(layers);
        return changed;
    }

    /// A copy with the layers of exactly that delegation removed.
    [[nodiscard]] scope without(const delegation_ref& delegation) const {
        scope changed{*this};
        changed.remove(delegation);
        return changed;
    }

private:
    struct by_child_and_epoch {
        [[nodiscard]] bool operator()(const delegation_ref& a,
                                      const delegation_ref& b) const noexcept {
            return std::tie(a.child, a.granted) < std::tie(b.child, b.granted);
        }
    };

    void add_one(const deny_layer& layer);
    void remove_last(const deny_layer& layer) noexcept;
    template <class F>
    void for_each_layer(F&& f) const;

    std::vector<scope_rule> allow_{};
    std::vector<scope_rule> base_{};
    std::map<delegation_ref, std::vector<scope_rule>, by_child_and_epoch> delegated_{};
    scope_detail::rule_index index_{};
};

inline void scope::add_one(const deny_layer& layer) {
    auto& rules = layer.is_base() ? base_ : delegated_[*layer.delegation];
    try {
        rules.push_back(layer.rule);
        try {
            index_.insert(layer.rule, scope_detail::effect::deny);
        } catch (...) {
            rules.pop_back();
            throw;
        }
    } catch (...) {
        if (!layer.is_base() && rules.empty()) {
            delegated_.erase(*layer.delegation);
        }
        throw;
    }
}

inline void scope::remove_last(const deny_layer& layer) noexcept {
    index_.erase(layer.rule, scope_detail::effect::deny);
    if (layer.is_base()) {
        base_.pop_back();
        return;
    }
    const auto found = delegated_.find(*layer.delegation);
    found->second.pop_back();
    if (found->second.empty()) {
        delegated_.erase(found);
    }
}

inline void scope::add(std::span<const deny_layer> layers) {
    std::size_t added = 0;
    try {
        for (const deny_layer& layer : layers) {
            add_one(layer);
            ++added;
        }
    } catch (...) {
        while (added != 0) {
            remove_last(layers[--added]);
        }
        throw;
    }
}

inline std::size_t scope::remove(const delegation_ref& delegation) noexcept {
    const auto found = delegated_.find(delegation);
    if (found == delegated_.end()) {
        return 0;
    }
    for (const scope_rule& rule : found->second) {
        index_.erase(rule, scope_detail::effect::deny);
    }
    const std::size_t removed = found->second.size();
    delegated_.erase(found);
    return removed;
}

template <class F>
void scope::for_each_layer(F&& f) const {
    for (const scope_rule& rule : base_) {
        f(rule, static_cast<const delegation_ref*>(nullptr));
    }
    for (const auto& [delegation, rules] : delegated_) {
        for (const scope_rule& rule : rules) {
            f(rule, &delegation);
        }
    }
}

inline std::vector<deny_layer> scope::layers() const {
    std::vector<deny_layer> all;
    for_each_layer([&](const scope_rule& rule, const delegation_ref* from) {
        all.push_back({rule, from != nullptr ? std::optional{*from} : std::nullopt});
    });
    return all;
}

inline explanation scope::explain(const resource& place) const {
    const region here{place, extent::point};
    const scope_rule* highest = nullptr;
    for (const scope_rule& rule : allow_) {
        const auto rank = [](const scope_rule& r) {
            return std::pair{r.access, r.target.key().size()};
        };
        if (rule.access != permission::none && contains(region_of(rule), here) &&
            (highest == nullptr || rank(rule) > rank(*highest))) {
            highest = &rule;
        }
    }
    if (highest == nullptr) {
        return {};
    }
    const scope_rule* lowest = nullptr;
    const delegation_ref* origin = nullptr;
    for_each_layer([&](const scope_rule& rule, const delegation_ref* from) {
        if (left_by_deny(rule.access) >= highest->access || !contains(region_of(rule), here)) {
            return;
        }
        if (lowest == nullptr || rule.access < lowest->access ||
            (rule.access == lowest->access &&
             rule.target.key().size() > lowest->target.key().size())) {
            lowest = &rule;
            origin = from;
        }
    });
    explanation why{.granted = highest->access, .allowed_by = *highest};
    if (lowest != nullptr) {
        why.granted = left_by_deny(lowest->access);
        why.capped_by =
            deny_layer{*lowest, origin != nullptr ? std::optional{*origin} : std::nullopt};
    }
    return why;
}

} // namespace podscope
