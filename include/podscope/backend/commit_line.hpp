// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/event_count.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>

namespace podscope::backend_detail {

/// Somebody who waits for a commit of his transaction. Lives on the stack of the thread that waits.
class line_member {
public:
    line_member() = default;
    line_member(const line_member&) = delete;
    line_member& operator=(const line_member&) = delete;

    /// The one behind it, among those that were taken together.
    [[nodiscard]] line_member* next() const noexcept { return next_; }

    /// The one before it.
    [[nodiscard]] line_member* previous() const noexcept { return previous_; }

protected:
    ~line_member() = default;

private:
    friend class commit_line;

    enum class word { none, lead, served };

    // The line's to read and change.
    line_member* next_ = nullptr;
    line_member* previous_ = nullptr;
    bool is_called_ = false; // to lead, or taken

    // Who has his own call is woken by hardly any other.
    os_detail::event_count::bits call_ = 0;
    std::atomic<word> said_ = word::none; // after `served` it may be gone
};

/// The threads of a process that want to commit, and which of them does it for the others.
///
/// Whoever finds nobody at work leads: it takes all that stand in the line by the time it has the
/// journal to itself, does their work with its own, and makes all of it last by one sync. Those who
/// come meanwhile are the next one's. A combining scheme, as in "Flat Combining and the
/// Synchronization-Parallelism Tradeoff" (Hendler, Incze, Shavit, Tzafrir, 2010), with the order of
/// arrival kept.
class commit_line {
public:
    using time = std::chrono::steady_clock::time_point;

    enum class answer { served, lead, timed_out };

    /// Stands in the line until it was served, is to lead, or was left standing until the deadline.
    /// Who was taken by then waits to be served.
    [[nodiscard]] answer join(line_member& one, time until) {
        {
            const std::lock_guard lock{mutex_};
            append(one);
            if (!is_led_) {
                is_led_ = true;
                one.is_called_ = true;
                return answer::lead;
            }
        }
        for (;;) {
            const auto seen = told_.present();
            const auto said = one.said_.load();
            if (said != line_member::word::none) {
                return said == line_member::word::served ? answer::served : answer::lead;
            }
            if (!told_.wait_until(seen, one.call_, until)) {
                if (gives_up(one)) {
                    return answer::timed_out;
                }
                until = time::max();
            }
        }
    }

    /// Lets the leader wait for company, before it takes what others need to get here.
    ///
    /// Those who were served together come again at about the same time. So they are waited for, by
    /// those who came meanwhile too: else the two would go on by turns, each half as many as one
    /// sync could serve. For a quarter of the time that serving the last ones took, and never for
    /// more than a millisecond: who does not come again must not cost more than he would bring.
    ///
    /// It looks again and again, and leaves the processor to them in between: to sleep, and to be
    /// woken by the last of them, took it longer than they took to come.
    void gather() {
        std::size_t awaited{};
        time until = time::clock::now();
        {
            const std::lock_guard lock{mutex_};
            awaited = last_taken_ + stood_by_;
            until += std::min<time::duration>(last_took_ / 4, std::chrono::milliseconds{1});
        }
        while (length_.load(std::memory_order_relaxed) < awaited && time::clock::now() < until) {
            std::this_thread::yield();
        }
    }

    /// Takes the first of the line, who leads, and at most `most - 1` behind it; the answer is the
    /// last of them.
    [[nodiscard]] line_member& take(line_member& leader, std::size_t most) {
        const std::lock_guard lock{mutex_};
        line_member* last = &leader;
        std::size_t taken = 1;
        while (taken < most && last->next_ != nullptr) {
            last = last->next_;
            last->is_called_ = true;
            ++taken;
        }
        first_ = std::exchange(last->next_, nullptr);
        (first_ != nullptr ? first_->previous_ : last_) = nullptr;
        length_ -= taken;
        last_taken_ = taken;
        taken_at_ = time::clock::now();
        return *last;
    }

    /// Takes the leader alone out of the line.
    void leave(line_member& leader) noexcept {
        const std::lock_guard lock{mutex_};
        remove(leader);
        last_taken_ = 1;
        taken_at_ = time::clock::now();
    }

    /// Makes the first in the line the next leader, and lets those go who were taken with this one.
    void step_down(line_member& leader) noexcept {
        os_detail::event_count::bits calls = 0;
        {
            const std::lock_guard lock{mutex_};
            last_took_ = time::clock::now() - taken_at_;
            stood_by_ = length_;
            is_led_ = first_ != nullptr;
            if (first_ != nullptr) {
                first_->is_called_ = true;
                calls = first_->call_;
                first_->said_.store(line_member::word::lead);
            }
        }
        // Last: those come again at once, and would be counted with those who stood by.
        for (line_member* each = leader.next_; each != nullptr;) {
            line_member* const next = each->next_;
            calls |= each->call_;
            each->said_.store(line_member::word::served);
            each = next;
        }
        if (calls != 0) {
            told_.notify(calls);
        }
    }

private:
    void append(line_member& one) noexcept {
        one.call_ = os_detail::event_count::bits{1} << (arrivals_++ % 32);
        one.previous_ = last_;
        (last_ != nullptr ? last_->next_ : first_) = &one;
        last_ = &one;
        ++length_;
    }

    // Whether it could still leave.
    [[nodiscard]] bool gives_up(line_member& one) noexcept {
        const std::lock_guard lock{mutex_};
        if (one.is_called_) {
            return false;
        }
        remove(one);
        return true;
    }

    void remove(line_member& one) noexcept {
        (one.previous_ != nullptr ? one.previous_->next_ : first_) = one.next_;
        (one.next_ != nullptr ? one.next_->previous_ : last_) = one.previous_;
        one.next_ = nullptr;
        one.previous_ = nullptr;
        --length_;
    }

    os_detail::event_count told_{};
    std::mutex mutex_{};
    line_member* first_ = nullptr;
    line_member* last_ = nullptr;
    std::atomic<std::size_t> length_ = 0; // changed under the mutex
    std::uint32_t arrivals_ = 0;
    std::size_t last_taken_ = 1;
    time taken_at_{};
    time::duration last_took_{};
    std::size_t stood_by_ = 0; // those in the line when the last leader stepped down
    bool is_led_ = false;
};

} // namespace podscope::backend_detail
