// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::session_detail {

/// Owns a file descriptor.
class descriptor {
public:
    descriptor() = default;

    explicit descriptor(int fd) noexcept : fd_{fd} {}

    descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    ~descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }

    [[nodiscard]] int get() const noexcept { return fd_; }

    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_{-1};
};

/// Makes a system call again for as long as a signal cuts it short.
template <class Call>
auto retried(Call call) noexcept {
    auto answer = call();
    while (answer == -1 && errno == EINTR) {
        answer = call();
    }
    return answer;
}

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
        const auto got = retried([&] {
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
        const auto done = retried([&] { return ::write(fd, text.data(), text.size()); });
        if (done < 0) {
            return system_failure("the session file cannot be written", path);
        }
        text.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
}

/// Makes the directory entry of a new file or folder durable.
[[nodiscard]] inline result<void> sync_folder(const std::string& path) {
    const descriptor folder{
        retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
    if (!folder || retried([&] { return ::fsync(folder.get()); }) != 0) {
        return system_failure("the folder cannot be made durable", path);
    }
    return {};
}

/// Keeps other descriptors of one file from appending to it. Given back when it goes out of scope,
/// also in copies of the descriptor that a fork has made meanwhile.
class append_lock {
public:
    [[nodiscard]] static result<append_lock>
    take(int fd, std::chrono::milliseconds at_most, const std::string& path) {
        // flock knows no deadline, so it is asked again and again. It is asked once when nobody is
        // in the way, which is the rule.
        const auto start = std::chrono::steady_clock::now();
        for (int pause_ms = 1; ::flock(fd, LOCK_EX | LOCK_NB) != 0;) {
            if (errno != EWOULDBLOCK && errno != EINTR) {
                return system_failure("the session file cannot be locked", path);
            }
            const auto waited = std::chrono::steady_clock::now() - start;
            if (std::chrono::duration_cast<std::chrono::milliseconds>(waited) >= at_most) {
                return fail({.category = errc::timeout,
                             .message = "another process is in the middle of an append to this "
                                        "segment and does not finish it",
                             .path = path});
            }
            ::poll(nullptr, 0, pause_ms);
            pause_ms = pause_ms < 16 ? pause_ms * 2 : pause_ms;
        }
        return append_lock{fd};
    }

    append_lock(append_lock&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

    append_lock& operator=(append_lock&&) = delete;

    ~append_lock() {
        if (fd_ >= 0) {
            ::flock(fd_, LOCK_UN);
        }
    }

private:
    explicit append_lock(int fd) noexcept : fd_{fd} {}

    int fd_;
};

} // namespace podscope::session_detail
