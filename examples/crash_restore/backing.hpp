// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/podscope.hpp>
#include <podscope/result.hpp>

#include <string>
#include <utility>

namespace demo {

/// Where the runtime of every process of the demo has its folder.
[[nodiscard]] inline std::string state_folder(const std::string& scratch_folder) {
    return scratch_folder + "/state";
}

/// The team's runtimes keep everything in that folder: what one does to which nothing else is said.
struct in_folder {
    /// Nothing has to run beside the team.
    struct service {
        [[nodiscard]] static podscope::result<service> start(const std::string&) {
            return service{};
        }
    };

    template <class... Parts>
    [[nodiscard]] static auto open(const std::string& scratch_folder, Parts... parts) {
        return podscope::open_runtime(state_folder(scratch_folder), std::move(parts)...);
    }
};

} // namespace demo
