// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/crc32c.hpp>
#include <podscope/backend/file_window.hpp>
#include <podscope/backend/journal_format.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace podscope::backend_detail {

/// A frame whose sums are right.
struct whole_frame {
    frame_header header{};
    std::string_view payload{}; ///< valid until the window is used again

    [[nodiscard]] std::size_t size() const noexcept { return frame_header::size + payload.size(); }
};

/// Reads the frame at an offset of the file with that id: nothing if what stands there, up to the
/// window's end, is no whole one. Answers the `errno` of a failed read.
template <class Files>
[[nodiscard]] int read_frame(file_window<Files>& window,
                             std::uint64_t offset,
                             std::uint64_t file,
                             std::optional<whole_frame>& found) {
    found.reset();
    std::string_view bytes;
    if (const int code = window.view(offset, frame_header::size, bytes); code != 0) {
        return code;
    }
    const auto header = decode_frame_header(bytes, file);
    if (!header || header->length > window.end() - offset - frame_header::size) {
        return 0;
    }
    if (const int code = window.view(offset, frame_header::size + header->length, bytes);
        code != 0) {
        return code;
    }
    const auto payload = bytes.substr(frame_header::size);
    if (crc32c(payload) == header->payload_crc) {
        found = whole_frame{*header, payload};
    }
    return 0;
}

/// What stands behind the last whole frame of a file.
struct file_tail {
    bool is_all_zeros = true;
    bool is_damage = false; ///< the head of a frame there proves that more was there before it
};

/// What may have befallen a file since it was written to. Who has had it open since before then
/// knows of no loss of power, which he would not have lived through.
enum class since_written : bool { no_loss_of_power, anything };

/// Looks at all from `end` to the window's end. `sequence` is that of the last whole frame. Answers
/// the `errno` of a failed read.
template <class Files>
[[nodiscard]] int read_tail(file_window<Files>& window,
                            std::uint64_t end,
                            std::uint64_t file,
                            std::uint64_t sequence,
                            since_written past,
                            file_tail& found) {
    constexpr std::size_t step = 4096;
    for (std::uint64_t at = end; at < window.end() && !found.is_damage; at += step) {
        std::string_view bytes;
        if (const int code = window.view(at, step + frame_header::size - 1, bytes); code != 0) {
            return code;
        }
        found.is_all_zeros =
            found.is_all_zeros && bytes.find_first_not_of('\0') == std::string_view::npos;
        for (std::size_t i = bytes.find(frame_header::magic, at == end ? 1 : 0); i < step;
             i = bytes.find(frame_header::magic, i + 1)) {
            const auto later = decode_frame_header(bytes.substr(i), file);
            const auto last_there = [&] {
                return past == since_written::anything ? later->synced_to() : later->sequence;
            };
            found.is_damage = found.is_damage || (later && last_there() > sequence);
        }
    }
    return 0;
}

} // namespace podscope::backend_detail
