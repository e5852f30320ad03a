// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "invariants.hpp"
#include "messages.hpp"
#include "picture.hpp"

#include <podscope/notification.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace demo {

/// How it went when every process tried to write in a region.
struct trial {
    std::string region{};
    std::string expected{}; ///< the label of the process that should be the only one
    std::string because{};
    std::vector<std::pair<std::string, attempt>> by{}; ///< by the label of the process
};

/// All that the story has brought to light.
struct outcome {
    std::optional<picture> before{};  ///< everybody lives
    std::optional<picture> crashed{}; ///< what the restore finds
    std::optional<picture> after{};   ///< as soon as it has returned
    std::vector<podscope::notification> notifications{};
    std::vector<trial> may_write{}; ///< at the end
    std::vector<check> checks{};

    [[nodiscard]] bool holds() const {
        return !checks.empty() && std::ranges::all_of(checks, &check::holds);
    }
};

} // namespace demo
