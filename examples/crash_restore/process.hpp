// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/channel.hpp"
#include "../shared/system_error.hpp"
#include "assignment.hpp"

#include <podscope/result.hpp>

#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace demo {

enum class liveness : std::uint8_t { alive, stopped, dead };

[[nodiscard]] constexpr std::string_view to_string(liveness state) noexcept {
    switch (state) {
    case liveness::alive: return "alive";
    case liveness::stopped: return "stopped";
    case liveness::dead: return "dead";
    }
    return "unknown";
}

/// A process that the demo has started: this program again, with an assignment. It dies with the
/// demo, however that ends.
class process {
public:
    [[nodiscard]] static podscope::result<process> start(std::string pod, assignment given) {
        auto ends = channel::open();
        if (!ends) {
            return podscope::fail(ends);
        }
        auto& [mine, theirs] = *ends;
        given.line = theirs.descriptor();
        auto arguments = given.arguments();
        std::string program{"crash_restore"};
        std::vector<char*> argv{program.data()};
        for (auto& argument : arguments) {
            argv.push_back(argument.data());
        }
        argv.push_back(nullptr);
        const pid_t demo = ::getpid();
        const pid_t pid = ::fork();
        if (pid < 0) {
            return system_said_no("cannot start a process");
        }
        if (pid == 0) {
            become(argv, theirs.descriptor(), demo);
        }
        process started;
        started.pod_ = std::move(pod);
        started.label_ = std::move(given.label);
        started.pid_ = pid;
        started.line_ = std::move(mine);
        return started;
    }

    [[nodiscard]] const std::string& pod() const noexcept { return pod_; }

    [[nodiscard]] const std::string& label() const noexcept { return label_; }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    [[nodiscard]] const channel& line() const noexcept { return line_; }

    /// As of the last look.
    [[nodiscard]] liveness state() const noexcept { return state_; }

    /// Whether it ended by itself, with status 0.
    [[nodiscard]] bool ended_well() const noexcept {
        return state_ == liveness::dead && WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
    }

    /// Takes in how the process has changed, without waiting.
    liveness look() noexcept {
        int status = 0;
        while (state_ != liveness::dead &&
               ::waitpid(pid_, &status, WNOHANG | WUNTRACED | WCONTINUED) == pid_) {
            status_ = status;
            state_ = WIFSTOPPED(status)     ? liveness::stopped
                     : WIFCONTINUED(status) ? liveness::alive
                                            : liveness::dead;
        }
        return state_;
    }

    void send(int signal) const noexcept {
        if (state_ != liveness::dead) { // a pid that was waited for may be another process's
            ::kill(pid_, signal);
        }
    }

    void kill_and_wait() noexcept {
        if (state_ != liveness::dead) {
            ::kill(pid_, SIGKILL);
            while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {}
            state_ = liveness::dead;
        }
    }

    /// Lets go of the line, on which the process ends.
    void hang_up() noexcept { line_ = channel{}; }

private:
    process() = default;

    // In the forked copy, where only what is safe in a signal handler may be called.
    [[noreturn]] static void become(const std::vector<char*>& argv, int line, pid_t demo) noexcept {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != demo) {
            ::_exit(127); // it died before that was set
        }
        // A Ctrl-C reaches the whole group: the demo alone decides what ends when.
        ::signal(SIGINT, SIG_IGN);
        ::signal(SIGHUP, SIG_IGN);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::fcntl(line, F_SETFD, 0);
        ::execv("/proc/self/exe", argv.data());
        ::_exit(127);
    }

    std::string pod_{};
    std::string label_{};
    pid_t pid_{-1};
    channel line_{};
    liveness state_{liveness::alive};
    int status_{};
};

} // namespace demo
