// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/registry/keys.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/resource.hpp>

#include <range/v3/range/conversion.hpp>
#include <range/v3/view/transform.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// Who may write at a place, and by what right.
struct ownership {
    allocation owner{};
    scope_rule rule{};                ///< the owner's rule that covers the place
    std::vector<std::string> chain{}; ///< the pods that it was delegated through, the owner first
    /// Since when the owner has its allocation, in milliseconds since 1970 by the wall clock of
    /// whoever granted it, and why it was given that, if anybody said so: from the owner's record,
    /// for people only.
    std::optional<std::int64_t> since_ms{};
    std::optional<std::string> reason{};
};

/// The one live pod whose effective write holds a place, or nothing.
///
/// One range seek for each component of the place, whatever the number of allocations.
template <class Txn>
[[nodiscard]] result<std::optional<ownership>> owner_of(Txn& txn, const resource& place) {
    const region here{place, extent::point};

    struct candidate {
        std::string pod;
        epoch granted;
        scope_rule rule;
    };

    std::vector<candidate> covering;
    for (std::string_view key = place.key();; key = resource::parent_key(key)) {
        result<void> unreadable{};
        auto done = scan_prefix<tables::claims>(
            txn, registry_keys::claims_at(key), [&](std::string_view found, const claim& one) {
                auto what = registry_keys::read_claim(found);
                auto rule = what ? what->rule() : fail(what);
                if (!rule) {
                    unreadable = fail(rule);
                    return scan::stop;
                }
                if (contains(region_of(*rule), here)) {
                    covering.push_back({std::string{what->pod}, one.granted, *std::move(rule)});
                }
                return scan::next;
            });
        if (!done || !unreadable) {
            return done ? fail(unreadable) : fail(done);
        }
        if (key.empty()) {
            break;
        }
    }
    for (auto& one : covering) {
        bool taken = false;
        auto done = registry{txn}.for_each_covering_layer(one.pod, here, [&](const deny_layer&) {
            taken = true;
            return scan::stop;
        });
        if (!done) {
            return fail(done);
        }
        if (taken) {
            continue;
        }
        auto descent = registry{txn}.descent_of(one.pod);
        if (!descent) {
            return fail(descent);
        }
        if (descent->empty() || descent->front().granted != one.granted) {
            continue;
        }
        ownership found{.rule = std::move(one.rule)};
        found.chain =
            *descent | ranges::views::transform(&allocation::pod) | ranges::to<std::vector>();
        found.owner = std::move(descent->front());
        return found;
    }
    return std::nullopt;
}

} // namespace podscope
