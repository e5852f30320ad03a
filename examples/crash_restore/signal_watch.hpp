// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/owned_fd.hpp"
#include "../shared/system_error.hpp"

#include <podscope/result.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <unistd.h>

namespace demo {

using deadline = std::chrono::steady_clock::time_point;

/// Long enough for a machine that is busy with other things: only what is broken takes that long.
[[nodiscard]] inline deadline soon() {
    return std::chrono::steady_clock::now() + std::chrono::seconds{30};
}

/// Waits for things to come true, and for signals meanwhile: for SIGCHLD, because a process may be
/// what is waited for, and for SIGINT, SIGTERM and SIGHUP, after which every wait fails, so that
/// the demo cleans up on its way out.
class signal_watch {
public:
    [[nodiscard]] static podscope::result<signal_watch> open() {
        sigset_t watched;
        ::sigemptyset(&watched);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
            ::sigaddset(&watched, signal);
        }
        ::sigprocmask(SIG_BLOCK, &watched, nullptr);
        owned_fd signals{::signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC)};
        if (signals.get() < 0) {
            return system_said_no("cannot watch for signals");
        }
        return signal_watch{std::move(signals)};
    }

    /// The signal that asked the demo to stop, 0 if none has.
    [[nodiscard]] int asked_to_stop() const noexcept { return stop_; }

    /// Waits until `look()`, which gives an optional result, gives one. It is called whenever `fd`
    /// is readable (none if negative) or a process has changed its state.
    template <class F>
    [[nodiscard]] auto wait_until(F&& look, int fd, const std::string& what) ->
        typename decltype(look())::value_type {
        for (const deadline until = soon();;) {
            // Before the look, so that no signal is lost that comes after it.
            take_signals();
            if (stop_ != 0) {
                return podscope::fail({.category = podscope::errc::unavailable,
                                       .message = "the demo was asked to stop"});
            }
            if (auto seen = look()) {
                return std::move(*seen);
            }
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                until - std::chrono::steady_clock::now());
            if (left.count() <= 0) {
                return podscope::fail(
                    {.category = podscope::errc::timeout, .message = "waited in vain for " + what});
            }
            std::array<pollfd, 2> watched{pollfd{signals_.get(), POLLIN, 0}, pollfd{fd, POLLIN, 0}};
            (void)::poll(watched.data(), watched.size(), static_cast<int>(left.count()));
        }
    }

private:
    explicit signal_watch(owned_fd signals) noexcept : signals_{std::move(signals)} {}

    void take_signals() noexcept {
        signalfd_siginfo came{};
        while (::read(signals_.get(), &came, sizeof came) == static_cast<ssize_t>(sizeof came)) {
            const int signal = static_cast<int>(came.ssi_signo);
            if (signal != SIGCHLD) {
                stop_ = signal;
            }
        }
    }

    owned_fd signals_;
    int stop_{};
};

} // namespace demo
