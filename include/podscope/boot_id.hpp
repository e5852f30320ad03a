// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/record_fields.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace podscope {

/// The kernel's random id of one boot, which is a UUID: as two numbers, since every row of a
/// registry holds one and a text would need memory of its own in each. The default is no boot.
struct boot_id {
    std::uint64_t high{};
    std::uint64_t low{};

    /// Reads 8-4-4-4-12 hexadecimal digits, as /proc/sys/kernel/random/boot_id has them; nothing
    /// for any other text.
    [[nodiscard]] static constexpr std::optional<boot_id>
    from_text(std::string_view text) noexcept {
        if (text.size() != text_length) {
            return std::nullopt;
        }
        boot_id read;
        for (std::size_t i = 0; i != text_length; ++i) {
            if (is_dash(i)) {
                if (text[i] != '-') {
                    return std::nullopt;
                }
                continue;
            }
            const auto digit = digits.find(text[i]);
            if (digit == std::string_view::npos) {
                return std::nullopt;
            }
            read.high = read.high << 4U | read.low >> 60U;
            read.low = read.low << 4U | digit;
        }
        return read;
    }

    /// The text that `from_text` reads.
    [[nodiscard]] std::string to_text() const {
        std::string text;
        unsigned shift = 128;
        for (std::size_t i = 0; i != text_length; ++i) {
            if (is_dash(i)) {
                text += '-';
                continue;
            }
            shift -= 4;
            const auto digit = shift >= 64 ? high >> (shift - 64) : low >> shift;
            text += digits[digit & 0xFU];
        }
        return text;
    }

    using stored_fields = record_fields<field<"high", &boot_id::high>, field<"low", &boot_id::low>>;

    friend constexpr auto operator<=>(const boot_id&, const boot_id&) = default;

private:
    static constexpr std::size_t text_length = 36;
    static constexpr std::string_view digits = "0123456789abcdef";

    [[nodiscard]] static constexpr bool is_dash(std::size_t i) noexcept {
        return i == 8 || i == 13 || i == 18 || i == 23;
    }
};

} // namespace podscope
