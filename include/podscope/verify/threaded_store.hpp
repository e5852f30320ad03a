// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/verify/schedule.hpp>
#include <podscope/verify/scheduled_store.hpp>

#include <cstdint>

namespace podscope::verify {

/// A mutex of actors that are threads of one process: to take it is a point of the schedule whose
/// actor runs.
class scheduled_mutex {
public:
    void lock() {
        if (auto* const plan = schedule::current()) {
            // Who has crashed goes to his end without waiting.
            static_cast<void>(plan->point("lock", [this] { return !is_taken_; }));
        }
        is_taken_ = true;
    }

    void unlock() noexcept { is_taken_ = false; }

private:
    bool is_taken_ = false;
};

/// A scheduled store that has a generation, each look at which is a point as well, and whose
/// callers may be threads of one process, which share what they hold.
///
/// More states than without: what an actor knows is also how many commits there were when it
/// looked.
template <has_generation Store>
class threaded_store : public scheduled_store<Store> {
public:
    using mutex = scheduled_mutex;

    using scheduled_store<Store>::scheduled_store;

    [[nodiscard]] std::uint64_t generation() const noexcept {
        static_cast<void>(this->plan_->point("look at the generation"));
        const auto now = this->store_.generation();
        this->plan_->observe(now);
        return now;
    }
};

} // namespace podscope::verify
