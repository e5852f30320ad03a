// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/json_writer.hpp>
#include <podscope/notification.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>

namespace podscope {

/// Writes a notification as one line of JSON, for people and their tools; nothing reads it back.
///
/// `display(resource)` writes a target as a person would; a resource knows no text of its own (see
/// resource_namespace). Bytes of a target that are not valid UTF-8 are written as U+FFFD. `reason`
/// is why the delegation ended; see notification. Fields of newer versions are left out.
template <class Display>
    requires std::convertible_to<std::invoke_result_t<Display&, const resource&>, std::string>
[[nodiscard]] std::string to_json(const notification& told, Display&& display) {
    std::string rules{'['};
    for (const scope_rule& each : told.rules) {
        if (rules.size() != 1) {
            rules += ',';
        }
        json_object_writer{rules}
            .text("target", display(each.target))
            .text("access", to_string(each.access))
            .raw("recursive", each.recursive ? "true" : "false")
            .close();
    }
    rules += ']';
    std::string json;
    json_object_writer{json}
        .text("id", told.id)
        .text("event", to_string(told.what))
        .text("pod", told.pod)
        .text("child", told.child)
        .text("delegator", told.delegator)
        .text("reason", to_string(told.reason))
        .number("epoch", static_cast<std::uint64_t>(told.granted))
        .raw("at_ms", std::to_string(told.at_ms))
        .raw("rules", rules)
        .close();
    return json;
}

} // namespace podscope
