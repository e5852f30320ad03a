// SPDX-License-Identifier: BSL-1.0
#include "support/heap.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::atomic<std::uint64_t> count{0};

} // namespace

namespace podscope_bench {

std::uint64_t allocations() noexcept {
    return count.load(std::memory_order_relaxed);
}

std::size_t heap_in_use() noexcept {
    const struct mallinfo2 now = ::mallinfo2();
    return now.uordblks + now.hblkhd;
}

} // namespace podscope_bench

// The forms for arrays and those that do not throw come down to this one.
void* operator new(std::size_t size) {
    count.fetch_add(1, std::memory_order_relaxed);
    void* const memory = std::malloc(size != 0 ? size : 1);
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    return memory;
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
