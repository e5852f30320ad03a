// SPDX-License-Identifier: BSL-1.0
// What the explorer drives, whatever store it is played over; and the list of all that it plays.
#pragma once

#include <podscope/verify/explorer.hpp>
#include <podscope/verify/schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace regimes {

class explored_run {
public:
    explored_run() = default;
    explored_run(const explored_run&) = delete;
    explored_run& operator=(const explored_run&) = delete;
    virtual ~explored_run() = default;

    [[nodiscard]] virtual podscope::verify::schedule& plan() = 0;
    [[nodiscard]] virtual std::size_t most_crashes() const = 0;
    [[nodiscard]] virtual std::uint64_t shared_hash() const = 0;
    [[nodiscard]] virtual std::vector<std::string> broken() = 0;
    [[nodiscard]] virtual std::vector<std::string> broken_at_the_end() = 0;
};

static_assert(podscope::verify::execution<explored_run>);

struct scenario {
    std::string name{};
    /// Makes a run of it.
    ///
    /// @param meddled whether two more processes meddle
    std::function<std::unique_ptr<explored_run>(bool meddled)> make{};
};

/// All scenarios of the files that are linked into the program.
[[nodiscard]] inline std::vector<scenario>& scenarios() {
    static std::vector<scenario> all;
    return all;
}

/// Adds to them before main begins.
struct played {
    explicit played(std::vector<scenario> some) {
        for (auto& one : some) {
            scenarios().push_back(std::move(one));
        }
    }
};

} // namespace regimes
