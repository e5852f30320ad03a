// SPDX-License-Identifier: BSL-1.0
// A check that an actor is in the middle of.
#pragma once

#include "regimes/explore/judged_state.hpp"
#include "support/stored_state.hpp"

#include <podscope/error.hpp>
#include <podscope/verify/schedule.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace regimes {

/// What it could say, by the states that there were since it began.
template <class Pod>
struct open_check {
    const Pod* pod;
    std::string place;
    bool could = false;
    bool could_not = false;

    std::set<podscope::epoch> fences{}; // under which it could

    void see(const podscope_test::stored_state& now) {
        const auto fence =
            writes_under(now, {.pod = pod->name(), .granted = pod->granted()}, place);
        (fence ? could : could_not) = true;
        if (fence) {
            fences.insert(*fence);
        }
    }

    /// Whether that was so at a moment: what a check says, or a permit with its fence.
    template <class Said>
    [[nodiscard]] bool is_right(const Said& said) const {
        if (!said) {
            return could_not;
        }
        if constexpr (requires { said->fence(); }) {
            return fences.contains(said->fence());
        } else {
            return could;
        }
    }

    [[nodiscard]] std::string told(bool may) const {
        return "'" + pod->name() + "' of epoch " +
               std::to_string(static_cast<std::uint64_t>(pod->granted())) +
               (may ? " is told that it may write " : " is refused to write ") + place;
    }

    [[nodiscard]] std::uint64_t hash() const {
        using podscope::verify::mix;
        std::uint64_t seen = (could ? 1U : 0U) + (could_not ? 2U : 0U);
        for (const auto fence : fences) {
            seen = mix(seen, static_cast<std::uint64_t>(fence));
        }
        return mix(mix(mix(seen, pod->name()), place), static_cast<std::uint64_t>(pod->granted()));
    }
};

/// What those checks will be judged by, whichever of them began first.
template <class Pod>
[[nodiscard]] std::uint64_t hash_of(const std::vector<open_check<Pod>*>& checks) {
    std::uint64_t all = 0;
    for (const auto* const one : checks) {
        all += one->hash();
    }
    return all;
}

} // namespace regimes
