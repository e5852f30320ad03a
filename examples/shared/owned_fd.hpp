// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <utility>

#include <unistd.h>

namespace demo {

/// A file descriptor that is closed with its owner.
class owned_fd {
public:
    owned_fd() = default;

    explicit owned_fd(int fd) noexcept : fd_{fd} {}

    owned_fd(owned_fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

    owned_fd& operator=(owned_fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    ~owned_fd() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }

    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_{-1};
};

} // namespace demo
