// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace podscope {

namespace backend_detail {

// Castagnoli's polynomial with its bits reversed (RFC 3720, appendix B.4).
inline constexpr std::uint32_t crc32c_polynomial = 0x82F63B78U;

using crc32c_tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b] is the remainder of byte b followed by k zero bytes.
[[nodiscard]] constexpr crc32c_tables make_crc32c_tables() noexcept {
    crc32c_tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t rest = byte;
        for (int bit = 0; bit < 8; ++bit) {
            rest = (rest >> 1) ^ ((rest & 1U) != 0 ? crc32c_polynomial : 0U);
        }
        tables[0][byte] = rest;
    }
    for (std::size_t k = 1; k < tables.size(); ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFFU];
        }
    }
    return tables;
}

inline constexpr crc32c_tables crc32c_table = make_crc32c_tables();

// `rest` is the complement of the sum of what came before, here and in what is returned.
[[nodiscard]] constexpr std::uint32_t crc32c_by_tables(std::string_view bytes,
                                                       std::uint32_t rest) noexcept {
    const auto& table = crc32c_table;
    const auto at = [](std::string_view from, std::size_t i) {
        return std::uint32_t{static_cast<unsigned char>(from[i])};
    };
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
        const std::uint32_t low =
            rest ^ (at(bytes, 0) | at(bytes, 1) << 8 | at(bytes, 2) << 16 | at(bytes, 3) << 24);
        rest = table[7][low & 0xFFU] ^ table[6][(low >> 8) & 0xFFU] ^
               table[5][(low >> 16) & 0xFFU] ^ table[4][low >> 24] ^ table[3][at(bytes, 4)] ^
               table[2][at(bytes, 5)] ^ table[1][at(bytes, 6)] ^ table[0][at(bytes, 7)];
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        rest = (rest >> 8) ^ table[0][(rest ^ at(bytes, i)) & 0xFFU];
    }
    return rest;
}

#if defined(__x86_64__)
// For a processor that has the instruction.
[[nodiscard, gnu::target("sse4.2")]] inline std::uint32_t
crc32c_by_instruction(std::string_view bytes, std::uint32_t rest) noexcept {
    std::uint64_t wide = rest;
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
        std::uint64_t next{};
        std::memcpy(&next, bytes.data(), sizeof next);
        wide = __builtin_ia32_crc32di(wide, next);
    }
    rest = static_cast<std::uint32_t>(wide);
    for (const char c : bytes) {
        rest = __builtin_ia32_crc32qi(rest, static_cast<unsigned char>(c));
    }
    return rest;
}
#endif

} // namespace backend_detail

/// The CRC-32C (Castagnoli) of `bytes`, or of what came before followed by `bytes` if the CRC of
/// that is given: `crc32c(b, crc32c(a)) == crc32c(a + b)`.
///
/// Finds every burst of up to 32 wrong bits, and any other damage but for one in 2^32. By the
/// instruction of x86-64 where the processor has it; elsewhere eight bytes a step by the tables of
/// Kounavis and Berry, "A Systematic Approach to Building High Performance Software-Based CRC
/// Generators" (2005). Linear; allocates nothing.
[[nodiscard]] constexpr std::uint32_t crc32c(std::string_view bytes,
                                             std::uint32_t before = 0) noexcept {
#if defined(__x86_64__)
    if (!std::is_constant_evaluated() && __builtin_cpu_supports("sse4.2")) {
        return ~backend_detail::crc32c_by_instruction(bytes, ~before);
    }
#endif
    return ~backend_detail::crc32c_by_tables(bytes, ~before);
}

} // namespace podscope
