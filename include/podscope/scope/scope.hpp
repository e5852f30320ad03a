// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/rule_index.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
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

    /// Linear in the total length of the targets, and logarithmic in the number of rules for each.
    explicit scope(std::vector<scope_rule> allow, std::span<const deny_layer> layers = {});

    scope(const scope& other);

    /// Leaves the other one empty.
    scope(scope&& other) noexcept { swap(other); }

    scope& operator=(scope other) noexcept {
        swap(other);
        return *this;
    }

    ~scope() = default;

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
    /// deepest target, the first of those. Logarithmic in the number of rules for each component of
    /// the place.
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

    // Deny rules by where they come from. The base ones stand under the empty reference, which
    // comes first: no child has an empty name.
    using layer_map = std::map<delegation_ref, std::vector<scope_rule>, by_child_and_epoch>;

    // Where a deny rule stands: the entry keeps its place as others come and go.
    struct place_of_layer {
        const layer_map::value_type* from;
        std::size_t index;

        [[nodiscard]] const scope_rule& rule() const noexcept { return from->second[index]; }
    };

    struct by_target {
        using is_transparent = void;

        [[nodiscard]] bool operator()(const place_of_layer& a,
                                      const place_of_layer& b) const noexcept {
            const auto order = a.rule().target.key() <=> b.rule().target.key();
            if (order != 0) {
                return order < 0;
            }
            if (a.from != b.from) {
                return by_child_and_epoch{}(a.from->first, b.from->first);
            }
            return a.index < b.index;
        }

        [[nodiscard]] bool operator()(const place_of_layer& a,
                                      std::string_view key) const noexcept {
            return a.rule().target.key() < key;
        }

        [[nodiscard]] bool operator()(std::string_view key,
                                      const place_of_layer& a) const noexcept {
            return key < a.rule().target.key();
        }
    };

    // Not a copy: what takes layers back must not need memory.
    [[nodiscard]] static const delegation_ref& origin_of(const deny_layer& layer) noexcept {
        static const delegation_ref base{};
        return layer.delegation ? *layer.delegation : base;
    }

    [[nodiscard]] static deny_layer layer_of(const scope_rule& rule, const delegation_ref& from) {
        return {rule, from.child.empty() ? std::nullopt : std::optional{from}};
    }

    void add_one(const deny_layer& layer);
    void remove_last(const deny_layer& layer) noexcept;
    void swap(scope& other) noexcept;
    [[nodiscard]] const scope_rule* highest_allow_at(const region& here) const noexcept;
    [[nodiscard]] const place_of_layer* lowest_deny_at(const region& here,
                                                       permission below) const noexcept;

    std::vector<scope_rule> allow_{};
    std::vector<std::size_t> allow_by_target_{}; // indices of `allow_`, those of a target in order
    layer_map layers_{};
    std::set<place_of_layer, by_target> layers_by_target_{};
    scope_detail::rule_index index_{};
};

inline scope::scope(std::vector<scope_rule> allow, std::span<const deny_layer> layers)
    : allow_{std::move(allow)},
      allow_by_target_(allow_.size()) {
    for (std::size_t i = 0; i != allow_.size(); ++i) {
        allow_by_target_[i] = i;
        index_.insert(allow_[i], scope_detail::effect::grant);
    }
    // Those of one target by index. (std::stable_sort warns of its own buffer in clang.)
    std::ranges::sort(allow_by_target_, [this](std::size_t one, std::size_t other) {
        const auto order = allow_[one].target.key() <=> allow_[other].target.key();
        return order != 0 ? order < 0 : one < other;
    });
    add(layers);
}

inline scope::scope(const scope& other)
    : allow_{other.allow_},
      allow_by_target_{other.allow_by_target_},
      layers_{other.layers_},
      index_{other.index_} {
    for (const auto& one : layers_) {
        for (std::size_t i = 0; i != one.second.size(); ++i) {
            layers_by_target_.insert({&one, i});
        }
    }
}

