// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "site.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/pod/allocation_probe.hpp>
#include <podscope/podscope.hpp>
#include <podscope/sink/queue.hpp>

#include <chrono>
#include <utility>

namespace demo {

/// How long a host may be silent before others get what its pods hold.
inline constexpr std::chrono::seconds lease_term{4};

/// The library as a program on a host opens it: registry and records in the cluster, sessions on
/// the host's own disk. Who is alive is told by the leases, since no host sees another's processes.
///
/// @param deadline how long a call may take while the cluster does not answer
[[nodiscard]] inline auto
open_world(const site& here, std::chrono::milliseconds deadline, podscope::queue_sink told) {
    namespace use = podscope::use;
    const auto open_on = [&](podscope::etcd_store store) {
        const podscope::allocation_probe by_leases{store};
        return podscope::open_runtime(here.folder() + "/state", use::backend(std::move(store)),
                                      use::probe(by_leases), use::sink(std::move(told)));
    };
    // By its freshness alone a check would be free for longer than by the lease.
    auto store = podscope::open_etcd_store({.endpoints = endpoints_from(here),
                                            .prefix = "pods/",
                                            .deadline = deadline,
                                            .freshness = lease_term,
                                            .lease_term = lease_term},
                                           podscope::etcd_over_http());
    using opened = decltype(open_on(*std::move(store)));
    return store ? open_on(*std::move(store)) : opened{podscope::fail(store)};
}

using world = typename decltype(open_world(alder, {}, {}))::value_type;

} // namespace demo
