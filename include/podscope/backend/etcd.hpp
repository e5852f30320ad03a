// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/byte_backend.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/etcd_channel.hpp>
#include <podscope/backend/etcd_client.hpp>
#include <podscope/backend/etcd_committer.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/backend/etcd_last_commit.hpp>
#include <podscope/backend/etcd_layout.hpp>
#include <podscope/backend/etcd_lease.hpp>
#include <podscope/backend/etcd_options.hpp>
#include <podscope/backend/etcd_snapshot.hpp>
#include <podscope/backend/etcd_transaction.hpp>
#include <podscope/backend/etcd_view.hpp>
#include <podscope/backend/etcd_watch.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope {

/// A byte backend in an etcd cluster (3.4 or later), for processes on several machines.
///
/// A transaction reads at one revision, which is the newest at its first request, and commits in
/// one request on condition that all it has read is still so: rows, and that there was none where
/// it has found none. So transactions are serialisable, and one sees all that was committed before
/// it began. After a conflict a write is run again, after a pause that grows by chance; a body may
/// besides be run on a guess of what it will read, whose outcome nobody sees unless its commit has
/// found that all of that is so.
///
/// An answer that was lost is looked for before anything is tried again: a commit has taken place
/// once, or not at all and will not. Where even that cannot be found out within the deadline, the
/// error is `etcd_errc::in_doubt`; after any other nothing has changed.
///
/// Copies are handles of the same connections. Every call may be made from several threads at once.
/// In a forked copy of the process every call is `forked`.
///
/// With `etcd_options::freshness`, a thread watches for commits. It takes no signals and throws
/// nothing; the last handle to go waits for the request that it has under way, at most half of that
/// time and no longer than a call may take. Then `generation()` keeps what `has_generation` says
/// for this handle's own commits only, as no backend in a cluster can keep it for others' without a
/// request: a holder may be told for that long that it has a pod which it has lost. Without it
/// there is no thread, no destructor waits for the cluster, and each check is a request.
///
/// With `etcd_options::lease_term`, rows can hang on a lease of the handle's (see `leases_rows`),
/// which another such thread keeps up. The last handle to go waits for the renewal that is under
/// way, at most a fifth of the term, and leaves the lease to run out.
///
/// Costs: a transaction whose rows were seen before takes one request to read, however many rows,
/// and a write one more. With a watch that has heard of nobody else's commit since this handle's
/// last, a write takes none to read if it asks for what that one has read or changed, or for what
/// is new; and one more than without a watch if somebody has committed nevertheless. A handle's
/// first write takes two more, and it renews a lease every few minutes while it writes. The first
/// row on a lease takes two more as well.
class etcd_backend {
public:
    static constexpr podscope::durability durable = podscope::durability::power;
    static constexpr podscope::reach reaches = podscope::reach::cluster;

    using reader = etcd_reader;
    using writer = etcd_writer;

    /// Connects to a cluster, by what `etcd_over_http()` or `etcd_over_https(…)` gives.
    ///
    /// Errors: those of `etcd_errc`, within the deadline; `unavailable` if `most_operations` is
    /// less than 3.
    [[nodiscard]] static result<etcd_backend> open(const etcd_options& options, etcd_dialler dial) {
        return guarded([&]() -> result<etcd_backend> {
            // A commit of one change has two of its own, and nothing is read by none.
            if (options.most_operations < 3) {
                return fail(
                    {.category = errc::unavailable,
                     .message = "etcd_options::most_operations is too few for any commit; say what "
                                "the cluster was told as --max-txn-ops, 128 if it was told nothing",
                     .system = std::make_error_code(std::errc::invalid_argument)});
            }
            auto made = std::make_shared<handle>(options, std::move(dial));
            if (auto known = made->client.check_endpoints(); !known) {
                return fail(known);
            }
            etcd_backend opened{std::move(made)};
            auto reached = opened.read([](reader& txn) { return txn.get({}); });
            if (!reached) {
                return fail(reached);
            }
            auto& on = *opened.on_;
            if (options.lease_term.count() > 0) {
                on.lease = backend_detail::etcd_lease::begin(on.client, on.layout);
            }
            if (options.freshness.count() > 0) {
                on.watch = backend_detail::etcd_watch::begin(on.client, on.layout);
            }
            return opened;
        });
    }

