// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace podscope::backend_detail {

inline constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as base64 by RFC 4648, padded. Linear.
[[nodiscard]] inline std::string to_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    const auto byte = [&](std::size_t at) -> std::uint32_t {
        return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
    };
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto group = byte(at) << 16U | byte(at + 1) << 8U | byte(at + 2);
        text.push_back(base64_digits[group >> 18U]);
        text.push_back(base64_digits[group >> 12U & 63U]);
        text.push_back(at + 1 < bytes.size() ? base64_digits[group >> 6U & 63U] : '=');
        text.push_back(at + 2 < bytes.size() ? base64_digits[group & 63U] : '=');
    }
    return text;
}

/// The bytes that such a text stands for; nothing if it is none.
[[nodiscard]] inline std::optional<std::string> from_base64(std::string_view text) {
    static constexpr std::uint8_t none = 64;
    static constexpr auto values = [] {
        std::array<std::uint8_t, 256> made{};
        made.fill(none);
        for (std::size_t i = 0; i != base64_digits.size(); ++i) {
            made[static_cast<unsigned char>(base64_digits[i])] = static_cast<std::uint8_t>(i);
        }
        return made;
    }();
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    for (int padding = 0; padding != 2 && text.ends_with('='); ++padding) {
        text.remove_suffix(1);
    }
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char digit : text) {
        const auto value = values[static_cast<unsigned char>(digit)];
        if (value == none) {
            return std::nullopt;
        }
        bits = (bits << 6U | value) & 0xFFFFU;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes.push_back(static_cast<char>(bits >> held & 0xFFU));
        }
    }
    return bytes;
}

} // namespace podscope::backend_detail
