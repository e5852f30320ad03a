// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/verify/archetypes/only_moved.hpp>

#include <concepts>
#include <span>
#include <utility>

namespace podscope::verify {

/// The least `reclaim_policy`, over another one. What that does about children is left out:
/// `reviewing_archetype` has it.
template <reclaim_policy Policy>
class reclaim_archetype : only_moved {
public:
    explicit reclaim_archetype(Policy beneath) : beneath_{std::move(beneath)} {}

    [[nodiscard]] bool ends(verdict found) const noexcept { return beneath_.ends(found); }

protected:
    Policy beneath_;
};

/// The least `reviewing_policy`: its arguments are those of the concept and nothing that converts
/// to them.
template <reviewing_policy Policy>
class reviewing_archetype : public reclaim_archetype<Policy> {
public:
    explicit reviewing_archetype(Policy beneath) : reclaim_archetype<Policy>{std::move(beneath)} {}

    void review(std::same_as<std::span<const probe_subject>> auto subjects,
                std::same_as<std::span<verdict>> auto verdicts) {
        this->beneath_.review(subjects, verdicts);
    }
};

} // namespace podscope::verify
