// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/session/posix_file.hpp>
#include <podscope/session/segment_format.hpp>
#include <podscope/session/segment_lines.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// How an entry is found without a look at all those before it. Each line says which entry it is, so
// the file is its own index: there is none beside it that could be stale, torn or lost.
namespace podscope::session_detail {

/// An entry, and where its line starts.
struct entry_place {
    std::uint64_t entry{};
    std::uint64_t offset{};
};

/// Which entry the line at an offset says that it is; nothing if it does not begin as one does that
/// was appended. A read of some bytes.
[[nodiscard]] inline result<std::optional<std::uint64_t>>
entry_at(int fd, std::uint64_t offset, std::uint64_t end, const std::string& path) {
    std::array<char, longest_entry_start> start{};
    const auto size = std::min<std::uint64_t>(start.size(), end - offset);
    auto got = read_at(fd, offset, start.data(), static_cast<std::size_t>(size), path);
    if (!got) {
        return fail(got);
    }
    return entry_of(std::string_view{start.data(), *got});
}

/// Where the line after the one at an offset starts; `end` if there is none.
[[nodiscard]] inline result<std::uint64_t>
next_line_start(int fd, std::uint64_t offset, std::uint64_t end, const std::string& path) {
    std::array<char, 4096> piece{};
    while (offset < end) {
        const auto size = std::min<std::uint64_t>(piece.size(), end - offset);
        auto got = read_at(fd, offset, piece.data(), static_cast<std::size_t>(size), path);
        if (!got) {
            return fail(got);
        }
        const auto newline = std::string_view{piece.data(), *got}.find('\n');
        if (newline != std::string_view::npos) {
            return offset + newline + 1;
        }
        if (*got == 0) {
            break;
        }
        offset += *got;
    }
    return end;
}

/// Bisects the lines between two offsets for a place to read on from: a line that says that it is
/// the wanted entry or one before it, with no more than `read_ahead` bytes from there to the wanted
/// one. `first` must be the place of an entry that is not behind it, before `end`.
///
/// A hint and no more: lines may lie, and the bisection ends at one that does not say what it is.
/// Whoever reads on has to see whether he comes to where he wanted to be.
///
/// For each halving of the distance, reads a small piece and from there to the end of a line.
/// Errors: `io`.
[[nodiscard]] inline result<entry_place> place_near(
    int fd, entry_place first, std::uint64_t end, std::uint64_t wanted, const std::string& path) {
    for (auto limit = end; limit - first.offset > read_ahead;) {
        const auto middle = first.offset + (limit - first.offset) / 2;
        auto start = next_line_start(fd, middle, end, path);
        if (!start) {
            return fail(start);
        }
        if (*start >= limit) {
            limit = middle;
            continue;
        }
        auto entry = entry_at(fd, *start, end, path);
        if (!entry) {
            return fail(entry);
        }
        if (!*entry) {
            break;
        }
        if (**entry > wanted) {
            limit = middle;
        } else {
            first = {.entry = **entry, .offset = *start};
        }
    }
    return first;
}

/// Where the line of an entry must start: behind the one that says that it is the entry before,
/// whether or not there is such an entry. Nothing if that one is not where the bisection leads, or
/// if that would not save a read; then only counting lines from the start tells.
///
/// `first` is where entry 0 starts. Logarithmic in the distance to `end` where lines are as they
/// were appended, linear at most. Errors: `io`.
[[nodiscard]] inline result<std::optional<std::uint64_t>> find_entry(
    int fd, entry_place first, std::uint64_t end, std::uint64_t wanted, const std::string& path) {
    if (wanted == 0 || end - first.offset <= read_ahead) {
        return std::nullopt;
    }
    const auto before = wanted - 1;
    auto near = place_near(fd, first, end, before, path);
    if (!near) {
        return fail(near);
    }
    line_reader lines{fd, end, read_ahead, path, near->offset};
    if (auto skipped = lines.skip(before - near->entry); !skipped) {
        return fail(skipped);
    }
    const auto offset = lines.next_offset();
    auto said = entry_at(fd, offset, end, path);
    if (!said) {
        return fail(said);
    }
    if (*said != before) {
        return std::nullopt;
    }
    return next_line_start(fd, offset, end, path);
}

} // namespace podscope::session_detail
