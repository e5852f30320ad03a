// SPDX-License-Identifier: BSL-1.0
// A process that is forked from a test and does what it is told.
#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podscope_test {

/// The end of the line to a test that its process has.
class line_to_test {
public:
    explicit line_to_test(int descriptor) : descriptor_{descriptor} {}

    [[nodiscard]] int descriptor() const { return descriptor_; }

    /// What it is told next; nothing once there is no test any more.
    [[nodiscard]] std::optional<std::string> hear() const {
        std::array<char, 4096> text{};
        const auto length = ::recv(descriptor_, text.data(), text.size(), 0);
        return length > 0
                   ? std::optional{std::string{text.data(), static_cast<std::size_t>(length)}}
                   : std::nullopt;
    }

    /// Whether the answer was sent.
    [[nodiscard]] bool answer(const std::string& text) const {
        return ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL) >= 0;
    }

private:
    int descriptor_;
};

/// Has a `Program`, made of the arguments when the test first says something, obey what it is told.
/// Ends with 0 once there is no test any more.
template <class Program, class... Arguments>
[[nodiscard]] int serve_by(line_to_test line, const Arguments&... arguments) {
    std::optional<Program> program;
    while (const auto told = line.hear()) {
        if (!program) {
            program.emplace(arguments...);
        }
        if (!line.answer(program->obey(*told))) {
            return 1;
        }
    }
    return 0;
}

/// Does what it is told in messages, one answer for each, and is killed and waited for with this
/// object. Nothing that the test has open stays open in it, so nobody may be forked with an object
/// in use that minds.
class talking_process {
public:
    /// @param serve what it does: called in it with its line_to_test; it exits with what that gives
    template <class F>
    explicit talking_process(F&& serve) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0 ||
            (pid_ = ::fork()) < 0) {
            throw std::runtime_error{"no helper process"};
        }
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            // Nothing of the test's may stay open because this process still runs.
            const auto kept = static_cast<unsigned>(ends[1]);
            ::close_range(3, kept - 1, 0);
            ::close_range(kept + 1, ~0U, 0);
            int code = 99;
            try {
                code = serve(line_to_test{ends[1]});
            } catch (...) {}
            ::_exit(code);
        }
        ::close(ends[1]);
        line_ = ends[0];
    }

    talking_process(const talking_process&) = delete;
    talking_process& operator=(const talking_process&) = delete;

    ~talking_process() {
        kill();
        ::close(line_);
    }

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Says something, and gives the answer.
    [[nodiscard]] std::string ask(const std::string& text) const {
        std::array<char, 4096> answer{};
        if (::send(line_, text.data(), text.size(), MSG_NOSIGNAL) < 0) {
            throw std::runtime_error{"the helper process does not listen"};
        }
        constexpr int patience_ms = 30'000;
        pollfd ready{line_, POLLIN, 0};
        const bool has_answer = ::poll(&ready, 1, patience_ms) == 1;
        const auto length = has_answer ? ::recv(line_, answer.data(), answer.size(), 0) : -1;
        if (length <= 0) {
            throw std::runtime_error{"the helper process does not answer: " + text};
        }
        return {answer.data(), static_cast<std::size_t>(length)};
    }

    void kill() {
        if (!std::exchange(dead_, true)) {
            ::kill(pid_, SIGKILL);
            while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
        }
    }

    void stop() {
        ::kill(pid_, SIGSTOP);
        int status{};
        while (::waitpid(pid_, &status, WUNTRACED) < 0 && errno == EINTR) {}
    }

    void resume() { ::kill(pid_, SIGCONT); }

private:
    pid_t pid_{-1};
    int line_{-1};
    bool dead_{false};
};

} // namespace podscope_test
