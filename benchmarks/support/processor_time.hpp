// SPDX-License-Identifier: BSL-1.0
// How much of the processors a process has had.
#pragma once

#include <cerrno>
#include <chrono>
#include <system_error>

#include <sys/types.h>
#include <time.h>
#include <unistd.h>

namespace podscope_bench {

/// By all threads of a process so far.
inline std::chrono::nanoseconds processor_time(pid_t process = ::getpid()) {
    clockid_t clock{};
    timespec time{};
    if (const int failed = ::clock_getcpuclockid(process, &clock); failed != 0) {
        throw std::system_error{failed, std::generic_category(), "no clock of a process"};
    }
    if (::clock_gettime(clock, &time) != 0) {
        throw std::system_error{errno, std::generic_category(), "cannot read a process's clock"};
    }
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

} // namespace podscope_bench
