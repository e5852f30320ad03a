// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <csignal>

#include <pthread.h>

namespace podscope::os_detail {

/// Blocks all signals in this thread while it lives, so that a thread begun meanwhile has them
/// blocked for good: the program's handlers run on the program's own threads.
class blocked_signals {
public:
    blocked_signals() noexcept {
        sigset_t all{};
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }

    blocked_signals(const blocked_signals&) = delete;
    blocked_signals& operator=(const blocked_signals&) = delete;

    ~blocked_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

} // namespace podscope::os_detail
