// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/utf8.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/random.h>

namespace podscope {

/// Whether an entry may stand in a session log: kind and body are valid UTF-8. Otherwise
/// `invalid_entry`. Linear in their length.
[[nodiscard]] inline result<void> check_entry(const session_entry& entry) {
    const bool kind_is_text = is_utf8(entry.kind);
    if (kind_is_text && is_utf8(entry.body)) {
        return {};
    }
    return fail({.category = errc::invalid_entry,
                 .message = kind_is_text ? "the body of a session entry must be valid UTF-8"
                                         : "the kind of a session entry must be valid UTF-8"});
}

/// Whether a segment may have that lineage: its names are valid UTF-8. Otherwise `invalid_entry`.
/// That the segments are there is not asked: they may be kept elsewhere.
[[nodiscard]] inline result<void> check_lineage(const lineage& from) {
    if (is_utf8(from.forked_from) && is_utf8(from.compacted_from)) {
        return {};
    }
    return fail({.category = errc::invalid_entry,
                 .message = "the segments that a lineage names must be valid UTF-8"});
}

/// The length of the ids that `fresh_segment_id` makes.
inline constexpr std::size_t segment_id_length = 32;

/// Whether a text can be an id that `fresh_segment_id` made: 32 lower-case hexadecimal digits. Such
/// a text is safe as a file name.
[[nodiscard]] constexpr bool is_segment_id(std::string_view text) noexcept {
    return text.size() == segment_id_length && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

/// An id that no other segment has, in any store on any machine: 128 random bits from the kernel.
/// Errors: `io`.
[[nodiscard]] inline result<std::string> fresh_segment_id() {
    std::array<unsigned char, segment_id_length / 2> bits{};
    for (std::size_t have = 0; have != bits.size();) {
        const auto got = ::getrandom(bits.data() + have, bits.size() - have, 0);
        if (got >= 0) {
            have += static_cast<std::size_t>(got);
        } else if (errno != EINTR) {
            return fail({.category = errc::io,
                         .message = "the kernel gives no random bits for a segment's id",
                         .system = std::error_code{errno, std::generic_category()}});
        }
    }
    constexpr std::string_view hex = "0123456789abcdef";
    std::string id;
    id.reserve(segment_id_length);
    for (const unsigned byte : bits) {
        id += hex[byte >> 4];
        id += hex[byte & 0xF];
    }
    return id;
}

} // namespace podscope
