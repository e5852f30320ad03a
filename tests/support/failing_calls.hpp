// SPDX-License-Identifier: BSL-1.0
// System calls that fail: whatever a deed asks of the kernel, each call in turn, by ptrace(2).
#pragma once

#include "support/catch.hpp"
#include "support/effort.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podscope_test {

/// How a call fails, or nothing if it is none that does.
using call_failure = std::optional<int>;

#if defined(__x86_64__)

/// A sanitizer finds out by a write to a pipe whether memory can be read, and has to be told the
/// truth.
[[nodiscard]] constexpr call_failure failing_write(int code) noexcept {
    return is_sanitised ? call_failure{} : call_failure{code};
}

/// For want of descriptors, of memory or of a right, or because a device is broken. What belongs to
/// the allocator, to threads and to the locks of a database (fcntl) is left alone, and so is what
/// gives something back.
[[nodiscard]] inline call_failure for_want(std::uint64_t number, const std::uint64_t* arguments) {
    constexpr std::uint64_t unlock = 8; // LOCK_UN
    switch (number) {
    case SYS_openat:
    case SYS_openat2:
    case SYS_socket:
    case SYS_accept4:
    case SYS_epoll_create1:
    case SYS_timerfd_create:
    case SYS_eventfd2:
    case SYS_pidfd_open:
    case SYS_memfd_create: return EMFILE;
    case SYS_mmap: return static_cast<int>(arguments[4]) < 0 ? call_failure{} : ENOMEM;
    case SYS_poll:
    case SYS_ppoll:
    case SYS_epoll_ctl: return ENOMEM;
    case SYS_kill:
    case SYS_pidfd_send_signal:
    case SYS_prctl:
    case SYS_landlock_restrict_self: return EPERM;
    case SYS_connect:
    case SYS_bind:
    case SYS_listen:
    case SYS_getsockopt:
    case SYS_setsockopt:
    case SYS_sendto:
    case SYS_recvfrom: return ENOBUFS;
    case SYS_flock: return arguments[1] == unlock ? call_failure{} : ENOLCK;
    case SYS_stat:
    case SYS_fstat:
    case SYS_lstat:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_fstatfs:
    case SYS_getcwd:
    case SYS_read:
    case SYS_pread64:
    case SYS_pwrite64:
    case SYS_getdents64:
    case SYS_readlink:
    case SYS_readlinkat:
    case SYS_lseek:
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_syncfs:
    case SYS_ftruncate:
    case SYS_fallocate:
    case SYS_fchmod:
    case SYS_fchmodat:
    case SYS_mkdir:
    case SYS_mkdirat:
    case SYS_rename:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_link:
    case SYS_linkat:
    case SYS_unlink:
    case SYS_unlinkat:
    case SYS_prlimit64:
    case SYS_timerfd_settime:
    case SYS_landlock_create_ruleset:
    case SYS_landlock_add_rule: return EIO;
    case SYS_write: return failing_write(EIO);
    default: return std::nullopt;
    }
}

/// By a signal that has come, which is to be no matter.
[[nodiscard]] inline call_failure by_signal(std::uint64_t number, const std::uint64_t* arguments) {
    constexpr std::uint64_t wait_for_lock = 7; // F_SETLKW
    switch (number) {
    case SYS_write: return failing_write(EINTR);
    case SYS_read:
    case SYS_accept4:
    case SYS_recvfrom:
    case SYS_sendto:
    case SYS_poll:
    case SYS_ppoll:
    case SYS_epoll_wait:
    case SYS_flock: return EINTR;
    case SYS_fcntl: return arguments[1] == wait_for_lock ? call_failure{EINTR} : std::nullopt;
    default: return std::nullopt;
    }
}

#else

[[nodiscard]] inline call_failure for_want(std::uint64_t, const std::uint64_t*) {
    return std::nullopt;
}

[[nodiscard]] inline call_failure by_signal(std::uint64_t, const std::uint64_t*) {
    return std::nullopt;
}

#endif

