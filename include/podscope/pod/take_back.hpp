// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/delegation_layers.hpp>
#include <podscope/store/pod_store.hpp>
#include <podscope/store/records.hpp>

#include <optional>
#include <string_view>

namespace podscope {

/// Gives a live pod back what a delegation had taken from it, whether or not the child's allocation
/// is still there: the delegation's layers go, and the pod's fence rises above the fences of all
/// who may have written there since. Nothing to do for a pod that is not live, which gets a higher
/// one when it is restored, and for a delegation that gave nothing to write.
template <class Txn>
[[nodiscard]] result<void> take_back(Txn& txn, std::string_view pod, const delegation& made) {
    const auto layers = layers_of(made);
    if (layers.empty()) {
        return {};
    }
    pod_store store{txn};
    registry live{txn};
    // Asked for first: where that takes a request, it is the one that the pod's row takes.
    auto newest = store.newest_epoch();
    if (!newest) {
        return fail(newest);
    }
    auto row = live.peek(pod);
    if (!row || !*row) {
        return row ? result<void>{} : fail(row);
    }
    std::optional<epoch> fence;
    if ((**row).fence() != *newest) {
        auto next = store.next_epoch();
        if (!next) {
            return fail(next);
        }
        fence = *next;
    }
    return live.remove_layers(pod, layers, fence);
}

} // namespace podscope
