// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/unknown_fields.hpp>
#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/record_fields.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace podscope {

/// What a pod was made from: the rules of its manifest, as they stood when it was created,
/// delegated or last restored from a manifest.
struct manifest_snapshot {
    std::vector<scope_rule> allow{};
    std::vector<scope_rule> deny{};                ///< base denies
    std::vector<scope_rule> authority{};           ///< what it may hand on
    std::optional<when_unreachable> unreachable{}; ///< for its delegation to it
    std::optional<std::string> reason{};           ///< why it is to have that: for people only
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"allow", &manifest_snapshot::allow>,
                                        field<"deny", &manifest_snapshot::deny>,
                                        field<"authority", &manifest_snapshot::authority>,
                                        field<"unreachable", &manifest_snapshot::unreachable>,
                                        field<"reason", &manifest_snapshot::reason>,
                                        field<"unknown", &manifest_snapshot::unknown>>;

    friend bool operator==(const manifest_snapshot&, const manifest_snapshot&) = default;
};

/// A pod's durable record, without what grows with its children: delegations, history and outbox
/// are rows of their own, so that no update of one can lose the other.
struct pod_record {
    std::string pod{};
    std::string active_segment{}; ///< empty while the pod is reserved and never adopted
    manifest_snapshot manifest{};
    std::string delegated_from{}; ///< the parent's name, empty for a root
    epoch granted{};              ///< the epoch of its last allocation
    std::optional<std::vector<std::string>> peers{};
    /// When that allocation was granted, in milliseconds since 1970, by the wall clock: for people
    /// only. Nothing in a record that an older version wrote.
    std::optional<std::int64_t> granted_ms{};
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"pod", &pod_record::pod>,
                                        field<"active_segment", &pod_record::active_segment>,
                                        field<"manifest", &pod_record::manifest>,
                                        field<"delegated_from", &pod_record::delegated_from>,
                                        field<"granted", &pod_record::granted>,
                                        field<"peers", &pod_record::peers>,
                                        field<"granted_ms", &pod_record::granted_ms>,
                                        field<"unknown", &pod_record::unknown>>;

    friend bool operator==(const pod_record&, const pod_record&) = default;
};

/// A delegation that has not ended: what a pod handed to a child.
struct delegation {
    std::string child{};
    epoch granted{};
    std::vector<scope_rule> rules{};
    std::optional<when_unreachable> unreachable{}; ///< nothing: as the reclaim policy has it
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"child", &delegation::child>,
                                        field<"granted", &delegation::granted>,
                                        field<"rules", &delegation::rules>,
                                        field<"unreachable", &delegation::unreachable>,
                                        field<"unknown", &delegation::unknown>>;

    friend bool operator==(const delegation&, const delegation&) = default;
};

/// A delegation that has ended.
struct ended_delegation {
    std::string child{};
    std::string delegator{}; ///< who had made it; not the pod whose history this is for an orphan
    epoch granted{};
    std::vector<scope_rule> rules{};
    end_reason reason{};
    std::int64_t at_ms{}; ///< milliseconds since 1970, by the wall clock: for people only
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"child", &ended_delegation::child>,
                                        field<"delegator", &ended_delegation::delegator>,
                                        field<"granted", &ended_delegation::granted>,
                                        field<"rules", &ended_delegation::rules>,
                                        field<"reason", &ended_delegation::reason>,
                                        field<"at_ms", &ended_delegation::at_ms>,
                                        field<"unknown", &ended_delegation::unknown>>;

    friend bool operator==(const ended_delegation&, const ended_delegation&) = default;
};

/// A number that only grows.
struct counter {
    std::uint64_t last{};
    unknown_fields unknown{};

    using stored_fields =
        record_fields<field<"last", &counter::last>, field<"unknown", &counter::unknown>>;

    friend bool operator==(const counter&, const counter&) = default;
};

/// The pod store's tables. The keys are made by store/keys.hpp.
namespace tables {

struct pods {
    static constexpr const char* name = "pods";
    using record = pod_record;
};

struct delegations {
    static constexpr const char* name = "delegations";
    using record = delegation;
};

struct history {
    static constexpr const char* name = "history";
    using record = ended_delegation;
};

struct outbox {
    static constexpr const char* name = "outbox";
    using record = notification;
};

struct counters {
    static constexpr const char* name = "counters";
    using record = counter;
};

} // namespace tables
} // namespace podscope
