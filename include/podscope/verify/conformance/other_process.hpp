// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <limits>
#include <stdexcept>

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podscope::verify::conformance {

/// A forked child that runs a function and exits with the number that it returns. Parent and child
/// tell each other how far they are. Killed and reaped when this goes out of scope.
class other_process {
public:
    /// The child's side.
    class line {
    public:
        explicit line(int end) noexcept : end_{end} {}

        /// Ends the child if nobody is left to be told.
        void tell() const {
            if (!tell_by(end_)) {
                ::_exit(98);
            }
        }

        /// Waits for the parent to tell something, or to be gone.
        void wait() const { (void)is_told_by(end_); }

    private:
        int end_;
    };

    template <class F>
    explicit other_process(F body) {
        std::array<int, 2> ends{};
        // No program that a plug-in starts keeps one of them open.
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
            throw std::runtime_error{"no sockets"};
        }
        pid_ = ::fork();
        switch (pid_) {
        case -1:
            ::close(ends[0]);
            ::close(ends[1]);
            throw std::runtime_error{"no process"};
        case 0: ::close(ends[0]); ::_exit(code_of(body, line{ends[1]}));
        default: ::close(ends[1]); end_ = ends[0];
        }
    }

    other_process(const other_process&) = delete;
    other_process& operator=(const other_process&) = delete;

    ~other_process() {
        kill();
        ::close(end_);
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    void tell() const {
        if (!tell_by(end_)) {
            throw std::runtime_error{"the child is gone"};
        }
    }

    /// Waits until the child tells something. False if it went away instead.
    [[nodiscard]] bool wait(std::chrono::milliseconds patience = std::chrono::seconds{30}) const {
        constexpr std::chrono::milliseconds longest{std::numeric_limits<int>::max()};
        const auto at_most = static_cast<int>(std::min(patience, longest).count());
        pollfd ready{end_, POLLIN, 0};
        while (::poll(&ready, 1, at_most) < 0 && errno == EINTR) {}
        if (ready.revents == 0) {
            throw std::runtime_error{"the child says nothing"};
        }
        return is_told_by(end_);
    }

    void stop() { signal_and_wait(SIGSTOP, WUNTRACED); }

    void go_on() { signal_and_wait(SIGCONT, WCONTINUED); }

    /// No change if it is done: a signal to no process in particular is one to all.
    void kill() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            (void)exit_code();
        }
    }

    /// Waits until the child is done; its exit code, or -1 if a signal ended it.
    int exit_code() {
        const int status = status_after(0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    // One who is not there any more must not end this process by a signal.
    [[nodiscard]] static bool tell_by(int end) noexcept {
        return ::send(end, "+", 1, MSG_NOSIGNAL) == 1;
    }

    [[nodiscard]] static bool is_told_by(int end) noexcept {
        char told{};
        ssize_t got{};
        while ((got = ::read(end, &told, 1)) < 0 && errno == EINTR) {}
        return got == 1;
    }

    template <class F>
    [[nodiscard]] static int code_of(F& body, const line& parent) noexcept {
        try {
            return body(parent);
        } catch (...) {
            return 99;
        }
    }

    [[nodiscard]] int status_after(int change) const noexcept {
        int status{SIGKILL}; // where nobody is told how children end
        while (::waitpid(pid_, &status, change) < 0 && errno == EINTR) {}
        return status;
    }

    void signal_and_wait(int signal, int change) {
        if (pid_ > 0) {
            ::kill(pid_, signal);
            const int status = status_after(change);
            if (!WIFEXITED(status) && !WIFSIGNALED(status)) {
                return;
            }
            pid_ = -1;
        }
        throw std::runtime_error{"the child is gone"};
    }

    pid_t pid_{-1};
    int end_{-1};
};

} // namespace podscope::verify::conformance
