// SPDX-License-Identifier: BSL-1.0
// Memory that runs out when a test says so. To be included by one file of an executable only: it
// replaces the global operator new. Clang's thread sanitizer brings one of its own that cannot be
// replaced: there PODSCOPE_TEST_KEEPS_OPERATOR_NEW is defined, and such tests are left out.
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PODSCOPE_TEST_KEEPS_OPERATOR_NEW
#endif
#endif

#ifndef PODSCOPE_TEST_KEEPS_OPERATOR_NEW

#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>

namespace podscope_test {

// Of this thread, since others, and Catch2, allocate too.
inline thread_local std::size_t allocations = 0;
inline thread_local std::optional<std::size_t> allocations_left;

inline void* allocate_unless_scarce(std::size_t size) noexcept {
    if (allocations_left) {
        if (*allocations_left == 0) {
            return nullptr;
        }
        --*allocations_left;
    }
    ++allocations;
    return std::malloc(size == 0 ? 1 : size);
}

/// Lets so many allocations of this thread succeed, and no more, while it lives.
struct scarcity {
    explicit scarcity(std::size_t room) { allocations_left = room; }

    scarcity(const scarcity&) = delete;
    scarcity& operator=(const scarcity&) = delete;

    ~scarcity() { allocations_left.reset(); }
};

/// Runs an operation with the first allocation failing, then the second, and so on until none does:
/// `operation(room)` says whether it succeeded. Returns how many runs did not.
template <class Operation>
std::size_t with_each_allocation_failing(Operation operation) {
    std::size_t failures = 0;
    while (!operation(failures)) {
        ++failures;
    }
    return failures;
}

/// How many allocations a function makes.
template <class F>
std::size_t allocations_of(F&& f) {
    const auto before = allocations;
    f();
    return allocations - before;
}

} // namespace podscope_test

// Not inlined, since GCC takes a malloc in sight of a delete for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return podscope_test::allocate_unless_scarce(size);
}

[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return podscope_test::allocate_unless_scarce(size);
}

[[gnu::noinline]] void* operator new(std::size_t size) {
    if (void* memory = podscope_test::allocate_unless_scarce(size)) {
        return memory;
    }
    throw std::bad_alloc{};
}

[[gnu::noinline]] void* operator new[](std::size_t size) {
    return operator new(size);
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}

[[gnu::noinline]] void operator delete[](void* memory) noexcept {
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept {
    std::free(memory);
}

#endif
