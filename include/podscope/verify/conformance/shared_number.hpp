// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>
#include <new>
#include <stdexcept>

#include <sys/mman.h>

namespace podscope::verify::conformance {

/// A number that forked processes share.
class shared_number {
public:
    shared_number() {
        void* const memory = ::mmap(nullptr, sizeof(number), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            throw std::runtime_error{"no shared memory"};
        }
        value_ = ::new (memory) number{0};
    }

    shared_number(const shared_number&) = delete;
    shared_number& operator=(const shared_number&) = delete;

    ~shared_number() { ::munmap(value_, sizeof(number)); }

    [[nodiscard]] std::atomic<std::int64_t>& operator*() const noexcept { return *value_; }

private:
    using number = std::atomic<std::int64_t>;

    number* value_;
};

} // namespace podscope::verify::conformance
