// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace podscope {

/// A fencing token: grows with every grant that the library makes, and wherever scope returns to
/// the pod that had handed it on; never comes back.
enum class epoch : std::uint64_t { none = 0 };

/// What went wrong, to switch on. Each value has one meaning, given here.
enum class errc {
    conflict,             ///< another live pod may write there; see error::competitors
    not_within_authority, ///< the delegating pod may not hand this on
    denied,               ///< the pod's own scope does not allow it
    revoked,              ///< the pod's allocation was reclaimed or taken over
    unknown_pod,          ///< no record of that name
    duplicate_name,       ///< a record of that name exists already
    already_live,         ///< a living process holds that pod
    stale_epoch,          ///< the grant that was shown is not the present one
    segment_held,         ///< another live pod writes that session segment
    segment_pending,      ///< the pod was reserved, but never adopted: it has no segment yet
    unknown_segment,      ///< the session store does not know that segment
    empty_segment,        ///< the segment has no entry, not even its first
    invalid_name,         ///< a pod's name breaks the rules of names.hpp
    invalid_target,       ///< a target that the resource namespace refuses
    invalid_entry,        ///< a session entry, or a lineage, that no store of sessions may take
    invalid_manifest,     ///< a manifest that cannot be used; see error::position
    corrupt,              ///< stored bytes that are not what was written; see error::offset
    unsupported_version,  ///< written by a newer format version
    unsafe_file,          ///< owner, mode or kind of a file makes it unfit to be trusted
    forked,               ///< a pod used in a forked copy of the process that holds it
    io,                   ///< the system said no; see error::system
    timeout,              ///< a deadline passed
    unavailable,          ///< a store, probe or sink cannot be used now
    not_enforceable,      ///< the kernel cannot be told what a confinement asks of it
    out_of_memory,        ///< an allocation failed; nothing was changed
};

/// The category's name as it stands in this header. Static storage.
[[nodiscard]] constexpr std::string_view to_string(errc category) noexcept {
    switch (category) {
    case errc::conflict: return "conflict";
    case errc::not_within_authority: return "not_within_authority";
    case errc::denied: return "denied";
    case errc::revoked: return "revoked";
    case errc::unknown_pod: return "unknown_pod";
    case errc::duplicate_name: return "duplicate_name";
    case errc::already_live: return "already_live";
    case errc::stale_epoch: return "stale_epoch";
    case errc::segment_held: return "segment_held";
    case errc::segment_pending: return "segment_pending";
    case errc::unknown_segment: return "unknown_segment";
    case errc::empty_segment: return "empty_segment";
    case errc::invalid_name: return "invalid_name";
    case errc::invalid_target: return "invalid_target";
    case errc::invalid_entry: return "invalid_entry";
    case errc::invalid_manifest: return "invalid_manifest";
    case errc::corrupt: return "corrupt";
    case errc::unsupported_version: return "unsupported_version";
    case errc::unsafe_file: return "unsafe_file";
    case errc::forked: return "forked";
    case errc::io: return "io";
    case errc::timeout: return "timeout";
    case errc::unavailable: return "unavailable";
    case errc::not_enforceable: return "not_enforceable";
    case errc::out_of_memory: return "out_of_memory";
    }
    return "unknown";
}

/// A live pod whose effective write stands in the way of a request.
struct competitor {
    std::string pod;            ///< its name
    std::string rule;           ///< its rule, as a person writes it
    std::string endpoint;       ///< where it answers, empty if nowhere
    std::string delegated_from; ///< who delegated the rule to it, empty for nobody
    epoch granted{};            ///< the epoch of its allocation

    friend bool operator==(const competitor&, const competitor&) = default;
};

/// A place in a text, both counted from 1.
struct text_position {
    std::uint64_t line{};
    std::uint64_t column{};

    friend bool operator==(const text_position&, const text_position&) = default;
};

/// Why an operation failed: a category to switch on, one sentence that a person can act on, and
/// the facts behind the sentence as data. Facts that do not apply are empty.
struct error {
    errc category{};
    std::string message{};
    std::string subject{};                   ///< the pod, segment, target, key or field it is about
    std::vector<competitor> competitors{};   ///< deepest owner first
    std::string path{};                      ///< the file it is about
    std::optional<std::uint64_t> offset{};   ///< where in that file, in bytes
    std::optional<text_position> position{}; ///< where in that text
    std::optional<epoch> shown{};            ///< the epoch that the caller showed
    std::optional<epoch> current{};          ///< the epoch that holds now
    std::error_code system{};                ///< what the operating system answered
};

/// "category: sentence", and what the system answered if it did.
[[nodiscard]] inline std::string to_string(const error& e) {
    std::string text{to_string(e.category)};
    text += ": ";
    text += e.message;
    if (e.system) {
        text += " (" + e.system.message() + ")";
    }
    return text;
}

} // namespace podscope
