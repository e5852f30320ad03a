// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>

#include <boost/hana/adapt_struct.hpp>

#include <optional>
#include <string>

namespace podscope {

/// One rule of a scope. As an allow rule it grants `access` and what lies below it; as a deny rule
/// it takes `access` and what lies above it.
struct scope_rule {
    resource target{};
    permission access{permission::none};
    /// Recursive covers the target and everything below it; otherwise the target and its direct
    /// children.
    bool recursive{true};

    friend bool operator==(const scope_rule&, const scope_rule&) = default;
};

/// One grant of one pod to another: the child's name and the epoch that the grant got.
struct delegation_ref {
    std::string child{};
    epoch granted{};

    friend bool operator==(const delegation_ref&, const delegation_ref&) = default;
};

/// A deny rule and where it comes from: the pod's own manifest, or one delegation.
struct deny_layer {
    scope_rule rule{};
    std::optional<delegation_ref>
        delegation{}; ///< nothing for a rule of the manifest (a base deny)

    [[nodiscard]] bool is_base() const noexcept { return !delegation; }

    friend bool operator==(const deny_layer&, const deny_layer&) = default;
};

} // namespace podscope

BOOST_HANA_ADAPT_STRUCT(podscope::scope_rule, target, access, recursive);
BOOST_HANA_ADAPT_STRUCT(podscope::delegation_ref, child, granted);
BOOST_HANA_ADAPT_STRUCT(podscope::deny_layer, rule, delegation);
