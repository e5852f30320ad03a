// SPDX-License-Identifier: BSL-1.0
// Split stores to test, and a way to stop one at every step.
#pragma once

#include "backend/map_backend.hpp"
#include "backend/racing_backend.hpp"
#include "backend/test_tables.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/backend/split.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace backend_test {

using namespace std::chrono_literals;
using podscope_test::must;

using first_tables = podscope::schema<numbers>;
using second_tables = podscope::schema<notes, notes_too>;
using first_schema = podscope::split_first_schema<first_tables>;
using second_schema = podscope::split_second_schema<second_tables>;

template <class First, class Second>
using split_of = podscope::basic_split<First, Second, second_tables>;

/// What happens at the steps of a store's commits: before and after each, over all stores that
/// share it, counted from 1.
class step_plan {
public:
    /// From that step on nothing works any more, as if the process were dead.
    void die_at(int step) { dies_at_ = step; }

    /// That step alone fails; or something else is done there.
    void fail_at(int step) { fails_at_ = step; }

    void at(int step, std::function<void()> act) {
        acts_at_ = step;
        act_ = std::move(act);
    }

    void begin() {
        *this = {};
        is_counting_ = true;
    }

    void end() { *this = {}; }

    [[nodiscard]] int count() const { return count_; }

    [[nodiscard]] podscope::result<void> take_step() {
        if (!is_counting_) {
            return {};
        }
        const int step = ++count_;
        const bool fails = step == fails_at_;
        if (step == acts_at_) {
            // Which may be the end of this plan.
            const auto act = std::exchange(act_, {});
            act();
        }
        return fails ? podscope::result<void>{planned()} : check_alive();
    }

    [[nodiscard]] podscope::result<void> check_alive() const {
        return dies_at_ != 0 && count_ >= dies_at_ ? podscope::result<void>{planned()}
                                                   : podscope::result<void>{};
    }

private:
    [[nodiscard]] static podscope::failure planned() {
        return podscope::fail({.category = podscope::errc::io, .message = "failed, as planned"});
    }

    bool is_counting_{false};
    int count_{0};
    int dies_at_{0};
    int fails_at_{0};
    int acts_at_{0};
    std::function<void()> act_{};
};

/// A store whose steps go by a plan. Copies are handles of the same store and plan.
template <podscope::typed_store Store, bool InTurn = false>
class stepped {
public:
    static constexpr podscope::durability durable = Store::durable;
    static constexpr podscope::reach reaches = Store::reaches;
    static constexpr bool in_turn = InTurn;

    using reader = typename Store::reader;
    using writer = typename Store::writer;

    stepped(Store store, std::shared_ptr<step_plan> plan)
        : store_{std::move(store)},
          plan_{std::move(plan)} {}

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, reader&> read(F&& body) {
        ++*reads_;
        if (auto alive = plan_->check_alive(); !alive) {
            return podscope::fail(alive);
        }
        return store_.read(body);
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write(F&& body) {
        using outcome = std::invoke_result_t<F&, writer&>;
        if (auto alive = plan_->check_alive(); !alive) {
            return podscope::fail(alive);
        }
        auto done = store_.write([&](writer& txn) -> outcome {
            auto made = body(txn);
            if (made) {
                if (auto going_on = plan_->take_step(); !going_on) {
                    return podscope::fail(going_on);
                }
            }
            return made;
        });
        if (done) {
            if (auto going_on = plan_->take_step(); !going_on) {
                return podscope::fail(going_on);
            }
        }
        return done;
    }

    /// How many reads there were.
    [[nodiscard]] int reads() const { return *reads_; }

private:
    Store store_;
    std::shared_ptr<step_plan> plan_;
    std::shared_ptr<std::atomic<int>> reads_ = std::make_shared<std::atomic<int>>(0);
};

using first_memory = podscope::basic_memory<first_schema>;
using second_memory = podscope::basic_memory<second_schema>;
template <podscope::durability Durable = podscope::durability::process>
using first_journal = podscope::basic_journal<first_schema, Durable>;
template <podscope::durability Durable = podscope::durability::process>
using second_journal = podscope::basic_journal<second_schema, Durable>;

/// Everything in the tables of the two parts, but not what the split store adds to them.
struct contents {
    std::map<std::string, number> first{};
    std::map<std::string, note> second{};
    std::map<std::string, note> second_too{};

    friend bool operator==(const contents&, const contents&) = default;
};

template <class Txn>
[[nodiscard]] podscope::result<contents> contents_in(Txn& txn) {
    contents all;
    const auto into = [](auto& rows) {
        return [&rows](std::string_view key, const auto& record) {
            rows.emplace(key, record);
            return podscope::scan::next;
        };
    };
    for (auto done : {txn.template scan<numbers>("", into(all.first)),
                      txn.template scan<notes>("", into(all.second)),
                      txn.template scan<notes_too>("", into(all.second_too))}) {
        if (!done) {
            return podscope::fail(done);
        }
    }
    return all;
}

template <class Store>
[[nodiscard]] podscope::result<contents> contents_of(Store& store) {
    return store.read([](auto& txn) { return contents_in(txn); });
}

/// Whether the second part holds nothing that the first has not decided, by their own rows.
template <class Split>
[[nodiscard]] bool is_settled(Split& store) {
    const auto said = must(store.first().read([](auto& txn) {
        return podscope::backend_detail::only_row<podscope::tables::split_decisions>(txn);
    }));
    const auto now = must(store.second().read([](auto& txn) {
        return podscope::backend_detail::only_row<podscope::tables::split_states>(txn);
    }));
    return said.committed == now.change && said.pair == now.pair && !said.meeting;
}

/// Adds one to a number in each part, under the same key.
template <class Store>
[[nodiscard]] podscope::result<std::int64_t> increment_both(Store& store, std::string_view key) {
    return store.write([&](auto& txn) -> podscope::result<std::int64_t> {
        auto one = txn.template get<numbers>(key);
        if (!one) {
            return podscope::fail(one);
        }
        const std::int64_t next = (*one ? (**one).value : 0) + 1;
        auto other = txn.template get<notes>(key);
        if (!other) {
            return podscope::fail(other);
        }
        const std::int64_t next_there = (*other ? std::stoll((**other).text) : 0) + 1;
        if (auto done = txn.template put<notes>(key, {std::to_string(next_there), {}, {}}); !done) {
            return podscope::fail(done);
        }
        if (auto done = txn.template put<numbers>(key, {next, {}}); !done) {
            return podscope::fail(done);
        }
        return next;
    });
}

/// What both parts have under a key, 0 for nothing.
template <class Store>
[[nodiscard]] podscope::result<std::pair<std::int64_t, std::int64_t>>
both_of(Store& store, std::string_view key) {
    using pair = std::pair<std::int64_t, std::int64_t>;
    return store.read([&](auto& txn) -> podscope::result<pair> {
        auto one = txn.template get<numbers>(key);
        if (!one) {
            return podscope::fail(one);
        }
        auto other = txn.template get<notes>(key);
        if (!other) {
            return podscope::fail(other);
        }
        return pair{*one ? (**one).value : 0, *other ? std::stoll((**other).text) : 0};
    });
}

} // namespace backend_test
