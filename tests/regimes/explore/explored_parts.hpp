// SPDX-License-Identifier: BSL-1.0
// What the explorer's runtimes are put together from.
#pragma once

#include "regimes/explore/explored_sessions.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/pod/clock.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/verify/scheduled_probe.hpp>
#include <podscope/verify/scheduled_sink.hpp>

#include <cstdint>

namespace regimes {

/// Time that stands still: nothing here is decided by it.
struct still_clocks {
    [[nodiscard]] podscope::deadline now() const noexcept { return {}; }

    [[nodiscard]] std::int64_t wall_ms() const noexcept { return 0; }
};

template <podscope::typed_store Backend>
using explored_parts = podscope::runtime_parts<Backend,
                                               explored_sessions,
                                               podscope::verify::scheduled_probe,
                                               podscope::verify::scheduled_sink,
                                               podscope::lexical_path,
                                               podscope::reclaim_and_fence,
                                               still_clocks,
                                               podscope::given_process>;

} // namespace regimes
