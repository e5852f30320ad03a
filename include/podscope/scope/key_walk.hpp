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

/// A component of a key, and its first sixteen bytes as numbers, zero beyond its end: since none
/// holds a NUL, two components of at most sixteen bytes are equal if their numbers are.
struct key_component {
    static constexpr std::size_t numbered_length = 16;

    std::string_view text{};
    std::uint64_t first_word{};
    std::uint64_t second_word{};

    [[nodiscard]] constexpr bool is_long() const noexcept { return text.size() > numbered_length; }
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
    constexpr explicit key_walk(std::string_view key) noexcept
        : first_{key.data()},
          next_{key.data()},
          last_{key.data() + key.size()} {}

    [[nodiscard]] constexpr bool at_end() const noexcept { return next_ == last_; }

    /// The hash of what was walked so far; 0 at the root.
    [[nodiscard]] constexpr std::uint64_t prefix_hash() const noexcept { return hash_; }

    /// Whether exactly one component is left.
    [[nodiscard]] constexpr bool is_before_last() const noexcept {
        return !at_end() && std::char_traits<char>::find(next_, left(), '\0') == last_ - 1;
    }

    /// Takes the next component. Not at the end.
    ///
    /// Inlined whatever a compiler thinks: a check of a path is made of little else, and clang
    /// keeps the walk in memory otherwise.
    [[nodiscard, gnu::always_inline]] constexpr key_component take() noexcept {
        key_component taken;
        const char* const start = next_;
        const bool is_short = take_word(taken.first_word) || take_word(taken.second_word);
        if (!is_short) {
            for (std::uint64_t word = 0; !take_word(word);) {}
        }
        const char* const end = next_;
        taken.text = {start, static_cast<std::size_t>(end - start)};
        // A text that does not end in a terminator is no key; it must not lead out of itself.
        next_ = end < last_ ? end + 1 : last_;
        return taken;
    }

private:
    static constexpr std::ptrdiff_t word_size = 8;

    [[nodiscard]] constexpr std::size_t left() const noexcept {
        return static_cast<std::size_t>(last_ - next_);
    }

    // Goes on by a word, or to the terminator if that is in the word, which is told.
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
        word &= ((zeros & (0U - zeros)) >> 7U) - 1U;
        mix(word);
        next_ += std::countr_zero(zeros) / 8;
        return true;
    }

    constexpr void mix(std::uint64_t word) noexcept {
        hash_ = (hash_ ^ word) * 0x9E3779B97F4A7C15U;
        hash_ ^= hash_ >> 32U;
    }

    // Eight bytes as a little-endian number, zeros for those beyond the end.
    [[nodiscard]] constexpr std::uint64_t load(const char* at) const noexcept {
        if (std::is_constant_evaluated()) { // where no byte can be taken for a part of a number
            return load_bytes(at, at + std::min(last_ - at, word_size));
        }
        if (last_ - at >= word_size) {
            return load_whole(at);
        }
        if (at == last_) {
            return 0;
        }
        const auto missing = static_cast<unsigned>(word_size - (last_ - at)) * 8U;
        if (last_ - first_ >= word_size) {
            return load_whole(last_ - word_size) >> missing;
        }
        return load_bytes(at, last_);
    }

    [[nodiscard]] static constexpr std::uint64_t load_bytes(const char* at,
                                                            const char* end) noexcept {
        std::uint64_t word = 0;
        while (end != at) {
            word = word << 8U | static_cast<unsigned char>(*--end);
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

    const char* first_;
    const char* next_;
    const char* last_;
    std::uint64_t hash_{};
};

} // namespace podscope::scope_detail
