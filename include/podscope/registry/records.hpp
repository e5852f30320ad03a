// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/unknown_fields.hpp>
#include <podscope/error.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/record_fields.hpp>
#include <podscope/scope/rule.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace podscope {

/// A live pod's row in the registry.
struct allocation {
    std::string pod{};
    process_identity owner{}; ///< who holds it; until it is adopted, who reserved it
    std::string endpoint{};   ///< where it answers, empty for nowhere
    std::vector<scope_rule> allow{};
    std::string delegated_from{}; ///< the parent's name, empty for a root
    std::string segment{};        ///< the session segment it writes, empty until it is adopted
    epoch granted{};
    bool adopted{};                  ///< false while it is only reserved for a child
    std::uint64_t layers_revision{}; ///< moves whenever its deny layers change
    /// The epoch at which scope came back to it last; nothing if none has under this grant.
    std::optional<epoch> returned{};
    unknown_fields unknown{};

    /// The fencing token of what it does: higher than that of whoever has held any of its scope
    /// before, and lower than that of whoever gets any of it later.
    [[nodiscard]] epoch fence() const noexcept { return returned.value_or(granted); }

    using stored_fields = record_fields<field<"pod", &allocation::pod>,
                                        field<"owner", &allocation::owner>,
                                        field<"endpoint", &allocation::endpoint>,
                                        field<"allow", &allocation::allow>,
                                        field<"delegated_from", &allocation::delegated_from>,
                                        field<"segment", &allocation::segment>,
                                        field<"granted", &allocation::granted>,
                                        field<"adopted", &allocation::adopted>,
                                        field<"layers_revision", &allocation::layers_revision>,
                                        field<"returned", &allocation::returned>,
                                        field<"unknown", &allocation::unknown>>;

    friend bool operator==(const allocation&, const allocation&) = default;
};

/// One write rule of one allocation: whose and which stands in its key (registry_keys::claim), so
/// that the search reads it where it seeks it and a million take no more memory than they must.
struct claim {
    epoch granted{}; ///< counts only while the pod is live under this grant
    unknown_fields unknown{};

    using stored_fields =
        record_fields<field<"granted", &claim::granted>, field<"unknown", &claim::unknown>>;

    friend bool operator==(const claim&, const claim&) = default;
};

/// A deny layer of a live pod.
struct standing_layer {
    deny_layer layer{};
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"layer", &standing_layer::layer>,
                                        field<"unknown", &standing_layer::unknown>>;

    friend bool operator==(const standing_layer&, const standing_layer&) = default;
};

/// The edge from a live child to the pod that delegated to it.
struct child_link {
    std::string child{};
    unknown_fields unknown{};

    using stored_fields =
        record_fields<field<"child", &child_link::child>, field<"unknown", &child_link::unknown>>;

    friend bool operator==(const child_link&, const child_link&) = default;
};

/// Which live pod writes a session segment.
struct segment_hold {
    std::string pod{};
    epoch granted{}; ///< counts only while the pod is live under this grant
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"pod", &segment_hold::pod>,
                                        field<"granted", &segment_hold::granted>,
                                        field<"unknown", &segment_hold::unknown>>;

    friend bool operator==(const segment_hold&, const segment_hold&) = default;
};

/// The registry's tables. The keys are made by registry/keys.hpp.
namespace tables {

struct allocations {
    static constexpr const char* name = "allocations";
    using record = allocation;
};

struct claims {
    static constexpr const char* name = "claims";
    using record = claim;
};

struct layers {
    static constexpr const char* name = "layers";
    using record = standing_layer;
};

struct children {
    static constexpr const char* name = "children";
    using record = child_link;
};

struct segments {
    static constexpr const char* name = "segments";
    using record = segment_hold;
};

} // namespace tables
} // namespace podscope
