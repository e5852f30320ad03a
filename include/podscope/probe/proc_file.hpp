// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::probe_detail {

/// What the system said, as an error about a file.
[[nodiscard]] inline error system_error(int code, std::string message, std::string path) {
    return {.category = errc::io,
            .message = std::move(message),
            .path = std::move(path),
            .system = std::error_code{code, std::system_category()}};
}

/// The whole of a small file of /proc, at most 8 KiB of it.
[[nodiscard]] inline result<std::string> read_proc_file(std::string path) {
    const os_detail::file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) {
        return fail(system_error(errno, "cannot open a file of /proc", std::move(path)));
    }
    std::array<char, 8192> text;
    std::size_t length = 0;
    while (length < text.size()) {
        const auto got = ::read(file.get(), text.data() + length, text.size() - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(system_error(errno, "cannot read a file of /proc", std::move(path)));
        }
        if (got == 0) {
            break;
        }
        length += static_cast<std::size_t>(got);
    }
    return std::string(text.data(), length);
}

/// The inode behind a link of /proc/self/ns, which is the namespace's number.
[[nodiscard]] inline result<std::uint64_t> namespace_inode(const char* path) {
    struct stat facts{};

    if (::stat(path, &facts) != 0) {
        return fail(system_error(errno, "cannot look at a namespace of this process", path));
    }
    return static_cast<std::uint64_t>(facts.st_ino);
}

/// A whole text as a decimal number, or nothing.
template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text) noexcept {
    Number number{};
    const auto [end, failure_code] =
        std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure_code != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

/// Cuts the next word off the front of a text: empty once there is none.
[[nodiscard]] inline std::string_view next_word(std::string_view& text) noexcept {
    constexpr std::string_view blanks = " \t\n";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    const auto word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

/// The part of a text that follows the first line beginning with `label`, up to that line's end;
/// empty if there is no such line.
[[nodiscard]] inline std::string_view line_after(std::string_view text,
                                                 std::string_view label) noexcept {
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        if (line.starts_with(label)) {
            return line.substr(label.size());
        }
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return {};
}

} // namespace podscope::probe_detail
