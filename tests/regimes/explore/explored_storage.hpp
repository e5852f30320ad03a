// SPDX-License-Identifier: BSL-1.0
// The stores that scenarios are played over, each as all processes have it together.
#pragma once

#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/backend/split_options.hpp>
#include <podscope/backend/split_records.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/split_store.hpp>
#include <podscope/verify/interleaved_store.hpp>
#include <podscope/verify/schedule.hpp>
#include <podscope/verify/scheduled_store.hpp>
#include <podscope/verify/threaded_store.hpp>

#include <chrono>
#include <cstdint>
#include <utility>

namespace regimes {

using explored_memory = podscope::basic_memory<podscope::pod_schema>;

/// One store for registry and pod store, of which each transaction is one step.
template <class Store>
class one_store {
public:
    using backend = Store;

    static constexpr bool checks_in_one_step = !podscope::has_generation<Store>;

    explicit one_store(podscope::verify::schedule& plan) : plan_{&plan} {}

    [[nodiscard]] backend open() const { return {memory_, *plan_}; }

    /// Read beside the schedule.
    [[nodiscard]] podscope_test::stored_state state() const {
        auto handle = memory_;
        return podscope_test::stored_state{handle};
    }

    [[nodiscard]] std::uint64_t hash() const {
        if (const auto now = memory_.generation() + 1; now != hashed_at_) {
            auto handle = memory_;
            hash_ = podscope_test::must(
                podscope::verify::contents_hash(podscope::pod_schema{}, handle));
            hashed_at_ = now;
        }
        return podscope::has_generation<Store> ? podscope::verify::mix(hash_, hashed_at_) : hash_;
    }

private:
    explored_memory memory_{};
    podscope::verify::schedule* plan_;
    mutable std::uint64_t hash_{};
    mutable std::uint64_t hashed_at_{};
};

/// Registry and pod store apart.
template <podscope::verify::writing Way>
class two_stores {
public:
    using first = podscope::verify::interleaved_store<podscope::registry_part, Way>;
    using second = podscope::verify::interleaved_store<podscope::pod_store_part, Way>;
    using backend = podscope::split_store<first, second>;

    static constexpr bool checks_in_one_step = false;

    explicit two_stores(podscope::verify::schedule& plan)
        : first_{met_first().copy(plan)},
          second_{met_second().copy(plan)} {}

    [[nodiscard]] backend open() const { return {first_, second_, without_time}; }

    /// As the next one to come would find it: an unfinished change is taken back in a copy.
    [[nodiscard]] podscope_test::stored_state state() const {
        podscope::verify::schedule nobody_runs;
        backend copy{first_.copy(nobody_runs), second_.copy(nobody_runs), without_time};
        return podscope_test::stored_state{copy};
    }

    [[nodiscard]] std::uint64_t hash() const {
        return podscope::verify::mix(first_.hash(), second_.hash());
    }

private:
    // No one waits, so that nothing is decided by how long something takes.
    static constexpr podscope::split_options without_time{.patience = {},
                                                          .deadline = std::chrono::hours{1}};

    // The number that they give themselves in common would be another one in each run.
    static first met_first() {
        podscope::verify::schedule nobody_runs;
        first made{"the registry", nobody_runs};
        podscope_test::must(made.write([](auto& txn) {
            return txn.template put<podscope::tables::split_decisions>("", {.pair = 1});
        }));
        return made;
    }

    static second met_second() {
        podscope::verify::schedule nobody_runs;
        second made{"the pod store", nobody_runs};
        podscope_test::must(made.write([](auto& txn) {
            return txn.template put<podscope::tables::split_states>("", {.pair = 1});
        }));
        return made;
    }

    first first_;
    second second_;
};

/// Calls a function after each write that has succeeded.
template <class Store, class Told>
class watched_store : public Store {
public:
    watched_store(Store store, Told told) : Store{std::move(store)}, told_{std::move(told)} {}

    template <class F>
    [[nodiscard]] auto write(F&& body) {
        auto done = Store::write(std::forward<F>(body));
        if (done) {
            told_();
        }
        return done;
    }

private:
    Told told_;
};

} // namespace regimes
