// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/patience.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/probe/concept.hpp>
#include <podscope/probe/this_process.hpp>
#include <podscope/process_identity.hpp>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

template <>
struct Catch::StringMaker<podscope::verdict> {
    static std::string convert(podscope::verdict v) { return std::string{to_string(v)}; }
};

namespace podscope_test {

using namespace std::chrono_literals;

/// What a test waits for in vain: long enough for whoever is asked to have had a fair part of it.
inline constexpr auto a_while = 1s;

inline podscope::deadline in(std::chrono::milliseconds time) {
    return std::chrono::steady_clock::now() + time;
}

/// What a process of a test says to the test.
class voice {
public:
    explicit voice(int pipe) : pipe_{pipe} {}

    void say(std::string text) const {
        text += '\n';
        if (::write(pipe_, text.data(), text.size()) < 0) {
            ::_exit(1);
        }
    }

    void say(const podscope::process_identity& who) const {
        say(who.boot.to_text() + ' ' + std::to_string(who.pid_namespace) + ' ' +
            std::to_string(who.pid) + ' ' + std::to_string(who.start_time));
    }

    void say(podscope::verdict v) const { say(std::string{to_string(v)}); }

private:
    int pipe_;
};

[[noreturn]] inline void hang() {
    for (;;) {
        ::pause();
    }
}

/// A process forked from the test that runs `body(voice)` and exits. It is killed and waited for
/// with this object, and with the test itself if that dies.
class child_process {
public:
    template <class Body>
    explicit child_process(Body body) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0 || (pid_ = ::fork()) < 0) {
            throw std::runtime_error{"no child process"};
        }
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(ends[0]);
            body(voice{ends[1]});
            ::_exit(0);
        }
        ::close(ends[1]);
        pipe_ = ends[0];
    }

    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    ~child_process() {
        kill_and_reap();
        ::close(pipe_);
    }

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// The next line that it says; empty if it ends or stays silent.
    [[nodiscard]] std::string line() const {
        std::string text;
        for (char c = 0;;) {
            pollfd readable{pipe_, POLLIN, 0};
            if (::poll(&readable, 1,
                       static_cast<int>(std::chrono::milliseconds{patience}.count())) <= 0 ||
                ::read(pipe_, &c, 1) != 1 || c == '\n') {
                return text;
            }
            text += c;
        }
    }

    [[nodiscard]] podscope::process_identity identity() const {
        podscope::process_identity who;
        const auto text = line();
        const auto first = text.find(' ');
        const auto second = text.find(' ', first + 1);
        const auto third = text.find(' ', second + 1);
        if (third == std::string::npos) {
            throw std::runtime_error{"no identity: " + text};
        }
        who.boot =
            podscope::boot_id::from_text(text.substr(0, first)).value_or(podscope::boot_id{});
        who.pid_namespace = std::stoull(text.substr(first + 1));
        who.pid = std::stoll(text.substr(second + 1));
        who.start_time = std::stoull(text.substr(third + 1));
        return who;
    }

    void send(int signal) const { ::kill(pid_, signal); }

    /// Stops it, and returns once it is stopped.
    void stop() const {
        send(SIGSTOP);
        int status = 0;
        ::waitpid(pid_, &status, WUNTRACED);
    }

    void resume() const { send(SIGCONT); }

    /// Waits until it has exited, and leaves it a zombie.
    void await_exit() const {
        siginfo_t what{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &what, WEXITED | WNOWAIT);
    }

    void kill_and_reap() {
        if (!std::exchange(reaped_, true)) {
            send(SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

private:
    pid_t pid_{-1};
    int pipe_{-1};
    bool reaped_{};
};

/// Kills a process that is not a child of the test, whatever becomes of the test.
class killed_at_the_end {
public:
    explicit killed_at_the_end(pid_t pid) : pid_{pid} {}

    killed_at_the_end(const killed_at_the_end&) = delete;
    killed_at_the_end& operator=(const killed_at_the_end&) = delete;

    ~killed_at_the_end() { ::kill(pid_, SIGKILL); }

private:
    pid_t pid_;
};

template <class Probe>
std::vector<podscope::verdict> ask_all(const Probe& probe,
                                       const std::vector<podscope::probe_subject>& subjects,
                                       podscope::deadline until = in(patience)) {
    std::vector<podscope::verdict> verdicts(subjects.size(), podscope::verdict::unknown);
    probe.probe(subjects, until, verdicts);
    return verdicts;
}

template <class Probe>
podscope::verdict
ask(const Probe& probe, podscope::probe_subject subject, podscope::deadline until = in(patience)) {
    return ask_all(probe, {std::move(subject)}, until).front();
}

} // namespace podscope_test
