// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/report.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/store/delegation_layers.hpp>
#include <podscope/store/records.hpp>

#include <vector>

namespace podscope {

/// What a commit has changed in the deny layers of the pod that made it.
struct layer_changes {
    std::vector<delegation_ref> gone{};
    std::vector<deny_layer> added{};

    void add(const delegation& made) {
        const auto layers = layers_of(made);
        added.insert(added.end(), layers.begin(), layers.end());
    }
};

/// What the outcome of a commit says of that: delegations that were made.
[[nodiscard]] inline layer_changes changes_of(const std::vector<delegation>& made) {
    layer_changes changes;
    for (const auto& one : made) {
        changes.add(one);
    }
    return changes;
}

/// Delegations that have ended, and orphans that were adopted.
[[nodiscard]] inline layer_changes changes_of(const reconcile_report& report) {
    layer_changes changes;
    for (const auto& one : report.ended) {
        changes.gone.push_back({.child = one.child, .granted = one.granted});
    }
    for (const auto& one : report.adopted) {
        changes.add({.child = one.child, .granted = one.granted, .rules = one.rules});
    }
    return changes;
}

} // namespace podscope
