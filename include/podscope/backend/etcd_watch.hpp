// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_channel.hpp>
#include <podscope/backend/etcd_client.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/etcd_layout.hpp>
#include <podscope/backend/json_value.hpp>
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
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace podscope::backend_detail {

/// Counts the commits of a store and the ends of its leases, by a thread that watches the row which
/// each commit puts, and those that each lease takes with it.
///
/// A watch says nothing when its connection is cut without a word. So the thread also reads the
/// rows from time to time, and what it has counted is good for `freshness` from the moment before
/// such a read was sent, by this machine's clock, and no longer. A watch that begins anew counts as
/// a commit: what came in between, compacted away or not, is thereby read anew by all.
class etcd_watch {
public:
    using handle = std::unique_ptr<etcd_watch, os_detail::delete_in_its_process>;

    [[nodiscard]] static handle begin(etcd_client& client, const etcd_layout& layout) {
        handle made{new etcd_watch{client, layout}};
        const os_detail::blocked_signals inherited;
        made->thread_ = std::thread{[by = made.get()] { by->run(); }};
        return made;
    }

    etcd_watch(const etcd_watch&) = delete;
    etcd_watch& operator=(const etcd_watch&) = delete;

    /// Waits for the request that is under way, if one is: at most half of `freshness`, and no
    /// longer than a call may take.
    ~etcd_watch() {
        {
            const std::lock_guard held{mutex_};
            is_over_ = true;
            if (stream_) {
                stream_->cancel();
            }
        }
        wake_.notify_all();
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    [[nodiscard]] bool is_in_its_process() const noexcept { return stamp_.is_current(); }

    /// Moves with every commit and with every end of a lease, no later than `freshness` after it;
    /// and with every call while nothing is known.
    [[nodiscard]] std::uint64_t generation() const noexcept {
        if (now() > good_until_.load(std::memory_order_acquire) || !stamp_.is_current()) {
            return doubt();
        }
        return count_.load(std::memory_order_acquire);
    }

    /// Another one at each call, and none that `generation` ever was.
    [[nodiscard]] std::uint64_t doubt() const noexcept {
        return unknown | doubts_.fetch_add(1, std::memory_order_relaxed);
    }

    /// The newest that it has heard of.
    [[nodiscard]] std::uint64_t revision() const noexcept {
        return counted_.load(std::memory_order_acquire);
    }

    /// Whether it is known, so that `generation` is the same as long as nobody commits.
    [[nodiscard]] bool is_warm() const noexcept {
        return stamp_.is_current() && now() <= good_until_.load(std::memory_order_acquire);
    }

private:
    using clock = std::chrono::steady_clock;
    // Elsewhere things go on while this machine is suspended.
    using knowledge_clock = os_detail::boottime_clock;

    etcd_watch(etcd_client& client, const etcd_layout& layout)
        : client_{&client},
          layout_{&layout},
          freshness_{std::min(client.options().freshness, longest_time)},
          patience_{std::min<std::chrono::nanoseconds>(
              freshness_ / 2, std::min(client.options().deadline, longest_time))} {}

    static constexpr std::uint64_t unknown = std::uint64_t{1} << 63U;

    [[nodiscard]] static knowledge_clock::rep now() noexcept {
        return knowledge_clock::now().time_since_epoch().count();
    }

    void run() noexcept {
        auto next_read = clock::now();
        auto rest = shortest_rest;
        while (!is_over()) {
            // What memory or a thread is missing for may be done the next time.
            if (guarded([&] { return go_on(next_read); })) {
                continue;
            }
            end();
            rest = has_heard_ ? shortest_rest : std::min(2 * rest, longest_rest);
            has_heard_ = false;
            pause(std::min(next_read, clock::now() + rest));
            // A watch may be refused for a token that is void, and a read gets another one.
            next_read = clock::now();
        }
    }

    // Errors: there is no watch, or not any more.
    [[nodiscard]] result<void> go_on(clock::time_point& next_read) {
        if (clock::now() >= next_read) {
            next_read = clock::now() + freshness_ / 4;
            read();
        }
        return stream_ ? hear(next_read) : listen();
    }

    [[nodiscard]] bool is_over() {
        const std::lock_guard held{mutex_};
        return is_over_;
    }

    void pause(clock::time_point until) {
        std::unique_lock held{mutex_};
        wake_.wait_until(held, until, [&] { return is_over_; });
    }

    void read() {
        const auto begun = knowledge_clock::now();
        auto said = client_->ask("/v3/kv/txn",
                                 etcd_txn({}, {etcd_range(layout_->clock, layout_->leases_end)}),
                                 clock::now() + patience_);
        const auto answer = said ? read_etcd_answer(*said) : std::nullopt;
        if (!answer || answer->revision == 0 || answer->answers.size() != 1 ||
            !answer->answers.front().is_range) {
            return;
        }
        // A cluster that was put back from a copy counts its revisions from there.
        if (answer->revision < revision()) {
            counted_.store(answer->revision, std::memory_order_release);
            note();
        }
        std::vector<std::string> keys;
        for (const auto& row : answer->answers.front().rows) {
            count_up_to(row.changed);
            keys.push_back(row.key);
        }
        if (!std::includes(keys.begin(), keys.end(), keys_.begin(), keys_.end())) {
            note();
        }
        keys_ = std::move(keys);
        good_until_.store((begun + freshness_).time_since_epoch().count(),
                          std::memory_order_release);
    }

    void note() noexcept { count_.fetch_add(1, std::memory_order_acq_rel); }

    void count_up_to(std::uint64_t revision) noexcept {
        if (revision > counted_.load(std::memory_order_relaxed)) {
            counted_.store(revision, std::memory_order_release);
            note();
        }
    }

    [[nodiscard]] result<void> listen() {
        const auto wanted = etcd_object{}
                                .bytes("key", layout_->clock)
                                .bytes("range_end", layout_->leases_end)
                                .done();
        const auto body = etcd_object{}.raw("create_request", wanted).done();
        auto made = client_->follow("/v3/watch", body, clock::now() + patience_);
        if (!made) {
            return fail(made);
        }
        const std::lock_guard held{mutex_};
        stream_ = *std::move(made);
        return {};
    }

    [[nodiscard]] result<void> hear(clock::time_point until) {
        auto line = stream_->next_line(until);
        if (!line) {
            return line.error().system == etcd_errc::no_answer ? result<void>{} : fail(line);
        }
        const auto said = json_value::parse(*line);
        const auto& news = said ? (*said)["result"] : json_value{};
        if (!news.is_object() || news["canceled"].is_true()) {
            return fail({.category = errc::unavailable, .message = "the watch is over"});
        }
        has_heard_ = true;
        if (news["created"].is_true()) {
            note();
        }
        for (const auto& event : news["events"].items()) {
            count_up_to(event["kv"]["mod_revision"].number().value_or(revision() + 1));
        }
        return {};
    }

    void end() {
        const std::lock_guard held{mutex_};
        stream_.reset();
    }

    // Before what has ended is begun anew.
    static constexpr std::chrono::milliseconds shortest_rest{10};
    static constexpr std::chrono::milliseconds longest_rest{1'000};

    // As good as for ever.
    static constexpr std::chrono::milliseconds longest_time{std::chrono::hours{24 * 365 * 100}};

    etcd_client* client_;
    const etcd_layout* layout_;
    std::chrono::nanoseconds freshness_;
    std::chrono::nanoseconds patience_; // with a request
    fork_stamp stamp_{};
    std::atomic<std::uint64_t> count_{1};
    std::atomic<knowledge_clock::rep> good_until_{0};
    mutable std::atomic<std::uint64_t> doubts_{0};
    std::atomic<std::uint64_t> counted_{0}; // changed by the thread alone
    std::vector<std::string> keys_{};       // as they were last read; of the thread alone
    bool has_heard_{false};                 // from the present stream or the last; likewise
    std::mutex mutex_{};
    std::condition_variable wake_{};
    bool is_over_{false};
    std::unique_ptr<etcd_channel> stream_{}; // changed under the mutex, by the thread alone
    std::thread thread_{};
};

} // namespace podscope::backend_detail
