// SPDX-License-Identifier: BSL-1.0
// What the program takes from the heap.
#pragma once

#include <cstddef>
#include <cstdint>

namespace podscope_bench {

/// How often `operator new` was called in this program.
[[nodiscard]] std::uint64_t allocations() noexcept;

/// Bytes of the heap that are in use now, the allocator's own included.
[[nodiscard]] std::size_t heap_in_use() noexcept;

} // namespace podscope_bench
