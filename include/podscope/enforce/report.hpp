// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/enforce/landlock_plan.hpp>
#include <podscope/enforce/landlock_ruleset.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/permission.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace podscope::enforce {

/// What the kernel does otherwise than the scope says, whatever the rules are.
enum class limit : std::uint8_t {
    no_landlock,    ///< the kernel has no Landlock: nothing is refused
    moves_refused,  ///< nothing can be moved or linked from one folder into another (before ABI 2)
    truncation,     ///< a file can be emptied by truncate(2) wherever it is (before ABI 3)
    device_control, ///< ioctl(2) of a device is not refused (before ABI 5)
    metadata,       ///< mode, owner, times and extended attributes can be changed anywhere
    reads,          ///< reading is left free, as was asked for
    other_threads,  ///< the process has other threads, and they are not confined
};

[[nodiscard]] constexpr std::string_view to_string(limit what) noexcept {
    switch (what) {
    case limit::no_landlock: return "the kernel has no Landlock: nothing is refused";
    case limit::moves_refused: return "nothing can be moved or linked into another folder";
    case limit::truncation: return "files anywhere can be truncated by name";
    case limit::device_control: return "devices anywhere can be controlled by ioctl";
    case limit::metadata: return "mode, owner and times of files anywhere can be changed";
    case limit::reads: return "everything can be read";
    case limit::other_threads: return "the other threads of the process are not confined";
    }
    return "unknown";
}

/// What the kernel has been told to refuse, and what only `check` guards.
struct confinement_report {
    int abi{};                   ///< of the kernel's Landlock, as far as it is used; 0 for none
    std::vector<limit> limits{}; ///< of that kernel, and of what was asked for
    std::vector<gap> gaps{};     ///< of the rules

    [[nodiscard]] bool has(limit what) const noexcept {
        return std::ranges::find(limits, what) != limits.end();
    }

    /// Whether a write outside of the scope can get through to the names or contents of files:
    /// whether, that is, the scope is advice at least somewhere.
    [[nodiscard]] bool is_advisory() const noexcept {
        return has(limit::no_landlock) || has(limit::truncation) || has(limit::other_threads) ||
               std::ranges::any_of(gaps, [](const gap& one) {
                   return one.allows_more && one.access == permission::write;
               });
    }
};

/// A gap as a sentence for a person.
[[nodiscard]] inline std::string to_string(const gap& one) {
    const lexical_path names;
    std::string text{to_string(one.access)};
    text += " " + names.display(one.place) +
            (one.allows_more ? ": the kernel allows more than the scope"
                             : ": the kernel allows less than the scope");
    text += ", since the rule '" + std::string{to_string(one.rule.access)} + " " +
            names.display(one.rule.target) + (one.rule.recursive ? "" : " (here only)") +
            "' cannot be said: ";
    text += to_string(one.why);
    return text;
}

} // namespace podscope::enforce
