// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/enforce/landlock_plan.hpp>

#include <concepts>
#include <string_view>

namespace podscope::enforce {

/// What is to be done where the kernel cannot be told what a scope says: a compile-time policy.
/// docs/enforcement.md has what that means in each case.
template <class P>
concept confinement_policy = requires {
    { P::name } -> std::convertible_to<std::string_view>;
    { P::rounds } -> std::convertible_to<rounding>;
    { P::takes_gaps } -> std::convertible_to<bool>;   // or a gap is an error
    { P::needs_kernel } -> std::convertible_to<bool>; // or the kernel's part may be lacking
};

/// The kernel does what the scope says; what it cannot be told is an error that names the rule.
struct exact {
    static constexpr std::string_view name = "exact";
    static constexpr rounding rounds = rounding::down;
    static constexpr bool takes_gaps = false;
    static constexpr bool needs_kernel = true;
};

/// The kernel never allows more than the scope does, and may refuse some of what it allows, which
/// the report lists: the default. A kernel that cannot hold even that is an error.
struct narrowed {
    static constexpr std::string_view name = "narrowed";
    static constexpr rounding rounds = rounding::down;
    static constexpr bool takes_gaps = true;
    static constexpr bool needs_kernel = true;
};

/// The kernel refuses nothing that the scope allows, but for targets that are not there yet, and
/// does of the rest what it can: what that leaves is guarded by `check` alone, and listed in the
/// report. Where the kernel has no Landlock, that is everything.
struct advisory {
    static constexpr std::string_view name = "advisory";
    static constexpr rounding rounds = rounding::up;
    static constexpr bool takes_gaps = true;
    static constexpr bool needs_kernel = false;
};

/// Whether the kernel watches over reading too: a compile-time policy.
template <class R>
concept reads_policy = requires {
    { R::confined } -> std::convertible_to<bool>;
};

/// Only what the scope lets read, and the surroundings, can be read: the default.
struct reads_as_declared {
    static constexpr bool confined = true;
};

/// Everything can be read that could be read before.
struct reads_free {
    static constexpr bool confined = false;
};

} // namespace podscope::enforce
