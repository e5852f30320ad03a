// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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
        line(int in, int out) noexcept : in_{in}, out_{out} {}

        void tell() const {
            if (::write(out_, "+", 1) != 1) {
                ::_exit(98);
            }
        }

        /// Waits for the parent to tell something, or to be gone.
        void wait() const {
            char told{};
            while (::read(in_, &told, 1) < 0 && errno == EINTR) {}
        }

    private:
        int in_;
        int out_;
    };

    template <class F>
    explicit other_process(F body) {
        std::array<int, 2> to_child{};
        std::array<int, 2> to_parent{};
        // No program that a plug-in starts keeps an end of one open.
        if (::pipe2(to_child.data(), O_CLOEXEC) != 0 || ::pipe2(to_parent.data(), O_CLOEXEC) != 0) {
            throw std::runtime_error{"no pipe"};
        }
        pid_ = ::fork();
        if (pid_ < 0) {
            throw std::runtime_error{"no process"};
        }
        if (pid_ == 0) {
            ::close(to_child[1]);
            ::close(to_parent[0]);
            int code = 99;
            try {
                code = body(line{to_child[0], to_parent[1]});
            } catch (...) {}
            ::_exit(code);
        }
        ::close(to_child[0]);
        ::close(to_parent[1]);
        out_ = to_child[1];
        in_ = to_parent[0];
    }

    other_process(const other_process&) = delete;
    other_process& operator=(const other_process&) = delete;

    ~other_process() {
        kill();
        ::close(in_);
        ::close(out_);
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    void tell() const {
        if (::write(out_, "+", 1) != 1) {
            throw std::runtime_error{"the child is gone"};
        }
    }

    /// Waits until the child tells something. False if it went away instead.
    [[nodiscard]] bool wait() const {
        constexpr int patience_ms = 30'000;
        pollfd ready{in_, POLLIN, 0};
        if (::poll(&ready, 1, patience_ms) != 1) {
            throw std::runtime_error{"the child says nothing"};
        }
        char told{};
        return ::read(in_, &told, 1) == 1;
    }

    void stop() const { signal_and_wait(SIGSTOP, WUNTRACED); }

    void go_on() const { signal_and_wait(SIGCONT, WCONTINUED); }

    /// No change if it is done: a signal to no process in particular is one to all.
    void kill() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            (void)exit_code();
        }
    }

    /// Waits until the child is done; its exit code, or -1 if a signal ended it.
    int exit_code() {
        int status{};
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    void signal_and_wait(int signal, int state) const {
        int status{};
        if (pid_ <= 0 || ::kill(pid_, signal) != 0 || ::waitpid(pid_, &status, state) != pid_ ||
            WIFEXITED(status) || WIFSIGNALED(status)) {
            throw std::runtime_error{"the child is gone"};
        }
    }

    pid_t pid_{-1};
    int in_{-1};
    int out_{-1};
};

} // namespace podscope::verify::conformance
