// SPDX-License-Identifier: BSL-1.0
// The check of a pod by which nothing has changed since the one before.
#pragma once

#include "support/population.hpp"

#include <podscope/podscope.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace podscope_bench {

inline constexpr const char* place_asked = "/ws/src/lib/core/detail/engine.cpp";

/// A function object that asks a pod without children on that backend.
template <class Backend>
auto checks_of(Backend backend) {
    auto all = std::make_shared<basic_population<Backend>>(std::move(backend), std::size_t{0});
    return
        [all] { return all->planner.check(place_asked, podscope::permission::write).has_value(); };
}

} // namespace podscope_bench
