// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>

namespace podscope_test {

/// What makes the choices of a game: chance, from a seed on, or bytes that somebody gave. Where
/// the bytes have ended every choice is the first one.
class choices {
public:
    // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions): a seed is a game
    choices(std::uint64_t seed) : random_{seed}, are_given_{false} {}

    explicit choices(std::string given) : given_{std::move(given)}, are_given_{true} {}

    /// A number below `below`, which is at most 256: each can be told by a byte.
    [[nodiscard]] std::size_t pick(std::size_t below) {
        const auto chosen = choose(below);
        taken_.push_back(static_cast<char>(chosen));
        return chosen;
    }

    /// The bytes that make the same choices.
    [[nodiscard]] const std::string& taken() const noexcept { return taken_; }

    /// Whether bytes were given and all are used.
    [[nodiscard]] bool is_over() const noexcept { return are_given_ && next_ == given_.size(); }

private:
    [[nodiscard]] std::size_t choose(std::size_t below) {
        if (!are_given_) {
            return static_cast<std::size_t>(random_() % below);
        }
        return is_over() ? 0 : static_cast<unsigned char>(given_[next_++]) % below;
    }

    std::mt19937_64 random_{};
    std::string given_{};
    std::string taken_{};
    std::size_t next_{};
    bool are_given_;
};

} // namespace podscope_test
