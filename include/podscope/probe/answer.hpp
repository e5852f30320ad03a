// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace podscope {
namespace probe_detail {

/// What is heard in one call of a probe. Who answers may outlive the call, and so keeps it.
class answer_round {
public:
    explicit answer_round(std::size_t subjects) : slots_(subjects), open_{subjects} {}

    void settle(std::size_t which, verdict said) noexcept {
        const std::lock_guard alone{mutex_};
        slot& one = slots_[which];
        if (!std::exchange(one.is_open, false)) {
            return;
        }
        one.heard = said;
        if (--open_ == 0) {
            all_settled_.notify_all();
        }
    }

    /// True once nobody is waited for any more, false when the time is up.
    [[nodiscard]] bool wait_until(deadline until) {
        std::unique_lock alone{mutex_};
        return all_settled_.wait_until(alone, until, [this] { return open_ == 0; });
    }

    [[nodiscard]] bool is_settled() {
        const std::lock_guard alone{mutex_};
        return open_ == 0;
    }

    /// What was heard until now.
    void copy_to(std::span<verdict> verdicts) {
        const std::lock_guard alone{mutex_};
        std::ranges::transform(slots_, verdicts.begin(), &slot::heard);
    }

private:
    struct slot {
        verdict heard{verdict::unknown};
        bool is_open{true};
    };

    std::mutex mutex_{};
    std::condition_variable all_settled_{};
    std::vector<slot> slots_;
    std::size_t open_;
};

/// One subject's place in a round, for as long as there is somebody who could answer for it.
class answer_place {
public:
    answer_place(std::shared_ptr<answer_round> round, std::size_t which) noexcept
        : round_{std::move(round)},
          which_{which} {}

    answer_place(const answer_place&) = delete;
    answer_place& operator=(const answer_place&) = delete;

    ~answer_place() { settle(verdict::unknown); }

    void settle(verdict said) const noexcept { round_->settle(which_, said); }

private:
    std::shared_ptr<answer_round> round_;
    std::size_t which_;
};

} // namespace probe_detail

/// Takes the verdict about one subject of an asynchronous_probe: a completion handler, to be called
/// as a function with the verdict.
///
/// The first call counts. It may come from any thread, and at any time: once the probe has returned
/// it does nothing. Copies answer for the same subject; when the last of them is destroyed and none
/// was called, that is the answer `unknown`, at once. Calls are noexcept and wait for nobody; one
/// that was moved from answers nothing.
class probe_answer {
public:
    /// Made by the probe.
    explicit probe_answer(std::shared_ptr<const probe_detail::answer_place> place) noexcept
        : place_{std::move(place)} {}

    void operator()(verdict said) const noexcept {
        if (place_) {
            place_->settle(said);
        }
    }

private:
    std::shared_ptr<const probe_detail::answer_place> place_;
};

} // namespace podscope
