// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/rule.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace podscope {

/// Tells through whose hands one region came down, as the registry stands within one transaction.
///
/// A region is handed down from one pod to another if the second descends from the first and every
/// delegation on the way covers the region. One that does not would leave it to the pod above once
/// those between have gone, however it got to the pod below.
///
/// Each pod on a way is looked up once for all questions about the region: one range seek for each
/// component of its target.
template <class Txn>
class hand_down {
public:
    hand_down(Txn& txn, region where) : txn_{&txn}, where_{std::move(where)} {}

    [[nodiscard]] const region& where() const noexcept { return where_; }

    /// Whether the region was handed down from `upper` to `lower`. False if either of them, or a
    /// pod between them, is not live.
    ///
    /// Errors: `corrupt` if a pod descends from itself.
    [[nodiscard]] result<bool> is_from_to(std::string_view upper, std::string_view lower) {
        std::string at{lower};
        for (std::size_t steps = 0; steps <= given_by_.size(); ++steps) {
            auto giver = giver_of(at);
            if (!giver) {
                return fail(giver);
            }
            if (giver->empty() || *giver == upper) {
                return *giver == upper;
            }
            at = std::move(*giver);
        }
        return fail({.category = errc::corrupt,
                     .message = "by the registry, the pod '" + at + "' descends from itself",
                     .subject = at});
    }

private:
    // The parent of a pod if its delegation covers the region, else an empty name.
    [[nodiscard]] result<std::string> giver_of(const std::string& pod) {
        if (const auto known = given_by_.find(pod); known != given_by_.end()) {
            return known->second;
        }
        auto row = registry{*txn_}.find(pod);
        if (!row) {
            return fail(row);
        }
        std::string giver;
        if (*row && !(*row)->delegated_from.empty()) {
            auto layers = registry{*txn_}.covering_layers((*row)->delegated_from, where_);
            if (!layers) {
                return fail(layers);
            }
            const delegation_ref own{.child = pod, .granted = (*row)->granted};
            if (std::ranges::any_of(*layers,
                                    [&](const auto& one) { return one.delegation == own; })) {
                giver = std::move((*row)->delegated_from);
            }
        }
        given_by_.emplace(pod, giver);
        return giver;
    }

    Txn* txn_;
    region where_;
    std::map<std::string, std::string, std::less<>> given_by_{};
};

} // namespace podscope
