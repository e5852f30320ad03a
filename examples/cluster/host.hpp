// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/channel.hpp"
#include "../shared/system_error.hpp"
#include "messages.hpp"
#include "network.hpp"
#include "site.hpp"

#include <podscope/result.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace demo {

/// Waits for something to be said on a line.
///
/// Errors: what was said; `unavailable` if nobody is at its other end; `timeout` after a minute:
/// only what is broken takes that long.
template <class Record>
[[nodiscard]] podscope::result<Record> hear(const channel& line) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    while (std::chrono::steady_clock::now() < until) {
        if (auto said = line.take<Record>()) {
            return *std::move(said);
        }
        pollfd readable{line.descriptor(), POLLIN, 0};
        (void)::poll(&readable, 1, 1000);
    }
    return podscope::fail(
        {.category = podscope::errc::timeout, .message = "nothing was said on a line"});
}

/// A host: a process in a network of its own. It dies with the story, however that ends, and what
/// it has started dies with it.
class host {
public:
    /// Starts it and connects it to the switch.
    ///
    /// @param live what it does: called in it with its site and its end of the line to the story
    template <class F>
    [[nodiscard]] static podscope::result<host> start(const site& at, F&& live) {
        auto ends = channel::open();
        if (!ends) {
            return podscope::fail(ends);
        }
        auto& [mine, theirs] = *ends;
        const pid_t story = ::getpid();
        const pid_t pid = ::fork();
        if (pid < 0) {
            return system_said_no("cannot start a process");
        }
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            mine = channel{};
            const bool is_ready = ::getppid() == story && ::unshare(CLONE_NEWNET) == 0 &&
                                  theirs.send(podscope::result<answer>{answer{}});
            ::_exit(is_ready ? live(at, theirs) : 1);
        }
        host started{at, pid, std::move(mine)};
        theirs = channel{};
        auto ready = hear<answer>(started.line_);
        if (!ready) {
            return podscope::fail(ready);
        }
        auto connected = network::connect(at, pid);
        return connected ? podscope::result<host>{std::move(started)} : podscope::fail(connected);
    }

    host(host&& other) noexcept
        : at_{other.at_},
          pid_{std::exchange(other.pid_, -1)},
          line_{std::move(other.line_)} {}

    host& operator=(host&&) = delete;

    ~host() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
        }
    }

    [[nodiscard]] const site& at() const noexcept { return at_; }

    /// Tells it to do something, which it does while others do theirs.
    [[nodiscard]] podscope::result<void> tell(const order& given) const {
        return line_.send(podscope::result<order>{given});
    }

    /// What has come of the order that it was given first, of those not asked about yet.
    [[nodiscard]] podscope::result<answer> result_of_order() const { return hear<answer>(line_); }

    [[nodiscard]] podscope::result<answer> ask(const order& given) const {
        auto told = tell(given);
        return told ? result_of_order() : podscope::fail(told);
    }

private:
    host(const site& at, pid_t pid, channel line) noexcept
        : at_{at},
          pid_{pid},
          line_{std::move(line)} {}

    site at_;
    pid_t pid_;
    channel line_;
};

} // namespace demo
