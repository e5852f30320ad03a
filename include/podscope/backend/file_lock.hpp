// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/backend/private_descriptor.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <fcntl.h>

namespace podscope::backend_detail {

using lock_deadline = std::chrono::steady_clock::time_point;

/// Holds the lock of a file against every other descriptor of it, in this process or another.
///
/// An open file description lock (fcntl(2), F_OFD_SETLK): unlike a record lock it is not lost when
/// some other descriptor of the file is closed, and unlike flock it is no lock of another kind on
/// NFS. The kernel frees it when its holder dies, whatever the way.
class file_lock {
public:
    file_lock() = default;

    file_lock(file_lock&& other) noexcept : held_{std::exchange(other.held_, nullptr)} {}

    // A forked copy has no descriptor any more, and so releases nothing.
    ~file_lock() {
        if (held_ != nullptr) {
            (void)set(*held_, F_UNLCK);
        }
    }

    /// Waits for the lock until the deadline, and tries at least once. Answers 0, ETIMEDOUT, or the
    /// `errno` of what went wrong. There is no waiting with a deadline in the kernel, so it is
    /// asked again after pauses that grow from 20 us to 2 ms.
    [[nodiscard]] int acquire(const private_descriptor& file, lock_deadline until) noexcept {
        using namespace std::chrono_literals;
        constexpr std::chrono::microseconds longest = 2ms;
        for (std::chrono::microseconds pause = 20us;; pause = std::min(2 * pause, longest)) {
            const int code = set(file, F_WRLCK);
            if (code == 0) {
                held_ = &file;
                return 0;
            }
            if (code != EAGAIN && code != EACCES) {
                return code;
            }
            if (std::chrono::steady_clock::now() >= until) {
                return ETIMEDOUT;
            }
            std::this_thread::sleep_for(pause);
        }
    }

private:
    [[nodiscard]] static int set(const private_descriptor& file, short type) noexcept {
        struct flock whole{};
        whole.l_type = type;
        whole.l_whence = SEEK_SET;
        return uninterrupted([&] { return ::fcntl(file.get(), F_OFD_SETLK, &whole); }) == 0 ? 0
                                                                                            : errno;
    }

    const private_descriptor* held_ = nullptr;
};

} // namespace podscope::backend_detail
