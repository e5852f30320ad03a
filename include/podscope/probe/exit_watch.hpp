// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/vantage.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/result.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace podscope {

/// Waits for processes to exit, any number of them at once, by a pidfd for each: what the kernel
/// says about them, at the moment when it happens. The processes need not be children.
///
/// One descriptor for each process that is watched, and one more. For one thread at a time.
class exit_watch {
public:
    using key = std::uint64_t;

    /// Errors: `io`, with the system's answer.
    [[nodiscard]] static result<exit_watch> open() {
        os_detail::file_descriptor set{::epoll_create1(EPOLL_CLOEXEC)};
        if (!set) {
            return fail(probe_detail::system_error(errno, "cannot watch processes", {}));
        }
        return exit_watch{std::move(set)};
    }

    /// Readable, for poll(2) and its kin, while some watched process has exited and was not
    /// forgotten.
    [[nodiscard]] int descriptor() const noexcept { return set_.get(); }

    /// Watches a process under a key of the caller's, which is not in use.
    ///
    /// `reachable` if it is watched now, `missing` if it has gone already, `unknown` if it cannot
    /// be watched: it lives in another pid namespace, or a sandbox, an old kernel or a lack of
    /// descriptors is in the way.
    [[nodiscard]] verdict add(key under, const process_identity& who) {
        const auto here = probe_detail::present_vantage();
        if (const auto found = probe_detail::judge_process(who, here);
            found != verdict::reachable) {
            return found;
        }
        os_detail::file_descriptor process{
            static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(who.pid), 0U))};
        // Asked again now that the descriptor is had: whoever is under that pid and is the one that
        // is wanted was so when it was opened.
        const auto found = probe_detail::judge_process(who, here);
        if (found != verdict::reachable || !process) {
            return found == verdict::missing ? found : verdict::unknown;
        }
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        wanted.data.u64 = under;
        const auto place = processes_.insert_or_assign(under, std::move(process)).first;
        if (::epoll_ctl(set_.get(), EPOLL_CTL_ADD, place->second.get(), &wanted) != 0) {
            processes_.erase(place);
            return verdict::unknown;
        }
        return verdict::reachable;
    }

    /// Watches it no longer. No change if there is none under that key.
    void forget(key under) noexcept {
        const auto place = processes_.find(under);
        if (place == processes_.end()) {
            return;
        }
        (void)::epoll_ctl(set_.get(), EPOLL_CTL_DEL, place->second.get(), nullptr);
        processes_.erase(place);
    }

    /// The keys of some that have exited; none if nobody has. They are told of again until they are
    /// forgotten. Does not wait.
    [[nodiscard]] std::vector<key> exited() const {
        std::array<epoll_event, 64> events{};
        const int count = os_detail::uninterrupted([&] {
            return ::epoll_wait(set_.get(), events.data(), static_cast<int>(events.size()), 0);
        });
        std::vector<key> keys;
        for (int i = 0; i < count; ++i) {
            const key one = events[static_cast<std::size_t>(i)].data.u64; // which is not aligned
            keys.push_back(one);
        }
        return keys;
    }

    /// Sends a signal to a process that is watched, and to no other that ever gets its pid. False
    /// if it has exited, or may not be sent one.
    bool signal(key under, int number) noexcept {
        const auto place = processes_.find(under);
        return place != processes_.end() &&
               ::syscall(SYS_pidfd_send_signal, place->second.get(), number, nullptr, 0U) == 0;
    }

    [[nodiscard]] std::size_t size() const noexcept { return processes_.size(); }

private:
    explicit exit_watch(os_detail::file_descriptor set) noexcept : set_{std::move(set)} {}

    os_detail::file_descriptor set_;
    std::map<key, os_detail::file_descriptor> processes_{};
};

} // namespace podscope
