// SPDX-License-Identifier: BSL-1.0
// How a test waits: for a condition, with a deadline.
#pragma once

#include <chrono>

#include <poll.h>

namespace podscope_test {

/// Whether a condition comes true in time: by default long enough for a loaded machine.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition,
                              std::chrono::milliseconds at_most = std::chrono::seconds{30}) {
    using clock = std::chrono::steady_clock;
    for (const auto until = clock::now() + at_most; !condition();) {
        if (clock::now() >= until) {
            return false;
        }
        ::poll(nullptr, 0, 1);
    }
    return true;
}

} // namespace podscope_test
