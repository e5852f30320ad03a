// SPDX-License-Identifier: BSL-1.0
// A check that an actor is in the middle of.
#pragma once

#include <podscope/verify/schedule.hpp>

#include <cstdint>
#include <string>

namespace regimes {

/// What it could say, by the states that there were since it began.
template <class Pod>
struct open_check {
    const Pod* pod;
    std::string place;
    bool could = false;
    bool could_not = false;

    void see(bool may) { (may ? could : could_not) = true; }

    [[nodiscard]] std::uint64_t hash() const {
        using podscope::verify::mix;
        const std::uint64_t seen = (could ? 1U : 0U) + (could_not ? 2U : 0U);
        return mix(mix(mix(seen, pod->name()), place), static_cast<std::uint64_t>(pod->granted()));
    }
};

} // namespace regimes
