// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "company.hpp"
#include "stored_state.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

/// A process as it was at one moment.
struct process_seen {
    std::string pod{};
    std::string label{};
    std::int64_t pid{};
    liveness state{};
};

/// What was stored at one moment, and which processes there were.
struct picture {
    stored_state stored{};
    std::vector<process_seen> processes{};

    /// The pid of the process that holds a pod by what is stored; nothing if the pod is not live.
    [[nodiscard]] std::optional<std::int64_t> holder_of(std::string_view pod) const {
        const auto found = stored.pods.find(pod);
        if (found == stored.pods.end() || !found->second.row) {
            return std::nullopt;
        }
        return found->second.row->owner.pid;
    }

    /// The process that holds a pod; for one that is not live, its latest process.
    [[nodiscard]] const process_seen* process_of(std::string_view pod) const {
        const auto holder = holder_of(pod);
        const auto found =
            std::find_if(processes.rbegin(), processes.rend(), [&](const process_seen& one) {
                return one.pod == pod && (!holder || one.pid == *holder);
            });
        return found != processes.rend() ? &*found : nullptr;
    }

    /// How the latest delegation to a pod has ended, if it has.
    [[nodiscard]] std::optional<podscope::ended_delegation> end_of(std::string_view pod) const {
        std::optional<podscope::ended_delegation> latest;
        for (const auto& [heir, one] : stored.pods) {
            for (const auto& ended : one.history) {
                if (ended.child == pod && (!latest || ended.granted > latest->granted)) {
                    latest = ended;
                }
            }
        }
        return latest;
    }
};

[[nodiscard]] inline std::vector<process_seen> seen(std::deque<process>& processes) {
    std::vector<process_seen> all;
    all.reserve(processes.size());
    for (auto& one : processes) {
        all.push_back(
            {.pod = one.pod(), .label = one.label(), .pid = one.pid(), .state = one.look()});
    }
    return all;
}

} // namespace demo