    /// Runs `body(reader)` on the newest state.
    ///
    /// Errors: what `body` returns; those of `etcd_errc`; `forked`.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, reader&> read(F&& body) const {
        if (auto here = on_->client.check_process(); !here) {
            return fail(here);
        }
        auto view = on_->view(on_->client.deadline());
        return run<reader>(view, body);
    }

    /// Runs `body(writer)` on the newest state and commits if it succeeds, until nobody has come
    /// between.
    ///
    /// Errors: what `body` returns; those of `etcd_errc`, `conflicts` and `in_doubt` among them;
    /// `forked`.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write(F&& body) {
        using backend_detail::etcd_outcome;
        if (auto here = on_->client.check_process(); !here) {
            return fail(here);
        }
        const auto until = on_->client.deadline();
        if (auto outcome = bet(body, until)) {
            return *std::move(outcome);
        }
        std::unique_lock in_turn{on_->turn, std::defer_lock};
        for (unsigned attempt = 1;; ++attempt) {
            auto view = on_->view(until);
            auto outcome = run<writer>(view, body);
            if (!outcome || view.changed().empty()) {
                return outcome;
            }
            auto committed =
                on_->commit(view.comparisons(on_->most_comparisons(view)), view, until);
            if (!committed) {
                return fail(committed);
            }
            if (*committed == etcd_outcome::committed) {
                return outcome;
            }
            if (*committed == etcd_outcome::lease_ended && on_->lease) {
                if (auto renewed = on_->lease->renew(until); !renewed) {
                    return fail(renewed);
                }
            }
            // Those of one process take turns then, since they would go on getting in each
            // other's way.
            const bool may_try_again = attempt < on_->client.options().most_attempts &&
                                       (in_turn.owns_lock() || in_turn.try_lock_until(until)) &&
                                       pause(attempt, until);
            if (!may_try_again) {
                return fail(backend_detail::etcd_error(
                    etcd_errc::conflicts, on_->client.options().endpoints.front(),
                    "others have changed what a transaction had read, each of " +
                        std::to_string(attempt) + " times; try again later"));
            }
        }
    }

    /// Moves with every commit and with every end of a lease: with a commit by this handle before
    /// that is reported, and with another handle's no later than `etcd_options::freshness` after
    /// it. It is another one at each call without a watch, while the cluster has been silent for
    /// that long, and while it may have ended this handle's lease. Else it costs a look or two at
    /// the clock and a few loads.
    [[nodiscard]] std::uint64_t generation() const noexcept {
        const auto mine = on_->commits.load(std::memory_order_acquire);
        if (!on_->watch) {
            return on_->commits.fetch_add(1, std::memory_order_relaxed);
        }
        const bool is_sure = !on_->lease || on_->lease->is_sure();
        const auto losses = on_->lease ? on_->lease->losses() : 0;
        return mine + losses + (is_sure ? on_->watch->generation() : on_->watch->doubt());
    }

    /// Whether `generation()` stays the same as long as nobody commits and no lease ends.
    [[nodiscard]] bool is_warm() const noexcept {
        return on_->watch && on_->watch->is_warm() && (!on_->lease || on_->lease->is_sure());
    }

