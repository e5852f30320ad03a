// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/deadline_after.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <sys/file.h>

namespace podscope::os_detail {

/// Holds the flock(2) of an open file or folder while it lives.
///
/// For what takes a few system calls and may be told to fail: a lock that must not outlive its
/// holder in a fork is backend_detail::file_lock.
class flock_guard {
public:
    flock_guard() = default;

    flock_guard(flock_guard&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

    flock_guard& operator=(flock_guard&&) = delete;

    ~flock_guard() {
        // By name, not by closing: a copy forked at this moment shares the lock.
        if (fd_ >= 0) {
            ::flock(fd_, LOCK_UN);
        }
    }

    /// Takes the lock of `fd`, which stays open while this holds it. Waits no longer than told and
    /// tries at least once. Answers 0, ETIMEDOUT, or the `errno` of what went wrong. flock knows no
    /// deadline, so it is asked again after pauses that grow from 1 ms to 16 ms.
    [[nodiscard]] int acquire(int fd, std::chrono::milliseconds at_most) noexcept {
        using namespace std::chrono_literals;
        const auto until = deadline_after(at_most);
        for (auto pause = 1ms; ::flock(fd, LOCK_EX | LOCK_NB) != 0;
             pause = std::min(2 * pause, 16ms)) {
            if (errno != EWOULDBLOCK && errno != EINTR) {
                return errno;
            }
            if (std::chrono::steady_clock::now() >= until) {
                return ETIMEDOUT;
            }
            std::this_thread::sleep_for(pause);
        }
        fd_ = fd;
        return 0;
    }

private:
    int fd_ = -1;
};

} // namespace podscope::os_detail
