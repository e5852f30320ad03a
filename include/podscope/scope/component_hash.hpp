// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace podscope::scope_detail {

/// One step along a resource's key: how long the component is, and the hash of the whole prefix
/// that it ends.
struct hashed_component {
    std::uint64_t prefix_hash{};
    std::size_t length{};
};

/// Up to eight bytes as a little-endian number, zero beyond the end of the text.
[[nodiscard]] constexpr std::uint64_t load_word(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) {
        return std::uint64_t{static_cast<unsigned char>(text[i])} << (8U * i);
    };
    if (text.size() >= 8) {
        // Spelt out, since compilers turn this shape into one load.
        return byte(0) | byte(1) | byte(2) | byte(3) | byte(4) | byte(5) | byte(6) | byte(7);
    }
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        word |= byte(i);
    }
    return word;
}

/// Hashes the component at the front of a key, and finds its end on the way.
///
/// A multiply-xorshift over eight bytes at a time. The last word is cut at the terminator, which
/// makes the hash a function of the component alone: no component holds a NUL. The zero byte is
/// found as in "Bit Twiddling Hacks" (Sean Anderson), "Determine if a word has a zero byte", whose
/// lowest marked byte is exact.
[[nodiscard]] constexpr hashed_component hash_component(std::string_view rest,
                                                        std::uint64_t parent_hash) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t highs = 0x8080808080808080U;
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15U;
    std::uint64_t hash = parent_hash;
    for (std::size_t length = 0;; length += 8) {
        std::uint64_t word = load_word(rest.substr(length < rest.size() ? length : rest.size()));
        const std::uint64_t zeros = (word - ones) & ~word & highs;
        const auto bits = static_cast<unsigned>(std::countr_zero(zeros));
        if (zeros != 0) {
            // `bits` is 7 above the first bit of the zero byte.
            word &= (std::uint64_t{1} << (bits - 7U)) - 1U;
        }
        hash = (hash ^ word) * odd;
        hash ^= hash >> 32U;
        if (zeros != 0) {
            return {hash, length + bits / 8U};
        }
    }
}

} // namespace podscope::scope_detail
