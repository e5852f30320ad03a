// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/unknown_fields.hpp>
#include <podscope/error.hpp>
#include <podscope/record_fields.hpp>
#include <podscope/scope/rule.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace podscope {

/// Why a delegation ended.
enum class end_reason : std::uint8_t {
    released,    ///< the child gave it back
    absent,      ///< the child's allocation was gone already
    missing,     ///< the child's process is proven dead
    unreachable, ///< the child did not answer within the deadline, and was fenced
    revoked,     ///< the parent took it back
};

[[nodiscard]] constexpr std::string_view to_string(end_reason reason) noexcept {
    switch (reason) {
    case end_reason::released: return "released";
    case end_reason::absent: return "absent";
    case end_reason::missing: return "missing";
    case end_reason::unreachable: return "unreachable";
    case end_reason::revoked: return "revoked";
    }
    return "unknown";
}

/// What happened to a delegation.
enum class event : std::uint8_t {
    ended,   ///< it ended, and its scope is back with `pod`; `reason` says why
    adopted, ///< `pod` took over a living grandchild whose parent was ended
};

[[nodiscard]] constexpr std::string_view to_string(event what) noexcept {
    switch (what) {
    case event::ended: return "ended";
    case event::adopted: return "adopted";
    }
    return "unknown";
}

/// What a pod is told about a delegation. Delivered at least once; the same `id` is the same
/// notification.
struct notification {
    std::string id{};
    std::uint64_t sequence{}; ///< its place among the notifications of the store
    event what{event::ended};
    std::string pod{};       ///< who is told
    std::string child{};     ///< whose delegation it is about
    std::string delegator{}; ///< who had made the delegation; not `pod` for an orphan
    end_reason reason{};     ///< why it ended; for `adopted`, why the delegator's own one ended
    epoch granted{};         ///< the delegation's epoch
    std::int64_t at_ms{};    ///< milliseconds since 1970, by the wall clock: for people only
    std::vector<scope_rule> rules{}; ///< what the delegation had granted
    unknown_fields unknown{};

    using stored_fields = record_fields<field<"id", &notification::id>,
                                        field<"sequence", &notification::sequence>,
                                        field<"what", &notification::what>,
                                        field<"pod", &notification::pod>,
                                        field<"child", &notification::child>,
                                        field<"delegator", &notification::delegator>,
                                        field<"reason", &notification::reason>,
                                        field<"granted", &notification::granted>,
                                        field<"at_ms", &notification::at_ms>,
                                        field<"rules", &notification::rules>,
                                        field<"unknown", &notification::unknown>>;

    friend bool operator==(const notification&, const notification&) = default;
};

} // namespace podscope
