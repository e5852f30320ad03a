// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>

#include <pthread.h>

namespace podscope {

namespace fork_detail {

inline std::atomic<std::uint64_t> forks{0};

// A handler, and not the pid, since asking for the pid is a system call.
inline const int registered =
    ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });

} // namespace fork_detail

/// Tells a process from its forked copies: a stamp taken before a fork is no longer current in the
/// child. One load. Only forks through the C library count; a process made by a bare `clone` system
/// call keeps its parent's stamp.
class fork_stamp {
public:
    fork_stamp() noexcept : taken_{fork_detail::forks.load(std::memory_order_relaxed)} {}

    [[nodiscard]] bool is_current() const noexcept {
        return taken_ == fork_detail::forks.load(std::memory_order_relaxed);
    }

private:
    std::uint64_t taken_;
};

} // namespace podscope
