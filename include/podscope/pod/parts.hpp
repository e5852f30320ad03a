// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/pod/clock.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/sink/concept.hpp>

#include <chrono>

namespace podscope {

/// How long a runtime waits for probes where a call does not say.
inline constexpr std::chrono::milliseconds default_probe_time{2000};

/// What a runtime is put together from: one part for each policy. `use::…` names them.
template <typed_store Backend,
          session_store Sessions,
          reachability_probe Probe,
          notification_sink Sink,
          resource_namespace Names,
          reclaim_policy Reclaim,
          pod_clock Clock,
          self_source Self>
struct runtime_parts {
    using backend_type = Backend;

    Backend backend;
    Sessions sessions;
    Probe probe;
    Sink sink;
    Names names;
    Reclaim reclaim;
    Clock clock;
    Self self;
};

} // namespace podscope