/// Whether a process may trace another one that it has forked, and calls can be made to fail here.
[[nodiscard]] inline bool can_fail_calls() {
#if defined(__x86_64__)
    const auto pid = ::fork();
    if (pid == 0) {
        ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
    }
    int ended = 1;
    while (pid > 0 && ::waitpid(pid, &ended, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(ended) && WEXITSTATUS(ended) == 0;
#else
    return false;
#endif
}

/// What the deed does not do is not watched: a forked process calls this before and after it.
inline void mark_deed() {
    (void)::getsid(0);
}

/// Runs a deed in a process of its own. The call of that number, counted from 0 over those of its
/// first thread that `fails` names, fails and has no effect.
/// @param deed gives the exit code, and calls mark_deed twice
/// @return whether there was such a call; `ended` is what waitpid says of the process
template <class Fails, class Deed>
[[nodiscard]] bool run_with_failure(std::size_t which, Fails fails, Deed& deed, int& ended) {
    const auto pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::raise(SIGSTOP);
        int code = 99;
        try {
            code = deed();
        } catch (...) {}
        ::_exit(code);
    }
    REQUIRE(pid > 0);
    const auto wait = [&] {
        while (::waitpid(pid, &ended, 0) < 0 && errno == EINTR) {}
        return WIFSTOPPED(ended);
    };
    bool reached = false;
#if defined(__x86_64__)
    std::size_t marks = 0;
    std::size_t calls = 0;
    bool is_inside = false; // of a call
    REQUIRE(wait());
    ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    for (int signal = 0; ::ptrace(PTRACE_SYSCALL, pid, nullptr, signal) == 0 && wait();) {
        const int why = WSTOPSIG(ended);
        signal = 0;
        if (why != (SIGTRAP | 0x80)) {
            signal = why;
            continue;
        }
        is_inside = !is_inside;
        if (!is_inside || reached) {
            continue;
        }
        user_regs_struct state{};
        ::ptrace(PTRACE_GETREGS, pid, nullptr, &state);
        marks += state.orig_rax == SYS_getsid ? 1 : 0;
        const std::uint64_t arguments[]{state.rdi, state.rsi, state.rdx, state.r10, state.r8};
        const auto failure = marks == 1 ? fails(state.orig_rax, arguments) : call_failure{};
        if (!failure || calls++ != which) {
            continue;
        }
        reached = true;
        state.orig_rax = ~std::uint64_t{0};
        ::ptrace(PTRACE_SETREGS, pid, nullptr, &state);
        ::ptrace(PTRACE_SYSCALL, pid, nullptr, 0);
        if (!wait()) {
            break;
        }
        is_inside = false;
        ::ptrace(PTRACE_GETREGS, pid, nullptr, &state);
        state.rax = static_cast<std::uint64_t>(-static_cast<std::int64_t>(*failure));
        ::ptrace(PTRACE_SETREGS, pid, nullptr, &state);
        // Nothing is to be seen any more.
        ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
        (void)wait();
        break;
    }
#else
    (void)which, (void)fails;
    ::kill(pid, SIGKILL);
    (void)wait();
#endif
    return reached;
}

/// Runs a deed so often that each call has failed once.
/// @param judge is told how each ended, as waitpid says
/// @return how many calls have failed
template <class Fails, class Deed, class Judge>
std::size_t fail_each_call(Fails fails, Deed deed, Judge judge) {
    for (std::size_t which = 0;; ++which) {
        int ended = 0;
        const bool reached = run_with_failure(which, fails, deed, ended);
        CAPTURE(which, ended);
        REQUIRE(WIFEXITED(ended));
        judge(WEXITSTATUS(ended));
        if (!reached) {
            return which;
        }
    }
}

/// The same of a deed that judges itself, and gives 0 for sound.
template <class Fails, class Deed>
std::size_t fail_each_call(Fails fails, Deed deed) {
    return fail_each_call(fails, std::move(deed), [](int code) { REQUIRE(code == 0); });
}

} // namespace podscope_test

/// Skips a test where nobody can be traced, or nobody knows how.
#define PODSCOPE_NEEDS_PTRACE()                                                                    \
    do {                                                                                           \
        if (!podscope_test::can_fail_calls()) {                                                    \
            PODSCOPE_SKIP("system calls can be made to fail on x86-64, where ptrace may be used"); \
        }                                                                                          \
    } while (false)
