// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/leased_rows.hpp>
#include <podscope/error.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/pod_store.hpp>
#include <podscope/store/records.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// What a probe said, and about which incarnation: it counts for no other.
struct judgement {
    process_identity owner{};
    epoch granted{};
    verdict found{verdict::unknown};

    friend bool operator==(const judgement&, const judgement&) = default;
};

/// By the name of the pod.
using judgements = std::map<std::string, judgement, std::less<>>;

/// Whether a delegation's child had adopted it, and its allocation, which is not there, may have
/// gone with a lease: evidence that it hangs or is dead, and no proof. Only where allocations can
/// hang on one.
template <class Txn>
[[nodiscard]] result<bool> has_vanished(Txn& txn, const delegation& made) {
    if constexpr (reads_leased<Txn, tables::allocations>) {
        auto record = pod_store{txn}.find(made.child);
        if (!record) {
            return fail(record);
        }
        return *record && (*record)->granted == made.granted && !(*record)->active_segment.empty();
    } else {
        return false;
    }
}

/// Somebody below a pod, by the stored delegations.
struct descendant {
    std::string child{};
    std::string delegator{};
    std::size_t depth{};                           ///< 1 for the pod's own children
    std::optional<when_unreachable> unreachable{}; ///< what was said for the delegation
    std::optional<probe_subject> live{};           ///< whom to probe, if live under that grant
    bool vanished{};                               ///< what `has_vanished` says, if it is not live
};

/// Everybody below a pod: whom to probe before that pod is reconciled, children before theirs.
/// Children's children are among them, so that one deadline serves for all, however many levels
/// turn out to be dead. Who is met below itself, in a store that was tampered with, is not followed
/// again.
template <class Txn>
[[nodiscard]] result<std::vector<descendant>> descendants_of(Txn& txn, std::string_view pod) {
    std::vector<descendant> below;
    std::set<std::string, std::less<>> met{std::string{pod}};
    std::deque<std::pair<std::string_view, std::size_t>> parents{{pod, 1}};
    for (; !parents.empty(); parents.pop_front()) {
        const auto [parent, depth] = parents.front();
        auto made = pod_store{txn}.delegations_of(parent);
        if (!made) {
            return fail(made);
        }
        for (auto& one : *made) {
            auto row = registry{txn}.find(one.child);
            if (!row) {
                return fail(row);
            }
            descendant found{.child = one.child,
                             .delegator = std::string{parent},
                             .depth = depth,
                             .unreachable = one.unreachable};
            if (*row && (*row)->granted == one.granted) {
                found.live = probe_subject{.pod = one.child,
                                           .owner = std::move((*row)->owner),
                                           .endpoint = std::move((*row)->endpoint),
                                           .granted = one.granted};
            } else if (!*row) {
                auto vanished = has_vanished(txn, one);
                if (!vanished) {
                    return fail(vanished);
                }
                found.vanished = *vanished;
            }
            below.push_back(std::move(found));
            if (const auto [child, is_new] = met.insert(std::move(one.child)); is_new) {
                parents.emplace_back(*child, depth + 1);
            }
        }
    }
    return below;
}

/// Those among them whom a probe can be asked about.
[[nodiscard]] inline std::vector<probe_subject>
subjects_among(const std::vector<descendant>& below) {
    std::vector<probe_subject> subjects;
    for (const auto& one : below) {
        if (one.live) {
            subjects.push_back(*one.live);
        }
    }
    return subjects;
}

} // namespace podscope
