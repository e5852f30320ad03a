// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_client.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/etcd_layout.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/os/blocked_signals.hpp>
#include <podscope/os/boottime_clock.hpp>
#include <podscope/os/delete_in_its_process.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace podscope::backend_detail {

/// The lease of a handle, for its rows to hang on: taken when the first of them asks for it, and
/// kept up by a thread until the handle goes.
///
/// How long the cluster will surely not have ended it is reckoned from before a renewal was sent,
/// by this machine's clock, and a third of the term short: for clocks that do not run alike, and
/// for a leader that has renewed it before it knew that there is another one.
///
/// A lease that has ended never comes back, nor do the rows. Rows that are put after that hang on a
/// new one.
class etcd_lease {
public:
    using handle = std::unique_ptr<etcd_lease, os_detail::delete_in_its_process>;

    [[nodiscard]] static handle begin(etcd_client& client, const etcd_layout& layout) {
        handle made{new etcd_lease{client, layout}};
        const os_detail::blocked_signals inherited;
        made->thread_ = std::thread{[by = made.get()] { by->run(); }};
        return made;
    }

    etcd_lease(const etcd_lease&) = delete;
    etcd_lease& operator=(const etcd_lease&) = delete;

    /// Waits for the request that is under way, if one is.
    ~etcd_lease() {
        {
            const std::lock_guard held{mutex_};
            is_over_ = true;
        }
        wake_.notify_all();
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    [[nodiscard]] bool is_in_its_process() const noexcept { return stamp_.is_current(); }

    /// The lease: a new one, if there was none or it has ended. Errors: those of a call.
    [[nodiscard]] result<std::uint64_t> id(etcd_deadline until) {
        const std::lock_guard alone{granting_};
        if (const auto known = current(); known != 0) {
            return known;
        }
        const auto begun = clock::now();
        auto said =
            client_->ask("/v3/lease/grant", etcd_object{}.number("TTL", term_).done(), until);
        if (!said) {
            return fail(said);
        }
        const auto made = (*said)["ID"].number().value_or(0);
        const auto lasts = (*said)["TTL"].number().value_or(0);
        if (made == 0 || lasts == 0) {
            return fail(etcd_error(etcd_errc::no_etcd, client_->options().endpoints.front(),
                                   "its answer to a request for a lease makes no sense"));
        }
        // What tells all others that the rows on it have gone.
        auto shown = client_->ask("/v3/kv/txn",
                                  etcd_txn({}, {etcd_put(layout_->lease(made), {}, made)}), until);
        if (!shown) {
            return fail(shown);
        }
        {
            const std::lock_guard held{mutex_};
            id_ = made;
            set_sure_until(begun, lasts);
        }
        wake_.notify_all();
        return made;
    }

    /// Renews it now, and so finds out whether it is there still. No error says that it has ended:
    /// there is none then until the next one asks for it.
    ///
    /// Errors: those of a call.
    [[nodiscard]] result<void> renew(etcd_deadline until) {
        const auto known = current();
        if (known == 0) {
            return {};
        }
        const auto begun = clock::now();
        auto said =
            client_->ask("/v3/lease/keepalive", etcd_object{}.number("ID", known).done(), until);
        if (!said) {
            return fail(said);
        }
        const auto lasts = (*said)["result"]["TTL"].number().value_or(0);
        const std::lock_guard held{mutex_};
        if (id_ != known) {
            return {};
        }
        if (lasts != 0) {
            set_sure_until(begun, lasts);
        } else {
            losses_.fetch_add(1, std::memory_order_acq_rel);
            id_ = 0;
            sure_until_.store(for_ever, std::memory_order_release);
        }
        return {};
    }

    /// Whether the cluster has not ended it yet, for sure. As long as nothing has been hung on one
    /// there is nothing to lose.
    [[nodiscard]] bool is_sure() const noexcept {
        return clock::now().time_since_epoch().count() <=
               sure_until_.load(std::memory_order_acquire);
    }

    /// How often one was found to have ended; to be asked after `is_sure`.
    [[nodiscard]] std::uint64_t losses() const noexcept {
        return losses_.load(std::memory_order_acquire);
    }

private:
    using clock = os_detail::boottime_clock;

    etcd_lease(etcd_client& client, const etcd_layout& layout)
        : client_{&client},
          layout_{&layout},
          term_{static_cast<std::uint64_t>(client.options().lease_term.count())} {}

    static constexpr std::uint64_t longest_term = 9'000'000'000; // that etcd gives, in seconds
    static constexpr clock::rep for_ever = std::numeric_limits<clock::rep>::max();

    void set_sure_until(clock::time_point begun, std::uint64_t lasts) {
        const std::chrono::milliseconds sure{std::min(lasts, longest_term) * 2'000 / 3};
        sure_until_.store((begun + sure).time_since_epoch().count(), std::memory_order_release);
    }

    [[nodiscard]] std::uint64_t current() {
        const std::lock_guard held{mutex_};
        return id_;
    }

    void run() noexcept {
        const std::chrono::milliseconds share{term_ * 1'000 / 5};
        while (wait(share)) {
            // A failure is told by the time that goes by, and so is that there was no memory for
            // it, or no thread: the next one may have both.
            (void)guarded([&] { return renew(etcd_client::clock::now() + share); });
        }
    }

    // Until the next renewal; false if there is none to come.
    [[nodiscard]] bool wait(std::chrono::milliseconds share) {
        std::unique_lock held{mutex_};
        wake_.wait(held, [&] { return is_over_ || id_ != 0; });
        wake_.wait_for(held, share, [&] { return is_over_; });
        return !is_over_;
    }

    etcd_client* client_;
    const etcd_layout* layout_;
    std::uint64_t term_; // in seconds
    fork_stamp stamp_{};
    std::atomic<clock::rep> sure_until_{for_ever};
    std::atomic<std::uint64_t> losses_{0};
    std::mutex granting_{}; // held over requests, the other never
    std::mutex mutex_{};
    std::condition_variable wake_{};
    std::uint64_t id_{0};
    bool is_over_{false};
    std::thread thread_{};
};

} // namespace podscope::backend_detail
