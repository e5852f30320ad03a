// SPDX-License-Identifier: BSL-1.0
// A forked child for tests that need a second process: one to kill, to stop, or to take system
// calls away from.
#pragma once

#include "support/catch.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podscope_test {

/// Runs a function in a forked child, which exits with what the function returns. The child can
/// tell numbers to its parent. Killed and reaped when this goes out of scope.
class telling_child {
public:
    /// The child's end of the line.
    class line {
    public:
        explicit line(int fd) noexcept : fd_{fd} {}

        void tell(std::uint64_t number) const {
            if (::write(fd_, &number, sizeof number) != static_cast<ssize_t>(sizeof number))
                ::_exit(98);
        }

    private:
        int fd_;
    };

    template <class F>
    explicit telling_child(F body) {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0)
            throw std::runtime_error{"no pipe"};
        pid_ = ::fork();
        if (pid_ < 0)
            throw std::runtime_error{"no process"};
        if (pid_ == 0) {
            ::close(ends[0]);
            int code = 99;
            try {
                code = body(line{ends[1]});
            } catch (...) {}
            ::_exit(code);
        }
        ::close(ends[1]);
        from_child_ = ends[0];
    }

    telling_child(const telling_child&) = delete;
    telling_child& operator=(const telling_child&) = delete;

    ~telling_child() {
        kill();
        ::close(from_child_);
    }

    /// The next number that the child tells; nothing once it is gone and all it told was read.
    std::optional<std::uint64_t> next() {
        constexpr int patience_ms = 30'000;
        pollfd ready{from_child_, POLLIN, 0};
        if (::poll(&ready, 1, patience_ms) != 1)
            throw std::runtime_error{"the child says nothing"};
        std::uint64_t number{};
        const auto got = ::read(from_child_, &number, sizeof number);
        if (got == static_cast<ssize_t>(sizeof number))
            return number;
        return std::nullopt;
    }

    /// Stops the child, and waits until it stands still.
    void stop() {
        int status{};
        if (pid_ <= 0 || ::kill(pid_, SIGSTOP) != 0 ||
            ::waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status))
            throw std::runtime_error{"the child does not stop"};
    }

    /// Kills the child, and waits until it is gone. No change if it is: a signal to no process in
    /// particular is one to all.
    void kill() {
        if (pid_ <= 0)
            return;
        ::kill(pid_, SIGKILL);
        int status{};
        ::waitpid(std::exchange(pid_, -1), &status, 0);
    }

    /// Waits until the child is done; gives its exit code, or -1 if a signal ended it.
    int exit_code() {
        int status{};
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    pid_t pid_{};
    int from_child_{-1};
};

/// From now on the kernel answers a system call of this process with an error. There is no way
/// back: for children. False if the kernel does not let us.
inline bool let_system_call_fail(long number, int with) {
    constexpr auto statement = [](unsigned code, std::uint32_t k) {
        return sock_filter{static_cast<std::uint16_t>(code), 0, 0, k};
    };
    std::array<sock_filter, 4> filter{
        statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<std::uint32_t>(number)},
        statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(with)),
        statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

} // namespace podscope_test
