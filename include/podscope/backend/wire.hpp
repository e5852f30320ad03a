// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// The smallest pieces of the stored formats, shared by the codec and the journal: little-endian
/// numbers of a fixed width, varints, and byte strings with their length in front.
///
/// A varint is LEB128: seven bits a byte, lowest first, the high bit set on every byte but the
/// last. Of the several spellings of a number only the shortest is read, so that equal values have
/// equal bytes.
namespace podscope::backend_detail {

template <class Out>
void put_varint(Out& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

template <class Out>
void put_text(Out& out, std::string_view text) {
    put_varint(out, text.size());
    out.append(text);
}

/// Writes the low `width` bytes of a number over `to[0..width)`.
inline void store_fixed(char* to, std::uint64_t value, std::size_t width) noexcept {
    for (std::size_t i = 0; i < width; ++i) {
        to[i] = static_cast<char>(value >> (8 * i));
    }
}

[[nodiscard]] inline std::uint64_t load_fixed(const char* from, std::size_t width) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
        value |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
    }
    return value;
}

/// Each `take` removes what it read from the front of `in`, or answers false and leaves `in` in an
/// unspecified state within the same bytes.
[[nodiscard]] inline bool take_byte(std::string_view& in, std::uint8_t& value) noexcept {
    if (in.empty()) {
        return false;
    }
    value = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    return true;
}

[[nodiscard]] inline bool take_varint(std::string_view& in, std::uint64_t& value) noexcept {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        std::uint8_t byte{};
        if (!take_byte(in, byte)) {
            return false;
        }
        const std::uint64_t bits = byte & 0x7FU;
        if (shift == 63 && bits > 1) {
            return false;
        }
        value |= bits << shift;
        if ((byte & 0x80U) == 0) {
            return byte != 0 || shift == 0;
        }
    }
    return false;
}

[[nodiscard]] inline bool take_text(std::string_view& in, std::string_view& text) noexcept {
    std::uint64_t length{};
    if (!take_varint(in, length) || length > in.size()) {
        return false;
    }
    text = in.substr(0, static_cast<std::size_t>(length));
    in.remove_prefix(text.size());
    return true;
}

} // namespace podscope::backend_detail
