// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/session/posix_file.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A file of lines to which one process appends while others read. A whole line never changes, so
// a reader first finds out where the last whole line ends, and never looks further: what lies
// behind may be cut off and replaced under its eyes. (But for a last line whose sync failed, which
// was never acknowledged: that is cut off too, and who reads it just then may find it cut short or
// another one there.)
namespace podscope::session_detail {

inline constexpr std::size_t read_ahead = 64UL * 1024;

/// Where the last whole line among the first `size` bytes ends; 0 if there is none. One with a NUL
/// in it is not whole: no line is written with one, and a loss of power leaves some where a part of
/// what was written last is missing. Costs the length of that line and of what follows it.
[[nodiscard]] inline result<std::uint64_t>
whole_lines_end(int fd, std::uint64_t size, const std::string& path) {
    std::array<char, 4096> piece{};
    std::uint64_t found = 0; // where a line ends of which no NUL was met yet
    for (auto end = size; end > 0;) {
        const auto start = end - std::min<std::uint64_t>(end, piece.size());
        auto got = read_at(fd, start, piece.data(), static_cast<std::size_t>(end - start), path);
        if (!got) {
            return fail(got);
        }
        for (std::string_view rest{piece.data(), *got}; !rest.empty();) {
            const auto newline = rest.rfind('\n');
            const auto line = newline == std::string_view::npos ? 0 : newline + 1;
            if (rest.find('\0', line) != std::string_view::npos) {
                found = 0;
            }
            if (newline == std::string_view::npos) {
                break;
            }
            if (found != 0) {
                return found;
            }
            found = start + line;
            rest = rest.substr(0, newline);
        }
        end = start;
    }
    return found;
}

/// How many lines end in a range of a file. Linear in its length, with a buffer of fixed size.
[[nodiscard]] inline result<std::uint64_t>
count_lines(int fd, std::uint64_t from, std::uint64_t to, const std::string& path) {
    std::vector<char> piece(read_ahead);
    std::uint64_t lines = 0;
    while (from < to) {
        const auto wanted = std::min<std::uint64_t>(piece.size(), to - from);
        auto got = read_at(fd, from, piece.data(), static_cast<std::size_t>(wanted), path);
        if (!got) {
            return fail(got);
        }
        if (*got == 0) {
            break;
        }
        lines += static_cast<std::uint64_t>(std::count(piece.data(), piece.data() + *got, '\n'));
        from += *got;
    }
    return lines;
}

/// Reads the lines of a file one after the other, from an offset at which one starts up to an
/// offset at which one ends. Holds one line and what was read ahead, however long the file is.
class line_reader {
public:
    /// `path` is for errors, and must outlive the reader. The greatest `max_line` is no limit.
    line_reader(int fd,
                std::uint64_t end,
                std::size_t max_line,
                const std::string& path,
                std::uint64_t start = 0)
        : fd_{fd},
          start_{start},
          end_{end},
          max_line_{std::min(max_line, std::numeric_limits<std::size_t>::max() - read_ahead)},
          path_{path},
          buffer_(read_ahead),
          offset_{start} {}

    /// The next line without its newline, valid until the next call; nothing at the end.
    [[nodiscard]] result<std::optional<std::string_view>> next() {
        for (std::size_t searched = 0;;) {
            if (const char* newline = find_newline(searched)) {
                const std::string_view line{buffer_.data() + first_,
                                            static_cast<std::size_t>(newline - buffer_.data()) -
                                                first_};
                if (line.size() >= max_line_) {
                    return too_long();
                }
                line_offset_ = next_offset();
                ++lines_;
                first_ += line.size() + 1;
                return line;
            }
            searched = last_ - first_;
            if (searched >= max_line_) {
                return too_long();
            }
            auto more = fill();
            if (!more) {
                return fail(more);
            }
            if (!*more) {
                return std::nullopt;
            }
        }
    }

    /// Passes over lines without a look at what they hold, and without a limit to their length.
    [[nodiscard]] result<void> skip(std::uint64_t lines) {
        while (lines != 0) {
            if (const char* newline = find_newline(0)) {
                first_ = static_cast<std::size_t>(newline - buffer_.data()) + 1;
                ++lines_;
                --lines;
                continue;
            }
            first_ = last_;
            auto more = fill();
            if (!more) {
                return fail(more);
            }
            if (!*more) {
                break;
            }
        }
        return {};
    }

    /// Of the line that `next` gave last, counted from 1. Linear in what stands before the offset
    /// that the reader began at. Errors: `io`.
    [[nodiscard]] result<std::uint64_t> line_number() const {
        auto before = count_lines(fd_, 0, start_, path_);
        return before ? result<std::uint64_t>{*before + lines_} : std::move(before);
    }

    /// Where the next line starts, in bytes from the start of the file.
    [[nodiscard]] std::uint64_t next_offset() const noexcept { return offset_ - (last_ - first_); }

    /// Of the line that `next` gave last, in bytes from the start of the file.
    [[nodiscard]] std::uint64_t line_offset() const noexcept { return line_offset_; }

private:
    [[nodiscard]] const char* find_newline(std::size_t searched) const noexcept {
        return static_cast<const char*>(
            std::memchr(buffer_.data() + first_ + searched, '\n', last_ - first_ - searched));
    }

    /// Reads on; false at the end.
    [[nodiscard]] result<bool> fill() {
        if (first_ != 0) {
            std::copy(buffer_.data() + first_, buffer_.data() + last_, buffer_.data());
            last_ -= std::exchange(first_, 0);
        }
        if (last_ == buffer_.size()) {
            buffer_.resize(std::min(2 * buffer_.size(), max_line_ + read_ahead));
        }
        const auto wanted = std::min<std::uint64_t>(buffer_.size() - last_, end_ - offset_);
        auto got =
            read_at(fd_, offset_, buffer_.data() + last_, static_cast<std::size_t>(wanted), path_);
        if (!got) {
            return fail(got);
        }
        last_ += *got;
        offset_ += *got;
        return *got != 0;
    }

    [[nodiscard]] failure too_long() const {
        auto before = line_number();
        if (!before) {
            return fail(before);
        }
        return fail({.category = errc::corrupt,
                     .message = "line " + std::to_string(*before + 1) +
                                " of the session file is longer than the " +
                                std::to_string(max_line_) +
                                " bytes that are allowed: raise max_line if it is meant to be",
                     .path = path_,
                     .offset = next_offset(),
                     .position = text_position{*before + 1, 1}});
    }

    int fd_;
    std::uint64_t start_;
    std::uint64_t end_;
    std::size_t max_line_;
    const std::string& path_;
    std::vector<char> buffer_;
    std::size_t first_{}; // what was read and not yet given is buffer_[first_, last_)
    std::size_t last_{};
    std::uint64_t offset_{}; // how much of the file was read
    std::uint64_t line_offset_{};
    std::uint64_t lines_{}; // how many were given or passed over
};

} // namespace podscope::session_detail
