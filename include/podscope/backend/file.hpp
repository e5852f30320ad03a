// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/// The system calls of a store that lives in files. Each is retried when a signal interrupts it,
/// goes on after a short read or write, and answers 0 or the `errno` of its failure, so that a
/// caller can undo before it allocates a message.
namespace podscope::backend_detail {

using os_detail::file_descriptor;
using os_detail::uninterrupted;

[[nodiscard]] inline int
open_at(int folder, const char* name, int flags, file_descriptor& opened) noexcept {
    constexpr mode_t owner_only = S_IRUSR | S_IWUSR;
    const int fd =
        uninterrupted([&] { return ::openat(folder, name, flags | O_CLOEXEC, owner_only); });
    if (fd == -1) {
        return errno;
    }
    opened = file_descriptor{fd};
    return 0;
}

[[nodiscard]] inline int write_at(int fd, std::string_view bytes, std::uint64_t offset) noexcept {
    while (!bytes.empty()) {
        const ssize_t written = uninterrupted(
            [&] { return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
        if (written <= 0) {
            return written == 0 ? EIO : errno;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return 0;
}

/// Fills `to[0..size)`. A file that ends before is an I/O error: callers ask the size first.
[[nodiscard]] inline int
read_at(int fd, char* to, std::size_t size, std::uint64_t offset) noexcept {
    while (size != 0) {
        const ssize_t got =
            uninterrupted([&] { return ::pread(fd, to, size, static_cast<off_t>(offset)); });
        if (got <= 0) {
            return got == 0 ? EIO : errno;
        }
        to += got;
        size -= static_cast<std::size_t>(got);
        offset += static_cast<std::uint64_t>(got);
    }
    return 0;
}

[[nodiscard]] inline int cut_at(int fd, std::uint64_t size) noexcept {
    const int answer = uninterrupted([&] { return ::ftruncate(fd, static_cast<off_t>(size)); });
    return answer == 0 ? 0 : errno;
}

[[nodiscard]] inline int sync_data(int fd) noexcept {
    return uninterrupted([&] { return ::fdatasync(fd); }) == 0 ? 0 : errno;
}

/// With the metadata, or of a folder: its entries.
[[nodiscard]] inline int sync_all(int fd) noexcept {
    return uninterrupted([&] { return ::fsync(fd); }) == 0 ? 0 : errno;
}

[[nodiscard]] inline int status_of(int fd, struct stat& status) noexcept {
    return ::fstat(fd, &status) == 0 ? 0 : errno;
}

/// "cannot <what>", with the file and what the system answered.
[[nodiscard]] inline failure
system_failure(std::string_view what, std::string_view path, int code) {
    return fail({.category = errc::io,
                 .message = "cannot " + std::string{what} + " " + std::string{path},
                 .path = std::string{path},
                 .system = std::error_code{code, std::generic_category()}});
}

} // namespace podscope::backend_detail
