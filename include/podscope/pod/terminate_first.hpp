// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/deadline_after.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/exit_watch.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/vantage.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

namespace podscope {

/// Ends the processes of children that do not answer, so that they are dead when their scope comes
/// back: by SIGTERM, and by SIGKILL those that have not exited then.
///
/// All of them at once, so that it takes no longer than `patience` for each of the two signals,
/// beyond what the probe took. By a pidfd: no process is ever taken for another. A child whose
/// process cannot be ended (on another machine, in another pid namespace, another user's, in an
/// uninterruptible call, or this very process) goes on as unreachable, and `then` decides.
template <reclaim_policy Then = reclaim_only_the_dead>
struct terminate_first {
    std::chrono::milliseconds patience{1000};
    Then then{};

    [[nodiscard]] constexpr bool ends(verdict found) const noexcept { return then.ends(found); }

    void review(std::span<const probe_subject> subjects, std::span<verdict> verdicts) const {
        auto exits = exit_watch::open();
        const auto here = probe_detail::present_vantage();
        if (!exits) {
            return;
        }
        for (std::size_t i = 0; i < subjects.size(); ++i) {
            const auto& owner = subjects[i].owner;
            if (verdicts[i] == verdict::unreachable && owner.pid != ::getpid() &&
                !probe_detail::may_be_elsewhere(owner, here) &&
                exits->add(i, owner) == verdict::missing) {
                verdicts[i] = verdict::missing;
            }
        }
        for (const int number : {SIGTERM, SIGKILL}) {
            for (std::size_t i = 0; i < subjects.size(); ++i) {
                (void)exits->signal(i, number);
            }
            wait_for(*exits, verdicts);
        }
    }

private:
    void wait_for(exit_watch& exits, std::span<verdict> verdicts) const {
        using clock = std::chrono::steady_clock;
        constexpr std::chrono::milliseconds longest{std::numeric_limits<int>::max()};
        for (const auto until = os_detail::deadline_after(patience); exits.size() != 0;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now());
            if (left.count() <= 0) {
                return;
            }
            pollfd ready{exits.descriptor(), POLLIN, 0};
            (void)::poll(&ready, 1, static_cast<int>(std::min(left, longest).count()));
            for (const auto key : exits.exited()) {
                verdicts[static_cast<std::size_t>(key)] = verdict::missing;
                exits.forget(key);
            }
        }
    }
};

static_assert(reviewing_policy<terminate_first<>>);

} // namespace podscope
