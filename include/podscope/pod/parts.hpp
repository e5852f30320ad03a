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
#include <concepts>

namespace podscope {

/// How long a runtime waits for probes where a call does not say.
inline constexpr std::chrono::milliseconds default_probe_time{2000};

/// What a runtime is put together from: one part for each policy, moved to where it stays. `use::…`
/// names them.
template <typed_store Backend,
          session_store Sessions,
          reachability_probe Probe,
          notification_sink Sink,
          resource_namespace Names,
          reclaim_policy Reclaim,
          pod_clock Clock,
          self_source Self>
    requires std::move_constructible<Backend> && std::move_constructible<Sessions> &&
             std::move_constructible<Probe> && std::move_constructible<Sink> &&
             std::move_constructible<Names> && std::move_constructible<Reclaim> &&
             std::move_constructible<Clock> && std::move_constructible<Self>
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
