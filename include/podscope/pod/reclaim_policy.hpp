// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>

#include <concepts>

namespace podscope {

/// Says which verdict ends a delegation. A child that a probe can say nothing about is never ended:
/// `ends` is not asked about `unknown`.
template <class P>
concept reclaim_policy = requires(const P& policy, verdict found) {
    { policy.ends(found) } noexcept -> std::same_as<bool>;
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

} // namespace podscope
