// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/rule.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <set>
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
    /// pod between them, is not live. Logarithmic if it is asked again for the same `lower`.
    ///
    /// Errors: `corrupt` if a pod descends from itself.
    [[nodiscard]] result<bool> is_from_to(std::string_view upper, std::string_view lower) {
        if (line_of_ != lower) {
            if (auto done = follow_up_from(lower); !done) {
                return fail(done);
            }
        }
        return line_.contains(upper);
    }

private:
    // Notes all through whose hands the region came down to a pod.
    [[nodiscard]] result<void> follow_up_from(std::string_view lower) {
        line_of_.clear();
        line_.clear();
        for (std::string_view at = lower;;) {
            auto giver = giver_of(at);
            if (!giver) {
                return fail(giver);
            }
            if (giver->empty()) {
                break;
            }
            at = *giver;
            if (at == lower || !line_.insert(at).second) {
                return descends_from_itself(at);
            }
        }
        line_of_ = lower;
        return {};
    }

    // The parent of a pod if its delegation covers the region, else an empty name.
    [[nodiscard]] result<std::string_view> giver_of(std::string_view pod) {
        if (const auto known = given_by_.find(pod); known != given_by_.end()) {
            return known->second;
        }
        auto row = registry{*txn_}.peek(pod);
        if (!row) {
            return fail(row);
        }
        bool covers = false;
        if (*row && !(**row).delegated_from.empty()) {
            auto done = registry{*txn_}.for_each_covering_layer(
                (**row).delegated_from, where_, [&](const deny_layer& one) {
                    covers = one.delegation && one.delegation->child == pod &&
                             one.delegation->granted == (**row).granted;
                    return covers ? scan::stop : scan::next;
                });
            if (!done) {
                return fail(done);
            }
        }
        const auto noted = given_by_.emplace(pod, covers ? (**row).delegated_from : std::string{});
        return noted.first->second;
    }

    Txn* txn_;
    region where_;
    std::map<std::string, std::string, std::less<>> given_by_{};
    std::string line_of_{};
    std::set<std::string_view> line_{}; // of what `given_by_` holds
};

} // namespace podscope
