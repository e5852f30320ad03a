// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/pod/judgement.hpp>
#include <podscope/pod/pod.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/exit_watch.hpp>
#include <podscope/probe/proc_file.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/vantage.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <sys/epoll.h>
#include <sys/timerfd.h>

namespace podscope {

/// Notices at once when a process dies that holds a pod below another one, and has that pod
/// reconciled: the same reclaim as at a restore, with the same notifications. On a store of several
/// machines it sees only the processes of its own; there, as `refresh` has it, it notices that the
/// allocation of a child has gone with a lease.
///
/// For a program with a loop of its own: wait for `descriptor()` with whatever else is waited for,
/// and call `attend()` when it is readable. `supervise` does it in a thread.
///
/// It never asks a process anything, so it does not see that one hangs: `reconcile` does, now and
/// then.
///
/// One descriptor for each process below the pod, and three more. For one thread at a time, while
/// others use the pod. The pod must outlive it and stay where it is. Of no use in a forked copy.
template <class Parts>
class basic_watcher {
public:
    /// How soon it is noticed that somebody new lives below the pod: there is a look at the store
    /// so often, if anything was committed since the last one. A process that dies before it was
    /// noticed is found dead then.
    static constexpr std::chrono::milliseconds default_refresh{50};

    /// Errors: `io` if the system gives no descriptors; those of the backend.
    [[nodiscard]] static result<basic_watcher>
    over(basic_pod<Parts>& watched, std::chrono::milliseconds refresh = default_refresh) {
        return guarded([&]() -> result<basic_watcher> {
            auto exits = exit_watch::open();
            if (!exits) {
                return fail(exits);
            }
            os_detail::file_descriptor all{::epoll_create1(EPOLL_CLOEXEC)};
            os_detail::file_descriptor timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
            if (!all || !timer || !joins(all, exits->descriptor()) || !joins(all, timer.get())) {
                return fail(probe_detail::system_error(errno, "cannot watch processes", {}));
            }
            return basic_watcher{watched, *std::move(exits), std::move(all), std::move(timer),
                                 std::clamp(refresh, std::chrono::milliseconds{1}, longest)};
        });
    }

    /// Readable when there is something to attend to.
    [[nodiscard]] int descriptor() const noexcept { return all_.get(); }

    /// Does what is due: takes note of who lives below the pod, and reconciles it if any of them
    /// has died or a child has vanished. What was found and done is in the report; nothing, if
    /// nobody has.
    ///
    /// Waits for nobody but the store. A process that cannot be watched (exit_watch says when) is
    /// left to `reconcile`.
    ///
    /// Errors: `revoked`, `forked`, those of the backend. What was due then is so again a little
    /// later.
    [[nodiscard]] result<reconcile_report> attend() {
        return guarded([&]() -> result<reconcile_report> {
            // What it waits by is shared with its forked copies: they would take exits from it.
            if (!born_.is_current()) {
                return fail({.category = errc::forked,
                             .message = "this is a forked copy of the process that watches those "
                                        "below '" +
                                        pod_->name() + "'",
                             .subject = pod_->name()});
            }
            set_timer(refresh_);
            // First, so that its descriptor does not stay readable while the store fails.
            for (const auto key : exits_.exited()) {
                const auto& who = watched_.at(key);
                dead_.insert_or_assign(who.pod, who.if_dead);
                forget(key);
            }
            const auto now = pod_->generation();
            auto has_vanished = now && now == seen_ ? result<bool>{false} : take_note();
            if (!has_vanished) {
                return fail(has_vanished);
            }
            auto report = dead_.empty() && !*has_vanished ? result<reconcile_report>{}
                                                          : pod_->reconcile(dead_);
            if (report) {
                dead_.clear();
                seen_ = now;
            }
            return report;
        });
    }

    /// How many processes it watches.
    [[nodiscard]] std::size_t size() const noexcept { return watched_.size(); }

private:
    basic_watcher(basic_pod<Parts>& watched,
                  exit_watch exits,
                  os_detail::file_descriptor all,
                  os_detail::file_descriptor timer,
                  std::chrono::milliseconds refresh) noexcept
        : pod_{&watched},
          exits_{std::move(exits)},
          all_{std::move(all)},
          timer_{std::move(timer)},
          refresh_{refresh} {
        set_timer(std::chrono::nanoseconds{1}); // the first look is due
    }