inline void scope::swap(scope& other) noexcept {
    allow_.swap(other.allow_);
    allow_by_target_.swap(other.allow_by_target_);
    layers_.swap(other.layers_);
    layers_by_target_.swap(other.layers_by_target_);
    std::swap(index_, other.index_);
}

inline void scope::add_one(const deny_layer& layer) {
    const auto [at, is_new] = layers_.try_emplace(origin_of(layer));
    auto& rules = at->second;
    try {
        rules.push_back(layer.rule);
        try {
            const auto place = layers_by_target_.insert({&*at, rules.size() - 1}).first;
            try {
                index_.insert(layer.rule, scope_detail::effect::deny);
            } catch (...) {
                layers_by_target_.erase(place);
                throw;
            }
        } catch (...) {
            rules.pop_back();
            throw;
        }
    } catch (...) {
        if (is_new) {
            layers_.erase(at);
        }
        throw;
    }
}

inline void scope::remove_last(const deny_layer& layer) noexcept {
    const auto found = layers_.find(origin_of(layer));
    auto& rules = found->second;
    index_.erase(layer.rule, scope_detail::effect::deny);
    layers_by_target_.erase({&*found, rules.size() - 1});
    rules.pop_back();
    if (rules.empty()) {
        layers_.erase(found);
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
    const auto found = layers_.find(delegation);
    if (found == layers_.end() || delegation.child.empty()) {
        return 0;
    }
    const std::size_t removed = found->second.size();
    for (std::size_t i = 0; i != removed; ++i) {
        index_.erase(found->second[i], scope_detail::effect::deny);
        layers_by_target_.erase({&*found, i});
    }
    layers_.erase(found);
    return removed;
}

inline std::vector<deny_layer> scope::layers() const {
    std::vector<deny_layer> all;
    for (const auto& [from, rules] : layers_) {
        for (const scope_rule& rule : rules) {
            all.push_back(layer_of(rule, from));
        }
    }
    return all;
}

inline const scope_rule* scope::highest_allow_at(const region& here) const noexcept {
    const scope_rule* highest = nullptr;
    // From the deepest target up, so that of rules that decide alike the deepest stays.
    for (std::string_view key = here.target.key();; key = resource::parent_key(key)) {
        const auto same_target = std::ranges::equal_range(
            allow_by_target_, key, {}, [this](std::size_t i) { return allow_[i].target.key(); });
        for (const std::size_t i : same_target) {
            const scope_rule& rule = allow_[i];
            const auto least = highest != nullptr ? highest->access : permission::none;
            if (rule.access > least && contains(region_of(rule), here)) {
                highest = &rule;
            }
        }
        if (key.empty()) {
            return highest;
        }
    }
}

inline const scope::place_of_layer* scope::lowest_deny_at(const region& here,
                                                          permission below) const noexcept {
    const place_of_layer* lowest = nullptr;
    for (std::string_view key = here.target.key();; key = resource::parent_key(key)) {
        const auto [first, last] = layers_by_target_.equal_range(key);
        for (auto at = first; at != last; ++at) {
            const scope_rule& rule = at->rule();
            if (left_by_deny(rule.access) < below && contains(region_of(rule), here) &&
                (lowest == nullptr || rule.access < lowest->rule().access)) {
                lowest = &*at;
            }
        }
        if (key.empty()) {
            return lowest;
        }
    }
}

inline explanation scope::explain(const resource& place) const {
    const region here{place, extent::point};
    const scope_rule* const highest = highest_allow_at(here);
    if (highest == nullptr) {
        return {};
    }
    explanation why{.granted = highest->access, .allowed_by = *highest};
    if (const place_of_layer* const lowest = lowest_deny_at(here, highest->access)) {
        why.granted = left_by_deny(lowest->rule().access);
        why.capped_by = layer_of(lowest->rule(), lowest->from->first);
    }
    return why;
}

} // namespace podscope
