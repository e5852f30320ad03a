// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/permission.hpp>
#include <podscope/scope/reader_count.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/scope.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <type_traits>
#include <utility>

namespace podscope {

/// A scope that many threads read while one changes it.
///
/// A read is wait-free, allocates nothing, and sees the scope as it was before or after a change,
/// never a mixture. Changes take turns; each costs what the change itself costs, twice, and waits
/// for the reads that began before it. Neither is safe in a forked copy of a process whose other
/// threads were reading or changing at that moment.
///
/// The scheme is Left-Right (Pedro Ramalhete and Andreia Correia, "Left-Right: A Concurrency
/// Control Technique with Wait-Free Population Oblivious Reads", 2015): two copies, of which reads
/// use the one that `current_` points to. A change is made to the other, `current_` is turned to
/// it, and once the reads that may still use the first are over the same change is made to that.
///
/// Why no read sees a copy that is being changed: a read announces itself, then loads `current_`; a
/// writer stores `current_`, then looks for announcements, and all four are sequentially
/// consistent. So either the writer sees the announcement and waits for it to go, or the read loads
/// what the writer stored. And since it goes with a release, and the writer sees it gone with an
/// acquire, all that the read did comes before what the writer does to the copy next.
class shared_scope {
public:
    shared_scope() = default;

    explicit shared_scope(scope first) : copies_{std::move(first), scope{}} {}

    shared_scope(const shared_scope&) = delete;
    shared_scope& operator=(const shared_scope&) = delete;
    /// No read or change may be under way.
    ~shared_scope() = default;

    /// Runs `f(const scope&)` on the scope as it stands, and gives what that returns, which must
    /// not refer to the scope. A change waits for `f` to end: it has to be short, and must not
    /// change this scope itself.
    ///
    /// Inlined whatever a compiler thinks, as the check of a path is: calls would be a part of it
    /// that can be measured.
    template <class F>
    [[gnu::always_inline]] auto read(F&& f) const {
        const reader_count::visit announced{readers_};
        return std::invoke(std::forward<F>(f), *current_.load(std::memory_order_seq_cst));
    }

    [[nodiscard, gnu::always_inline]] permission
    permission_at(const resource& place) const noexcept {
        return read([&](const scope& now) { return now.permission_at(place); });
    }

    [[nodiscard]] bool allows(const resource& place, permission access) const noexcept {
        return permission_at(place) >= access;
    }

    /// A copy of the scope as it stands. Linear in the number of rules.
    [[nodiscard]] scope snapshot() const {
        return read([](const scope& now) { return now; });
    }

    /// Puts another scope in its place. Allocates nothing and cannot fail. Returns when no read
    /// uses the old one any more, which is then freed.
    void replace(scope next) noexcept {
        const std::lock_guard alone{writers_};
        scope& idle = idle_copy();
        idle = std::move(next);
        turn_to(idle);
        idle_copy() = scope{};
        in_step_ = false;
    }

    /// Runs `change(scope&)` and makes the outcome visible at once. `change` is run on each of the
    /// two copies in turn, so it has to do the same both times and nothing else. If it throws the
    /// first time nothing has changed; a copy for which the second time ran out of memory is made
    /// again by the next change.
    template <class F>
    void update(F&& change) {
        const std::lock_guard alone{writers_};
        scope& idle = idle_copy();
        if (!in_step_) {
            idle = *current_.load(std::memory_order_relaxed);
        }
        in_step_ = false;
        std::invoke(change, idle);
        turn_to(idle);
        try {
            std::invoke(change, idle_copy());
            in_step_ = true;
        } catch (...) {
            // What is visible is whole, and the copy that is not will not be used as it is.
        }
    }

private:
    [[nodiscard]] scope& idle_copy() noexcept {
        return copies_[current_.load(std::memory_order_relaxed) == &copies_[0] ? 1 : 0];
    }

    void turn_to(const scope& next) noexcept {
        current_.store(&next, std::memory_order_seq_cst);
        readers_.wait_until_left();
    }

    mutable reader_count readers_{};
    std::array<scope, 2> copies_{};
    std::atomic<const scope*> current_{&copies_[0]};
    std::mutex writers_{};
    bool in_step_{false}; // whether the idle copy equals the current one
};

} // namespace podscope
