// SPDX-License-Identifier: BSL-1.0
// Whether a history of concurrent operations can be told as one after the other.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace regimes {

/// When an operation was called and when it answered; it happened somewhere between, if it did.
struct interval {
    static constexpr auto never = std::numeric_limits<std::uint64_t>::max();

    std::uint64_t begun{};
    std::uint64_t answered{never}; ///< never if it was cut short: then it happened or it did not

    [[nodiscard]] bool is_complete() const { return answered != never; }
};

[[nodiscard]] inline std::string to_text(const interval& when) {
    return std::to_string(when.begun) + " to " +
           (when.is_complete() ? std::to_string(when.answered) : "never") + ": ";
}

/// What operations do when there is one at a time. `apply` gives the state after an operation, or
/// nothing if what it answered, if anything, is not what it must answer there. States whose `key`
/// is the same are the same.
template <class M>
concept sequential_model = requires(
    const M& model, const typename M::state& state, const typename M::operation& operation) {
    requires std::copyable<typename M::state>;
    { operation.when } -> std::convertible_to<const interval&>;
    { model.apply(state, operation) } -> std::same_as<std::optional<typename M::state>>;
    { model.key(state) } -> std::convertible_to<std::string>;
};

enum class finding { linearisable, not_linearisable, undecided };

/// The search of Wing and Gong ("Testing and verifying concurrent objects", 1993): whatever has
/// begun before all that is left has answered may be next. With Lowe's improvement ("Testing for
/// linearizability", 2017): the same operations done, in whatever order, with the same state after
/// them, are not gone on from twice.
///
/// Exponential in how many operations overlap; `undecided` after `most_steps` of them.
template <sequential_model M>
class linearisability {
public:
    using state = typename M::state;
    using operation = typename M::operation;

    static constexpr std::size_t most_operations = 64;

    linearisability(const M& model, std::vector<operation> history, std::uint64_t most_steps)
        : model_{&model},
          history_{std::move(history)},
          most_steps_{most_steps} {
        std::ranges::sort(history_, {}, [](const operation& one) { return one.when.begun; });
        for (std::size_t i = 0; i != history_.size(); ++i) {
            if (history_[i].when.is_complete()) {
                complete_ |= bit(i);
            }
        }
    }

    [[nodiscard]] finding judge(const state& first) {
        if (history_.size() > most_operations) {
            return finding::undecided;
        }
        if (can_follow(0, first)) {
            return finding::linearisable;
        }
        return steps_ > most_steps_ ? finding::undecided : finding::not_linearisable;
    }

    [[nodiscard]] std::uint64_t steps() const { return steps_; }

private:
    [[nodiscard]] static std::uint64_t bit(std::size_t i) { return std::uint64_t{1} << i; }

    [[nodiscard]] bool can_follow(std::uint64_t done, const state& now) {
        if ((complete_ & ~done) == 0) {
            return true;
        }
        if (++steps_ > most_steps_ ||
            !been_.insert(std::to_string(done) + ' ' + model_->key(now)).second) {
            return false;
        }
        auto first_answer = interval::never;
        for (std::size_t i = 0; i != history_.size(); ++i) {
            if ((done & bit(i)) == 0) {
                first_answer = std::min(first_answer, history_[i].when.answered);
            }
        }
        for (std::size_t i = 0; i != history_.size(); ++i) {
            if ((done & bit(i)) != 0 || history_[i].when.begun > first_answer) {
                continue;
            }
            if (const auto next = model_->apply(now, history_[i]);
                next && can_follow(done | bit(i), *next)) {
                return true;
            }
        }
        return false;
    }

    const M* model_;
    std::vector<operation> history_;
    std::uint64_t most_steps_;
    std::uint64_t complete_{};
    std::uint64_t steps_{};
    std::unordered_set<std::string> been_{};
};

} // namespace regimes
