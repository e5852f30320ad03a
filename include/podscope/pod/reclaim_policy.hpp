// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <concepts>
#include <optional>
#include <span>

namespace podscope {

/// Says which verdict ends a delegation. A child that a probe can say nothing about is never ended:
/// `ends` is not asked about `unknown`.
template <class P>
concept reclaim_policy = requires(const P& policy, verdict found) {
    { policy.ends(found) } noexcept -> std::same_as<bool>;
};

/// A policy that does something about children before their delegations end: it is shown everybody
/// whose delegation would end by the verdict `unreachable`, and may change the verdicts. It may
/// take its time, and may be called from several threads at once.
template <class P>
concept reviewing_policy =
    reclaim_policy<P> &&
    requires(P& policy, std::span<const probe_subject> subjects, std::span<verdict> verdicts) {
        policy.review(subjects, verdicts);
    };

/// A child that does not answer is fenced, and its scope comes back: the default. What it tries
/// later fails at its next check.
struct reclaim_and_fence {
    [[nodiscard]] constexpr bool ends(verdict found) const noexcept {
        return found == verdict::missing || found == verdict::unreachable;
    }
};

/// Only a child that is proven dead loses its scope; one that hangs keeps it.
struct reclaim_only_the_dead {
    [[nodiscard]] constexpr bool ends(verdict found) const noexcept {
        return found == verdict::missing;
    }
};

/// Whether a delegation ends by a verdict: as was said for it, or else as the policy has it.
template <reclaim_policy Policy>
[[nodiscard]] bool
ends_by(const Policy& policy, std::optional<when_unreachable> said, verdict found) noexcept {
    if (found == verdict::unknown) {
        return false;
    }
    return said ? found == verdict::missing ||
                      (found == verdict::unreachable && said == when_unreachable::fence)
                : policy.ends(found);
}

} // namespace podscope
