// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>
#include <new>
#include <stdexcept>

#include <sys/mman.h>

namespace podscope::verify::conformance {

/// An object that forked processes share. None of them destroys it.
template <class T>
class shared_value {
public:
    shared_value() {
        void* const memory =
            ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            throw std::runtime_error{"no shared memory"};
        }
        value_ = ::new (memory) T{};
    }

    shared_value(const shared_value&) = delete;
    shared_value& operator=(const shared_value&) = delete;

    ~shared_value() { ::munmap(value_, sizeof(T)); }

    [[nodiscard]] T& operator*() const noexcept { return *value_; }

    [[nodiscard]] T* operator->() const noexcept { return value_; }

private:
    T* value_;
};

using shared_number = shared_value<std::atomic<std::int64_t>>;

} // namespace podscope::verify::conformance
