// SPDX-License-Identifier: BSL-1.0
// A store that fails at each of the steps that an operation takes, one after the other.
#pragma once

#include "support/catch.hpp"

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/fault_plan.hpp>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>

namespace podscope_test {

/// A fault at one step of a store, as long as this lives.
class fault_at {
public:
    static constexpr podscope::errc category = podscope::errc::io;

    fault_at(podscope::verify::fault_plan plan, podscope::verify::step where, std::uint64_t number)
        : plan_{std::move(plan)} {
        plan_.at(where, number, [reached = reached_]() -> podscope::result<void> {
            *reached = true;
            return podscope::fail({.category = category, .message = "failed, as planned"});
        });
    }

    fault_at(const fault_at&) = delete;
    fault_at& operator=(const fault_at&) = delete;

    ~fault_at() { plan_.work_again(); }

    [[nodiscard]] bool was_reached() const { return *reached_; }

private:
    podscope::verify::fault_plan plan_;
    std::shared_ptr<bool> reached_{std::make_shared<bool>(false)};
};

/// Calls `attempt(kind, number)` for the first step of a kind, the second and so on, until it says
/// that it has not come to that; the same for each of the kinds.
template <class F>
void for_each_step(std::initializer_list<podscope::verify::step> kinds, F&& attempt) {
    for (const auto kind : kinds) {
        bool reached = true;
        for (std::uint64_t number = 1; reached; ++number) {
            CAPTURE(static_cast<int>(kind), number);
            reached = attempt(kind, number);
        }
    }
}

} // namespace podscope_test