    [[nodiscard]] static bool joins(const os_detail::file_descriptor& all, int one) noexcept {
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        return ::epoll_ctl(all.get(), EPOLL_CTL_ADD, one, &wanted) == 0;
    }

    // As long as the timer's own unit has.
    static constexpr auto longest =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds::max());

    // Also takes back that it has run out.
    void set_timer(std::chrono::nanoseconds after) noexcept {
        const auto whole = std::chrono::duration_cast<std::chrono::seconds>(after);
        const itimerspec until{.it_interval = {},
                               .it_value = {.tv_sec = whole.count(),
                                            .tv_nsec = static_cast<long>((after - whole).count())}};
        (void)::timerfd_settime(timer_.get(), 0, &until, nullptr);
    }

    // Watches those who are new below the pod and forgets those who are not there any more. Gives
    // whether a child has vanished.
    [[nodiscard]] result<bool> take_note() {
        const auto begun = std::chrono::steady_clock::now();
        auto below = pod_->descendants();
        if (!below) {
            return fail(below);
        }
        std::set<exit_watch::key> gone; // unless he is found
        for (const auto& [key, who] : watched_) {
            gone.insert(key);
        }
        bool has_vanished = false;
        for (const auto& each : *below) {
            if (each.live) {
                const auto key = static_cast<exit_watch::key>(each.live->granted);
                gone.erase(key);
                watch(key, *each.live);
            }
            has_vanished = has_vanished || (each.vanished && each.depth == 1);
        }
        for (const auto key : gone) {
            forget(key);
        }
        // Where it takes long, it is not done all the time.
        const auto took = std::chrono::steady_clock::now() - begun;
        set_timer(std::max<std::chrono::nanoseconds>(refresh_, 10 * took));
        return has_vanished;
    }

    // By the epoch of his grant, under which another process may come for the one that gave it.
    void watch(exit_watch::key key, const probe_subject& one) {
        if (const auto known = watched_.find(key);
            known != watched_.end() && known->second.if_dead.owner == one.owner) {
            return;
        }
        forget(key);
        std::map<exit_watch::key, someone> next;
        const auto& who =
            next.emplace(key, someone{one.pod, {one.owner, one.granted, verdict::missing}})
                .first->second;
        const auto found = is_elsewhere(one.owner) ? verdict::unknown : exits_.add(key, one.owner);
        if (found == verdict::missing) {
            dead_.insert_or_assign(who.pod, who.if_dead);
        }
        if (found == verdict::reachable) {
            watched_.merge(next); // for which no memory can be wanting
        }
    }

    [[nodiscard]] static bool is_elsewhere(const process_identity& owner) {
        if constexpr (Parts::backend_type::reaches == reach::cluster) {
            return probe_detail::may_be_elsewhere(owner, probe_detail::present_vantage());
        } else {
            return false;
        }
    }

    struct someone {
        std::string pod{};
        judgement if_dead{};
    };

    void forget(exit_watch::key key) noexcept {
        exits_.forget(key);
        watched_.erase(key);
    }

    fork_stamp born_{};
    basic_pod<Parts>* pod_;
    exit_watch exits_;
    os_detail::file_descriptor all_;
    os_detail::file_descriptor timer_;
    std::chrono::milliseconds refresh_;
    std::optional<std::uint64_t> seen_{}; // the generation at which all was dealt with
    judgements dead_{};                   // found, and not dealt with yet
    std::map<exit_watch::key, someone> watched_{};
};

/// Watches over those below a pod: see basic_watcher.
template <class Parts>
[[nodiscard]] result<basic_watcher<Parts>>
watch(basic_pod<Parts>& pod,
      std::chrono::milliseconds refresh = basic_watcher<Parts>::default_refresh) {
    return basic_watcher<Parts>::over(pod, refresh);
}

} // namespace podscope
