// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/os/blocked_signals.hpp>
#include <podscope/os/deadline_after.hpp>
#include <podscope/os/delete_in_its_process.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/pod.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/pod/watcher.hpp>
#include <podscope/probe/proc_file.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace podscope {

struct supervision_options {
    /// How soon somebody new below the pod is noticed: basic_watcher says more.
    std::chrono::milliseconds refresh{50};
    /// How often all of them are probed, for those who hang and those whose exit the kernel does
    /// not tell; zero for never.
    std::chrono::milliseconds probe_every{std::chrono::seconds{5}};
    /// How long a probe of all of them may take.
    std::chrono::milliseconds probe_time{default_probe_time};
};

/// Takes back what a pod delegated to processes that die or hang, while the pod lives: at once when
/// one dies, and within `probe_every` and `probe_time` when one hangs, as the runtime's reclaim
/// policy has it.
///
/// In two threads of its own, which take no signals and end with it; its destructor waits for a
/// probe that is under way. The pod must outlive it and stay where it is. In a forked copy it does
/// nothing, and leaves what its threads use as it is.
template <class Parts>
class supervisor {
public:
    /// Is given each report in which something changed, and each failure, but a failure that goes
    /// on only once. Called by one of the supervisor's threads, one call at a time; it must not end
    /// the supervisor. After `revoked` there is nothing left to do, and no further call.
    using listener = std::function<void(const result<reconcile_report>&)>;

    /// Errors: `io` if the system gives no descriptors or threads; those of the backend.
    [[nodiscard]] static result<supervisor>
    over(basic_pod<Parts>& pod, listener told, const supervision_options& options = {}) {
        return guarded([&]() -> result<supervisor> {
            auto watcher = basic_watcher<Parts>::over(pod, options.refresh);
            if (!watcher) {
                return fail(watcher);
            }
            os_detail::file_descriptor stop{::eventfd(0, EFD_CLOEXEC)};
            if (!stop) {
                return fail(probe_detail::system_error(errno, "cannot supervise", {}));
            }
            try {
                return supervisor{work_pointer{
                    new work{pod, std::move(told), options, *std::move(watcher), std::move(stop)}}};
            } catch (const std::system_error& refused) {
                return fail({.category = errc::io,
                             .message = "cannot start a thread; attend to a basic_watcher in the "
                                        "program's own loop",
                             .system = refused.code()});
            }
        });
    }

private:
    class work {
    public:
        work(basic_pod<Parts>& pod,
             listener told,
             const supervision_options& options,
             basic_watcher<Parts> watcher,
             os_detail::file_descriptor stop)
            : pod_{&pod},
              told_{std::move(told)},
              options_{options},
              watcher_{std::move(watcher)},
              stop_{std::move(stop)} {
            const os_detail::blocked_signals inherited;
            if (options_.probe_every > std::chrono::milliseconds{0}) {
                rounds_ = std::jthread{[this](const std::stop_token& ends) { probe(ends); }};
            }
            exits_ = std::jthread{[this](const std::stop_token& ends) { watch(ends); }};
        }

        work(const work&) = delete;
        work& operator=(const work&) = delete;

        [[nodiscard]] bool is_in_its_process() const noexcept { return born_.is_current(); }

    private:
        void watch(const std::stop_token& ends) {
            const std::stop_callback wake{ends, [this] {
                                              const std::uint64_t one = 1;
                                              (void)!::write(stop_.get(), &one, sizeof one);
                                          }};
            std::optional<errc> failing;
            for (;;) {
                pollfd waited[]{{watcher_.descriptor(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
                (void)::poll(waited, std::size(waited), -1);
                if (ends.stop_requested() || !tell(watcher_.attend(), failing)) {
                    return;
                }
            }
        }

        void probe(const std::stop_token& ends) {
            std::mutex alone;
            std::condition_variable_any never;
            std::optional<errc> failing;
            for (std::unique_lock lock{alone};;) {
                const auto next = os_detail::deadline_after(options_.probe_every);
                (void)never.wait_until(lock, ends, next, [] { return false; });
                if (ends.stop_requested() || !tell(pod_->reconcile(options_.probe_time), failing)) {
                    return;
                }
            }
        }

        // False once there is nothing left to do.
        [[nodiscard]] bool tell(const result<reconcile_report>& seen,
                                std::optional<errc>& failing) {
            const auto now = seen ? std::nullopt : std::optional{seen.error().category};
            const bool is_news = seen ? seen->changed() : now != failing;
            failing = now;
            const std::lock_guard one_at_a_time{telling_};
            if (is_over_) {
                return false;
            }
            is_over_ = now == errc::revoked;
            if (is_news) {
                (void)guarded([&]() -> result<void> {
                    told_(seen);
                    return {};
                });
            }
            return !is_over_;
        }

        const fork_stamp born_{};
        basic_pod<Parts>* pod_;
        listener told_;
        supervision_options options_;
        basic_watcher<Parts> watcher_;
        os_detail::file_descriptor stop_;
        std::mutex telling_{};
        bool is_over_ = false;
        // Last, so that all that they use is there for as long as they are.
        std::jthread rounds_{};
        std::jthread exits_{};
    };

    using work_pointer = std::unique_ptr<work, os_detail::delete_in_its_process>;

    explicit supervisor(work_pointer begun) noexcept : work_{std::move(begun)} {}

    work_pointer work_;
};

/// Supervises a pod: see supervisor.
///
///     auto guard = supervise(planner, [](const result<reconcile_report>& seen) { … }).value();
template <class Parts, class Listener>
[[nodiscard]] result<supervisor<Parts>>
supervise(basic_pod<Parts>& pod, Listener told, const supervision_options& options = {}) {
    return supervisor<Parts>::over(pod, std::move(told), options);
}

} // namespace podscope
