// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>

namespace podscope {

/// How a split store waits.
struct split_options {
    /// How long an unfinished change is left to whoever makes it before it is called off. Matters
    /// only where the first store's writes do not run in turn (`writes_in_turn`): where they do,
    /// a change that is seen unfinished has lost its maker.
    std::chrono::milliseconds patience{100};

    /// How long a call tries to get at both stores between the changes of others before it is
    /// `timeout`. What each store waits for a lock is that store's own matter.
    std::chrono::milliseconds deadline{std::chrono::seconds{10}};
};

/// Whether a store says of itself, by `static constexpr bool in_turn = true`, that the bodies of
/// its writes run each once and one after the other, in the order in which they take effect: what a
/// body does not see of those that began before it will never take effect. A store under a lock is
/// so, also if it commits several at once; one that runs bodies side by side and looks for
/// conflicts is not.
template <class Store>
inline constexpr bool writes_in_turn = requires { requires Store::in_turn; };

} // namespace podscope
