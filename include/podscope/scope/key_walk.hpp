// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace podscope::scope_detail {

/// A component of a key, and its first sixteen bytes as numbers, zero beyond its end. Since none
/// holds a NUL, the numbers tell whether it ends within them: of two components with the same
/// numbers both are long, or they are equal.
struct key_component {
    std::string_view text{};
    std::uint64_t first_word{};
    std::uint64_t second_word{};

    /// Whether it has sixteen bytes or more.
    [[nodiscard]] constexpr bool is_long() const noexcept { return second_word >> 56U != 0; }
};

/// Walks along a resource's key, one component after another, and hashes each prefix on the way.
///
/// The hash is a multiply-xorshift over eight bytes at a time. The last word of a component is cut
/// at its terminator, which makes the hash a function of the components alone: none holds a NUL.
/// The terminator is found as in "Bit Twiddling Hacks" (Sean Anderson), "Determine if a word has a
/// zero byte", whose lowest marked byte is exact.
///
/// A walk at compile time gives the same hashes, so that a table may be made then and used later.
class key_walk {
public:
    constexpr explicit key_walk(std::string_view key) noexcept : key_{key} {}

    [[nodiscard]] constexpr bool at_end() const noexcept { return next_ >= key_.size(); }

    /// The hash of what was walked so far; 0 at the root.
    [[nodiscard]] constexpr std::uint64_t prefix_hash() const noexcept { return hash_; }

    /// Whether exactly one component is left.
    [[nodiscard]] constexpr bool is_before_last() const noexcept {
        return !at_end() && key_.find('\0', next_) == key_.size() - 1;
    }

    /// Takes the next component. Not at the end.
    ///
    /// Inlined whatever a compiler thinks: a check of a path is made of little else, and clang
    /// keeps the walk in memory otherwise.
    [[nodiscard, gnu::always_inline]] constexpr key_component take() noexcept {
        const std::size_t start = next_;
        std::uint64_t first_word{};
        std::uint64_t second_word{};
        if (!take_word(first_word) && !take_word(second_word)) {
            for (std::uint64_t word{}; !take_word(word);) {}
        }
        return {key_.substr(start, next_ - start - 1), first_word, second_word};
    }

private:
    static constexpr std::size_t word_size = 8;

    // Goes on by a word, or beyond the terminator if that is in the word, which is told.
    [[nodiscard, gnu::always_inline]] constexpr bool take_word(std::uint64_t& word) noexcept {
        constexpr std::uint64_t ones = 0x0101010101010101U;
        constexpr std::uint64_t highs = 0x8080808080808080U;
        word = load(next_);
        const std::uint64_t zeros = (word - ones) & ~word & highs;
        if (zeros == 0) {
            mix(word);
            next_ += word_size;
            return false;
        }
        // The lowest mark stands on the highest bit of the terminator: below that byte lies what is
        // left of the component.
        word &= (zeros ^ (zeros - 1U)) >> 8U;
        mix(word);
        next_ += std::size_t{static_cast<unsigned>(std::countr_zero(zeros))} / 8 + 1;
        return true;
    }

    constexpr void mix(std::uint64_t word) noexcept {
        hash_ = (hash_ ^ word) * 0x9E3779B97F4A7C15U;
        hash_ ^= hash_ >> 32U;
    }

    // Eight bytes as a little-endian number, zeros for those beyond the end.
    [[nodiscard]] constexpr std::uint64_t load(std::size_t at) const noexcept {
        const std::size_t left = key_.size() - at;
        if (std::is_constant_evaluated()) { // where no byte can be taken for a part of a number
            return load_bytes(key_.substr(at, word_size));
        }
        if (left >= word_size) {
            return load_whole(key_.data() + at);
        }
        if (left == 0) {
            return 0;
        }
        if (key_.size() >= word_size) {
            const auto missing = static_cast<unsigned>(word_size - left) * 8U;
            return load_whole(key_.data() + key_.size() - word_size) >> missing;
        }
        return load_bytes(key_.substr(at));
    }

    [[nodiscard]] static constexpr std::uint64_t load_bytes(std::string_view bytes) noexcept {
        std::uint64_t word = 0;
        for (; !bytes.empty(); bytes.remove_suffix(1)) {
            word = word << 8U | static_cast<unsigned char>(bytes.back());
        }
        return word;
    }

    [[nodiscard]] static std::uint64_t load_whole(const char* at) noexcept {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        if constexpr (std::endian::native == std::endian::big) {
            word = __builtin_bswap64(word);
        }
        return word;
    }

    std::string_view key_;
    std::size_t next_{}; // one beyond the end at last if the text ends in no terminator: no key
    std::uint64_t hash_{};
};

} // namespace podscope::scope_detail
