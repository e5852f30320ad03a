// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope::verify {

/// The steps of a store's work at which something can go wrong.
enum class step : std::uint8_t {
    read,      ///< a transaction that reads is asked for; its body has not run
    write,     ///< a transaction that writes is asked for; its body has not run
    get,       ///< a record is asked for, in either kind of transaction
    scan,      ///< a scan is asked for, in either kind
    put,       ///< a record is put: a fault at the second tears the transaction after the first
    erase,     ///< a record is erased
    commit,    ///< a body that has put or erased something has succeeded: nothing has changed yet
    committed, ///< that took effect, and nobody has been told so
};

/// What happens at a step: it is called there, and if it gives an error the step fails with it.
using fault = std::function<result<void>()>;

/// Faults to plan. Any function of the same shape is one, too.
namespace faults {

/// The step fails.
[[nodiscard]] inline fault fails(error why = {.category = errc::io,
                                              .message = "failed, as planned"}) {
    return [why = std::move(why)]() -> result<void> { return fail(why); };
}

/// The process is killed, as by `kill -9`.
[[nodiscard]] inline fault kills() {
    return []() -> result<void> {
        (void)std::raise(SIGKILL);
        return {};
    };
}

/// The step takes that much longer.
[[nodiscard]] inline fault delays(std::chrono::milliseconds time) {
    return [time]() -> result<void> {
        std::this_thread::sleep_for(time);
        return {};
    };
}

/// A function is called, which may look, wait for something or let others do something first; then
/// the step goes on.
template <class F>
[[nodiscard]] fault calls(F function) {
    return [function = std::move(function)]() mutable -> result<void> {
        static_cast<void>(function());
        return {};
    };
}

} // namespace faults

/// What is to go wrong with a store, and when: for faulty_backend, and for decorators of one's own.
///
/// Copies are handles of the same plan. Every call may be made from several threads at once; a
/// fault is called by the thread that has come to its step, with whatever that thread has locked,
/// and may change the plan. Steps are counted over all threads and handles.
class fault_plan {
public:
    fault_plan() : state_{std::make_shared<state>()} {}

    /// At the step of that kind that is the `number`th from now, counted from 1, and only there.
    void at(step where, std::uint64_t number, fault what) {
        add(where, number, number, std::move(what));
    }

    /// There and at all of that kind that come later.
    void from(step where, std::uint64_t number, fault what) {
        add(where, number, std::numeric_limits<std::uint64_t>::max(), std::move(what));
    }

    /// From there on every step fails, of whatever kind, as if the process were dead.
    void dead_from(step where,
                   std::uint64_t number,
                   error why = {.category = errc::io, .message = "dead, as planned"}) {
        // It is called by a handle of the plan, in whose rules it is.
        at(where, number, [plan = state_.get(), why = std::move(why)]() -> result<void> {
            const std::lock_guard alone{plan->mutex};
            plan->death = why;
            return fail(why);
        });
    }

    /// Nothing that was planned happens any more, and nothing is dead.
    void work_again() {
        const std::lock_guard alone{state_->mutex};
        state_->rules.clear();
        state_->death.reset();
    }

    /// How many steps of that kind there were, those that failed too.
    [[nodiscard]] std::uint64_t count(step where) const {
        const std::lock_guard alone{state_->mutex};
        return state_->counts[static_cast<std::size_t>(where)];
    }

    /// Takes a step: does what is planned for it, in the order in which it was planned, up to the
    /// first error, which is the outcome.
    [[nodiscard]] result<void> take(step where) const {
        std::vector<std::shared_ptr<const fault>> due;
        {
            const std::lock_guard alone{state_->mutex};
            const auto number = ++state_->counts[static_cast<std::size_t>(where)];
            if (state_->death) {
                return fail(error{*state_->death});
            }
            for (const auto& one : state_->rules) {
                if (one.where == where && one.first <= number && number <= one.last) {
                    due.push_back(one.what);
                }
            }
        }
        // Not under the lock, since a fault may wait for what other threads do with the store.
        for (const auto& each : due) {
            if (auto done = (*each)(); !done) {
                return done;
            }
        }
        return {};
    }

private:
    struct planned {
        step where;
        std::uint64_t first;
        std::uint64_t last;
        std::shared_ptr<const fault> what;
    };

    struct state {
        std::mutex mutex{};
        std::array<std::uint64_t, static_cast<std::size_t>(step::committed) + 1> counts{};
        std::vector<planned> rules{};
        std::optional<error> death{};
    };

    void add(step where, std::uint64_t first, std::uint64_t last, fault what) {
        constexpr auto most = std::numeric_limits<std::uint64_t>::max();
        auto kept = std::make_shared<const fault>(std::move(what));
        const std::lock_guard alone{state_->mutex};
        const auto past = state_->counts[static_cast<std::size_t>(where)];
        state_->rules.push_back(
            {where, past + first, last == most ? most : past + last, std::move(kept)});
    }

    std::shared_ptr<state> state_;
};

} // namespace podscope::verify
