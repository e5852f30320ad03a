// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/registry/conflict.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/scope.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace podscope {

/// Says in one sentence why a scope does not give `wanted` at a place.
template <resource_namespace Names>
[[nodiscard]] error denial(const Names& names,
                           std::string_view pod,
                           const resource& place,
                           permission wanted,
                           const explanation& why) {
    std::string text = "'" + std::string{pod} + "' may not " + std::string{to_string(wanted)} +
                       " " + names.display(place) + ": ";
    if (!why.allowed_by) {
        text += "no rule allows anything there";
    } else if (!why.capped_by) {
        text += "its rule there is " + display(names, *why.allowed_by);
    } else if (const auto& layer = *why.capped_by; layer.is_base()) {
        text += "its manifest denies " + display(names, layer.rule);
    } else {
        text += "it has delegated " + display(names, layer.rule) + " to '" +
                layer.delegation->child + "' (epoch " +
                std::to_string(static_cast<std::uint64_t>(layer.delegation->granted)) + ")";
    }
    return {.category = errc::denied, .message = text, .subject = names.display(place)};
}

/// Whether a pod of that scope may do `wanted` at a place.
///
/// Errors: `denied`, with the reason.
template <resource_namespace Names>
[[nodiscard]] result<void> judge(const scope& now,
                                 const Names& names,
                                 std::string_view pod,
                                 const resource& place,
                                 permission wanted) {
    return now.allows(place, wanted) ? result<void>{}
                                     : fail(denial(names, pod, place, wanted, now.explain(place)));
}

} // namespace podscope