private:
    struct handle {
        handle(const etcd_options& options, etcd_dialler dial)
            : layout{options.prefix},
              client{options, std::move(dial)},
              committer{client, layout} {}

        [[nodiscard]] backend_detail::etcd_view view(etcd_deadline until) noexcept {
            return {client, memory, layout, lease.get(), until};
        }

        [[nodiscard]] std::size_t most_comparisons(const backend_detail::etcd_view& view) const {
            return committer.most_comparisons(view.changed().size());
        }

        [[nodiscard]] result<backend_detail::etcd_outcome>
        commit(std::vector<std::string> on, backend_detail::etcd_view& view, etcd_deadline until) {
            auto ended = committer.commit(std::move(on), view.changed(), until);
            if (!ended) {
                return fail(ended);
            }
            if (ended->what == backend_detail::etcd_outcome::committed) {
                commits.fetch_add(1, std::memory_order_acq_rel);
                remember(view, ended->revision);
            }
            return ended->what;
        }

        // The commit stands: memory that runs out here only costs the next one a guess or a bet.
        void remember(const backend_detail::etcd_view& view, std::uint64_t revision) noexcept {
            (void)guarded([&]() -> result<void> {
                for (const auto& [key, now] : view.changed()) {
                    memory.see(key, now.value);
                }
                if (watch) {
                    last_commit.keep(view.left_by_commit(revision));
                }
                return {};
            });
        }

        // What a commit of this handle's has left, if nobody has committed since as far as is
        // known.
        [[nodiscard]] std::optional<backend_detail::etcd_snapshot> take_last_commit() {
            return watch && watch->is_warm() ? last_commit.take_since(watch->revision())
                                             : std::nullopt;
        }

        backend_detail::etcd_layout layout;
        backend_detail::etcd_client client;
        backend_detail::etcd_memory memory{};
        backend_detail::etcd_last_commit last_commit{};
        backend_detail::etcd_committer committer;
        std::timed_mutex turn{};
        std::atomic<std::uint64_t> commits{0};
        backend_detail::etcd_lease::handle lease{}; // before what its thread uses, and so is
        backend_detail::etcd_watch::handle watch{}; // the first to go
    };

    explicit etcd_backend(std::shared_ptr<handle> on) noexcept : on_{std::move(on)} {}

    // Runs a body on what the last commit has left, and commits if that is so, without a request to
    // read. Nothing if it has to be run in earnest: nobody hears then what this has come to.
    template <class F>
    [[nodiscard]] std::optional<std::invoke_result_t<F&, writer&>> bet(F& body,
                                                                       etcd_deadline until) {
        using outcome = std::invoke_result_t<F&, writer&>;
        auto left = on_->take_last_commit();
        if (!left) {
            return std::nullopt;
        }
        auto view = on_->view(until);
        view.begin_bet(*std::move(left));
        writer txn{view};
        outcome made = body(txn);
        if (!made || view.changed().empty()) {
            return std::nullopt;
        }
        auto comparisons = view.comparisons_of_bet(on_->most_comparisons(view));
        if (!comparisons) {
            return std::nullopt;
        }
        auto committed = on_->commit(*std::move(comparisons), view, until);
        if (!committed) {
            return outcome{fail(committed)};
        }
        return *committed == backend_detail::etcd_outcome::committed
                   ? std::optional{std::move(made)}
                   : std::nullopt;
    }

    // Runs a body until it has guessed nothing, and so has seen one state.
    template <class Txn, class F>
    [[nodiscard]] static std::invoke_result_t<F&, Txn&> run(backend_detail::etcd_view& view,
                                                            F& body) {
        using backend_detail::etcd_view;
        constexpr unsigned most_guesses = 4;
        constexpr unsigned most_runs = 16;
        for (unsigned runs = 1;; ++runs) {
            view.begin_run(runs <= most_guesses);
            Txn txn{view};
            auto outcome = body(txn);
            result<void> fetched{};
            if (view.failure()) {
                fetched = fail(error{*view.failure()});
            } else if (view.was_sure()) {
                return outcome;
            } else {
                fetched = view.fetch_wanted();
            }
            if (fetched) {
                continue;
            }
            if (!etcd_view::is_gone(fetched.error()) || runs >= most_runs) {
                return fail(fetched);
            }
            view.forget();
        }
    }

    // Whether there is time left after it.
    [[nodiscard]] static bool pause(unsigned attempt, etcd_deadline until) {
        using clock = etcd_deadline::clock;
        static thread_local std::minstd_rand random{std::random_device{}()};
        const unsigned longest = 500U << std::min(attempt, 8U);
        std::this_thread::sleep_until(
            std::min(until, clock::now() + std::chrono::microseconds{random() % longest}));
        return clock::now() < until;
    }

    std::shared_ptr<handle> on_;
};

static_assert(byte_backend<etcd_backend>);
static_assert(has_generation<etcd_backend>);

/// A store of typed tables in an etcd cluster.
using etcd_store = lifted<etcd_backend>;

/// Opens such a store: as etcd_backend::open.
[[nodiscard]] inline result<etcd_store> open_etcd_store(const etcd_options& options,
                                                        etcd_dialler dial) {
    auto opened = etcd_backend::open(options, std::move(dial));
    if (!opened) {
        return fail(opened);
    }
    return etcd_store{*std::move(opened)};
}

} // namespace podscope
