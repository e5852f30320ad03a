// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <utility>

#include <unistd.h>

namespace podscope::os_detail {

/// Owns a descriptor, or none. Every descriptor of the library is opened close-on-exec.
class file_descriptor {
public:
    file_descriptor() = default;

    explicit file_descriptor(int owned) noexcept : fd_{owned} {}

    file_descriptor(file_descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

    file_descriptor& operator=(file_descriptor&& other) noexcept {
        file_descriptor old{std::exchange(fd_, std::exchange(other.fd_, -1))};
        return *this;
    }

    ~file_descriptor() {
        if (fd_ >= 0) {
            // Not again after EINTR: Linux has closed it by then.
            ::close(fd_);
        }
    }

    [[nodiscard]] int get() const noexcept { return fd_; }

    /// Gives it to the caller, who closes it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// Makes a system call again for as long as a signal cuts it short.
template <class Call>
[[nodiscard]] auto uninterrupted(Call call) noexcept {
    auto answer = call();
    while (answer == -1 && errno == EINTR) {
        answer = call();
    }
    return answer;
}

} // namespace podscope::os_detail
