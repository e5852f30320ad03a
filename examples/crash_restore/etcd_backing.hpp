// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "backing.hpp"
#include "etcd_process.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/podscope.hpp>
#include <podscope/probe/default_probe.hpp>
#include <podscope/result.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace demo {

/// The team's runtimes keep registry and records in an etcd of the demo's own. Sessions stay files.
struct in_etcd {
    using service = etcd_process;

    // All processes of the team are on one machine, so the probe can be the one that a folder has.
    template <class... Parts>
    [[nodiscard]] static auto open(const std::string& scratch_folder, Parts... parts) {
        const auto open_on = [&](podscope::etcd_store store) {
            return podscope::open_runtime(
                state_folder(scratch_folder), podscope::use::backend(std::move(store)),
                podscope::use::probe(podscope::default_probe{}), std::move(parts)...);
        };
        auto store = podscope::open_etcd_store(
            {.endpoints = {etcd_process::endpoint_in(scratch_folder)}}, podscope::etcd_over_http());
        using opened = decltype(open_on(*std::move(store)));
        return store ? open_on(*std::move(store)) : opened{podscope::fail(store)};
    }
};

} // namespace demo
