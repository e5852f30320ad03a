// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/scope.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

namespace podscope {

/// A scope, to be asked about whole trees: what it gives to everything below a place, and which
/// rule stands in the way.
///
/// Below a place means strictly below: a rule that covers a place with its direct children says
/// something of what is below their parent, and nothing of what is below them. Each question takes
/// time logarithmic in the number of rules for each component of the place, and linear in the rules
/// that have its target or one below it. Several threads may ask one object.
class scope_coverage {
public:
    /// Copies what it needs: n log n.
    explicit scope_coverage(const scope& of) : layers_{of.layers()} {
        for (const auto& rule : of.allow()) {
            allow_.push_back(rule);
        }
        std::ranges::sort(allow_, {}, key_of_rule);
        std::ranges::sort(layers_, {}, key_of_layer);
    }

    /// Whether an allow rule grants `access` everywhere below a place, before anything is denied.
    [[nodiscard]] bool grants_below(const resource& place, permission access) const {
        return on_the_way(allow_, key_of_rule, place, [&](const scope_rule& rule) {
                   return rule.recursive && rule.access >= access;
               }) != nullptr;
    }

    /// The allow rule that grants `access` at just that place and its direct children, if one does.
    [[nodiscard]] const scope_rule* grants_here(const resource& place, permission access) const {
        const auto same = std::ranges::equal_range(allow_, place.key(), {}, key_of_rule);
        const auto found = std::ranges::find_if(
            same, [&](const scope_rule& rule) { return !rule.recursive && rule.access >= access; });
        return found == same.end() ? nullptr : &*found;
    }

    /// A deny layer that takes `access` from everything below a place, if there is one.
    [[nodiscard]] const deny_layer* denies_all_below(const resource& place,
                                                     permission access) const {
        return on_the_way(layers_, key_of_layer, place, [&](const deny_layer& layer) {
            return layer.rule.recursive && takes(layer, access);
        });
    }

    /// The deny layers that take `access` from something below a place and have their target there
    /// or below.
    [[nodiscard]] std::vector<const deny_layer*> all_denying_below(const resource& place,
                                                                   permission access) const {
        std::vector<const deny_layer*> found;
        for (auto at = first_within(place); is_within(at, place); ++at) {
            if (takes(*at, access)) {
                found.push_back(&*at);
            }
        }
        return found;
    }

    /// The first of those, if there is one.
    [[nodiscard]] const deny_layer* denies_some_below(const resource& place,
                                                      permission access) const {
        for (auto at = first_within(place); is_within(at, place); ++at) {
            if (takes(*at, access)) {
                return &*at;
            }
        }
        return nullptr;
    }

    /// Whether all that is below a place has `access`.
    [[nodiscard]] bool is_whole_below(const resource& place, permission access) const {
        return grants_below(place, access) && denies_all_below(place, access) == nullptr &&
               denies_some_below(place, access) == nullptr;
    }

private:
    using layer_at = std::vector<deny_layer>::const_iterator;

    [[nodiscard]] layer_at first_within(const resource& place) const {
        return std::ranges::lower_bound(layers_, place.key(), {}, key_of_layer);
    }

    [[nodiscard]] bool is_within(layer_at at, const resource& place) const {
        return at != layers_.end() && key_of_layer(*at).starts_with(place.key());
    }

    static std::string_view key_of_rule(const scope_rule& rule) noexcept {
        return rule.target.key();
    }

    static std::string_view key_of_layer(const deny_layer& layer) noexcept {
        return layer.rule.target.key();
    }

    static bool takes(const deny_layer& layer, permission access) noexcept {
        return left_by_deny(layer.rule.access) < access;
    }

    // The first of those with the place's target, or one above it, that is as wanted.
    template <class All, class KeyOf, class Is>
    static const typename All::value_type*
    on_the_way(const All& sorted, KeyOf key_of, const resource& place, Is&& is) {
        for (std::string_view key = place.key();; key = resource::parent_key(key)) {
            const auto same = std::ranges::equal_range(sorted, key, {}, key_of);
            if (const auto found = std::ranges::find_if(same, is); found != same.end()) {
                return &*found;
            }
            if (key.empty()) {
                return nullptr;
            }
        }
    }

    std::vector<scope_rule> allow_{};
    std::vector<deny_layer> layers_;
};

} // namespace podscope
