// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/process_identity.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace podscope {

/// What a probe found out about a child.
enum class verdict : std::uint8_t {
    unknown,     ///< this probe cannot tell (another pid namespace, a full backlog, no endpoint)
    reachable,   ///< it answered, or its process lives
    unreachable, ///< it lives, or may live, and did not answer within the deadline
    missing,     ///< it is proven gone
};

[[nodiscard]] constexpr std::string_view to_string(verdict v) noexcept {
    switch (v) {
    case verdict::unknown: return "unknown";
    case verdict::reachable: return "reachable";
    case verdict::unreachable: return "unreachable";
    case verdict::missing: return "missing";
    }
    return "unknown";
}

/// Whom to probe: one incarnation of a pod.
struct probe_subject {
    std::string pod{};
    process_identity owner{}; ///< the process that holds its allocation
    std::string endpoint{};   ///< where it said that it answers, empty for nowhere
    epoch granted{};          ///< the epoch of its allocation
};

/// A point on the steady clock. Deadlines are never taken from the wall clock.
using deadline = std::chrono::steady_clock::time_point;

/// Decides who can be reached.
///
/// `probe` writes a verdict for each subject into the slot of the same index; every slot holds
/// `unknown` before. The deadline is for the whole set: a thousand hung subjects cost one deadline.
/// It may be called from several threads at once.
template <class P>
concept reachability_probe =
    requires(P& probe,
             std::span<const probe_subject> subjects,
             deadline until,
             std::span<verdict> verdicts) { probe.probe(subjects, until, verdicts); };

} // namespace podscope
