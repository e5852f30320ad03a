// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/rule.hpp>
#include <podscope/scope/write_rules.hpp>
#include <podscope/store/records.hpp>

#include <optional>
#include <vector>

namespace podscope {

/// The deny layers that a delegation puts on the pod that made it: one for each write rule. The
/// stored delegation is what they are derived from, wherever they stand.
[[nodiscard]] inline std::vector<deny_layer> layers_of(const delegation& made) {
    std::vector<deny_layer> layers;
    for (const scope_rule& rule : write_rules(made.rules)) {
        layers.push_back({rule, delegation_ref{made.child, made.granted}});
    }
    return layers;
}

/// The deny layers of a pod by its record: those of its manifest, and those of its delegations.
[[nodiscard]] inline std::vector<deny_layer> layers_of(const manifest_snapshot& manifest,
                                                       const std::vector<delegation>& made) {
    std::vector<deny_layer> layers;
    for (const scope_rule& rule : manifest.deny) {
        layers.push_back({rule, std::nullopt});
    }
    for (const auto& one : made) {
        const auto more = layers_of(one);
        layers.insert(layers.end(), more.begin(), more.end());
    }
    return layers;
}

} // namespace podscope
