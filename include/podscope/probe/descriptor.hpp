// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <utility>

#include <unistd.h>

namespace podscope::probe_detail {

/// Owns a file descriptor, or none.
class descriptor {
public:
    descriptor() = default;

    explicit descriptor(int owned) noexcept : owned_{owned} {}

    descriptor(descriptor&& other) noexcept : owned_{std::exchange(other.owned_, -1)} {}

    descriptor& operator=(descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            owned_ = std::exchange(other.owned_, -1);
        }
        return *this;
    }

    ~descriptor() { reset(); }

    void reset() noexcept {
        if (owned_ >= 0) {
            ::close(std::exchange(owned_, -1));
        }
    }

    [[nodiscard]] int get() const noexcept { return owned_; }

    [[nodiscard]] explicit operator bool() const noexcept { return owned_ >= 0; }

private:
    int owned_{-1};
};

} // namespace podscope::probe_detail
