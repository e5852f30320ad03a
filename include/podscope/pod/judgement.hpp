// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/pod_store.hpp>

#include <deque>
#include <functional>
#include <map>
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

/// Everybody below a pod, by the stored delegations, who is live under the grant on record: whom to
/// probe before that pod is reconciled. Children's children are among them, so that one deadline
/// serves for all, however many levels turn out to be dead.
template <class Txn>
[[nodiscard]] result<std::vector<probe_subject>> subjects_below(Txn& txn, std::string_view pod) {
    std::vector<probe_subject> subjects;
    std::deque<std::string> parents{std::string{pod}};
    for (; !parents.empty(); parents.pop_front()) {
        auto made = pod_store{txn}.delegations_of(parents.front());
        if (!made) {
            return fail(made);
        }
        for (auto& one : *made) {
            auto row = registry{txn}.find(one.child);
            if (!row) {
                return fail(row);
            }
            if (*row && (*row)->granted == one.granted) {
                subjects.push_back({.pod = one.child,
                                    .owner = std::move((*row)->owner),
                                    .endpoint = std::move((*row)->endpoint),
                                    .granted = one.granted});
            }
            parents.push_back(std::move(one.child));
        }
    }
    return subjects;
}

} // namespace podscope
