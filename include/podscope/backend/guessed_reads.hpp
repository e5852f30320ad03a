// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>

namespace podscope {

/// A transaction whose body may be run on a guess of what it reads. Unless its commit finds that
/// all of the guess is so, nobody sees the outcome, and the body is run again on what is.
///
/// `has_guessed()` says whether this run may turn out to have been one: it has guessed something,
/// or is a guess from its beginning. Then there is no use in doing anything outside of the
/// transaction that would have to be undone.
template <class Txn>
concept guesses_reads = requires(const Txn& txn) {
    { txn.has_guessed() } noexcept -> std::same_as<bool>;
};

/// Whether such a transaction has; no other one does.
template <class Txn>
[[nodiscard]] bool has_guessed(const Txn& txn) noexcept {
    if constexpr (guesses_reads<Txn>) {
        return txn.has_guessed();
    } else {
        return false;
    }
}

} // namespace podscope
