// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/record_fields.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>

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

    using stored_fields = record_fields<field<"target", &scope_rule::target>,
                                        field<"access", &scope_rule::access>,
                                        field<"recursive", &scope_rule::recursive>>;

    friend bool operator==(const scope_rule&, const scope_rule&) = default;
};

/// One grant of one pod to another: the child's name and the epoch that the grant got.
struct delegation_ref {
    std::string child{};
    epoch granted{};

    using stored_fields = record_fields<field<"child", &delegation_ref::child>,
                                        field<"granted", &delegation_ref::granted>>;

    friend bool operator==(const delegation_ref&, const delegation_ref&) = default;
};

/// A deny rule and where it comes from: the pod's own manifest, or one delegation.
struct deny_layer {
    scope_rule rule{};
    std::optional<delegation_ref>
        delegation{}; ///< nothing for a rule of the manifest (a base deny)

    [[nodiscard]] bool is_base() const noexcept { return !delegation; }

    using stored_fields = record_fields<field<"rule", &deny_layer::rule>,
                                        field<"delegation", &deny_layer::delegation>>;

    friend bool operator==(const deny_layer&, const deny_layer&) = default;
};

} // namespace podscope
