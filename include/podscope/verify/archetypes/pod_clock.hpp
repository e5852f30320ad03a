// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/clock.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/verify/archetypes/only_moved.hpp>

#include <cstdint>
#include <utility>

namespace podscope::verify {

/// The least `pod_clock`, over another one.
template <pod_clock Clock>
class clock_archetype : only_moved {
public:
    explicit clock_archetype(Clock beneath) : beneath_{std::move(beneath)} {}

    [[nodiscard]] deadline now() const noexcept { return beneath_.now(); }

    [[nodiscard]] std::int64_t wall_ms() const noexcept { return beneath_.wall_ms(); }

private:
    Clock beneath_;
};

} // namespace podscope::verify
