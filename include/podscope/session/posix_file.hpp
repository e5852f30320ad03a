// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/os/flock_guard.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

namespace podscope::session_detail {

using os_detail::file_descriptor;
using os_detail::uninterrupted;

/// The error of a system call that has just failed.
[[nodiscard]] inline failure system_failure(std::string_view message, const std::string& path) {
    const std::error_code why{errno, std::generic_category()};
    return fail(
        {.category = errc::io, .message = std::string{message}, .path = path, .system = why});
}

[[nodiscard]] inline failure unsafe(std::string_view message, const std::string& path) {
    return fail({.category = errc::unsafe_file, .message = std::string{message}, .path = path});
}

/// Refuses what somebody else owns or may write.
[[nodiscard]] inline result<void> check_private(const struct stat& facts, const std::string& path) {
    if (facts.st_uid != ::geteuid()) {
        return unsafe("it belongs to another user: give it to the user who runs this program",
                      path);
    }
    if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return unsafe("others may write to it: take the right away with chmod go-w", path);
    }
    return {};
}

/// Reads up to `size` bytes from an offset on; fewer only where the file ends.
[[nodiscard]] inline result<std::size_t>
read_at(int fd, std::uint64_t offset, char* into, std::size_t size, const std::string& path) {
    std::size_t have = 0;
    while (have != size) {
        const auto got = uninterrupted([&] {
            return ::pread(fd, into + have, size - have, static_cast<off_t>(offset + have));
        });
        if (got < 0) {
            return system_failure("the session file cannot be read", path);
        }
        if (got == 0) {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    return have;
}

/// Writes all of a text at the end of a file that was opened to append.
[[nodiscard]] inline result<void>
write_all(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const auto done = uninterrupted([&] { return ::write(fd, text.data(), text.size()); });
        if (done < 0) {
            return system_failure("the session file cannot be written", path);
        }
        text.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
}

/// Keeps other descriptors of one file from appending to it.
[[nodiscard]] inline result<os_detail::flock_guard>
lock_to_append(int fd, std::chrono::milliseconds at_most, const std::string& path) {
    os_detail::flock_guard held;
    const int code = held.acquire(fd, at_most);
    if (code == ETIMEDOUT) {
        return fail({.category = errc::timeout,
                     .message = "another process is in the middle of an append to this segment and "
                                "does not finish it",
                     .path = path});
    }
    if (code != 0) {
        errno = code;
        return system_failure("the session file cannot be locked", path);
    }
    return held;
}

} // namespace podscope::session_detail
