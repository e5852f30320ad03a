// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>
#include <podscope/verify/archetypes/only_moved.hpp>

#include <concepts>
#include <span>
#include <utility>

namespace podscope::verify {

/// The least `reachability_probe`: its arguments are those of the concept and nothing that converts
/// to them. It answers what the probe beneath it answers.
template <reachability_probe Probe>
class probe_archetype : only_moved {
public:
    explicit probe_archetype(Probe beneath) : beneath_{std::move(beneath)} {}

    void probe(std::same_as<std::span<const probe_subject>> auto subjects,
               std::same_as<deadline> auto until,
               std::same_as<std::span<verdict>> auto verdicts) {
        beneath_.probe(subjects, until, verdicts);
    }

private:
    Probe beneath_;
};

} // namespace podscope::verify
