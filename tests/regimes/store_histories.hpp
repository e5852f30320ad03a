// SPDX-License-Identifier: BSL-1.0
// Histories of a store's transactions over a few rows of two tables.
#pragma once

#include "backend/test_tables.hpp"
#include "regimes/fate.hpp"
#include "regimes/linearisability.hpp"
#include "regimes/recorder.hpp"

#include <podscope/error.hpp>
#include <podscope/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include <sched.h>

namespace regimes {

/// Rows 0 and 1 are of one table, 2 and 3 of another.
inline constexpr std::size_t rows = 4;

using row_values = std::array<std::optional<std::int64_t>, rows>;

struct store_operation {
    enum class kind {
        get,      ///< a row
        put,      ///< a value into a row
        erase,    ///< a row
        swap,     ///< `value` for `expected` in a row, if that is there
        add,      ///< `value` to a row, which is 0 if it is not there
        put_both, ///< a value into two rows
        move,     ///< what is in one row into another
        get_all,
    };

    interval when{};
    kind what{};
    std::size_t row{};
    std::size_t other{};
    std::int64_t value{};
    std::int64_t expected{};
    row_values seen{}; ///< what it read, or has left in `row`
    bool swapped{};
};

/// For a person who looks at a history that was refused.
[[nodiscard]] inline std::string to_text(const store_operation& one) {
    static constexpr std::array names{"get", "put",      "erase", "swap",
                                      "add", "put_both", "move",  "get_all"};
    std::string text = to_text(one.when) + names[static_cast<std::size_t>(one.what)] + " row " +
                       std::to_string(one.row) + " other " + std::to_string(one.other) +
                       " expected " + std::to_string(one.expected) + " value " +
                       std::to_string(one.value) + (one.swapped ? " swapped" : "") + " seen";
    for (const auto& row : one.seen) {
        text += row ? ' ' + std::to_string(*row) : " -";
    }
    return text;
}

/// Does an operation on rows that can be got and set one by one: those of a transaction, and those
/// of the model.
template <class Rows>
void do_operation(store_operation& one, Rows& all) {
    using kind = store_operation::kind;
    switch (one.what) {
    case kind::get: one.seen[0] = all.get(one.row); return;
    case kind::put: all.set(one.row, one.value); return;
    case kind::erase: all.set(one.row, std::nullopt); return;
    case kind::swap:
        one.seen[0] = all.get(one.row);
        one.swapped = one.seen[0] == one.expected;
        if (one.swapped) {
            all.set(one.row, one.value);
        }
        return;
    case kind::add:
        one.seen[0] = all.get(one.row).value_or(0) + one.value;
        all.set(one.row, one.seen[0]);
        return;
    case kind::put_both:
        all.set(one.row, one.value);
        all.set(one.other, one.value);
        return;
    case kind::move:
        one.seen[0] = all.get(one.row);
        all.set(one.row, std::nullopt);
        all.set(one.other, one.seen[0]);
        return;
    case kind::get_all:
        for (std::size_t row = 0; row != rows; ++row) {
            one.seen[row] = all.get(row);
        }
    }
}

[[nodiscard]] inline bool only_reads(store_operation::kind what) {
    return what == store_operation::kind::get || what == store_operation::kind::get_all;
}

struct store_model {
    using state = row_values;
    using operation = store_operation;

    struct values {
        row_values* all;

        [[nodiscard]] std::optional<std::int64_t> get(std::size_t row) const { return (*all)[row]; }

        void set(std::size_t row, std::optional<std::int64_t> value) { (*all)[row] = value; }
    };

    [[nodiscard]] std::optional<state> apply(const state& now, const operation& one) const {
        state next = now;
        values in{&next};
        operation alone = one;
        alone.seen = {};
        alone.swapped = false;
        do_operation(alone, in);
        if (one.when.is_complete() && (alone.seen != one.seen || alone.swapped != one.swapped)) {
            return std::nullopt;
        }
        return next;
    }

    [[nodiscard]] std::string key(const state& now) const {
        std::string text;
        for (const auto& row : now) {
            text += row ? std::to_string(*row) + ' ' : "- ";
        }
        return text;
    }
};

/// The rows as a transaction sees them. What fails is thrown.
template <class Txn>
class transaction_rows {
public:
    explicit transaction_rows(Txn& txn) : txn_{&txn} {}

    [[nodiscard]] std::optional<std::int64_t> get(std::size_t row) const {
        const auto at = key(row);
        if (row < 2) {
            auto found = must(txn_->template get<backend_test::numbers>(at));
            return found ? std::optional{(*found).value} : std::nullopt;
        }
        auto found = must(txn_->template get<backend_test::notes>(at));
        return found ? std::optional{std::int64_t{std::stoll((*found).text)}} : std::nullopt;
    }

    void set(std::size_t row, std::optional<std::int64_t> value) {
        const auto at = key(row);
        if (row < 2) {
            must(value ? txn_->template put<backend_test::numbers>(at, {.value = *value})
                       : txn_->template erase<backend_test::numbers>(at));
        } else {
            must(value
                     ? txn_->template put<backend_test::notes>(at, {.text = std::to_string(*value)})
                     : txn_->template erase<backend_test::notes>(at));
        }
    }

private:
    static std::string key(std::size_t row) { return "row " + std::to_string(row); }

    template <class Result>
    static auto must(Result&& got) {
        if (!got) {
            throw std::runtime_error{to_string(got.error())};
        }
        if constexpr (!std::is_void_v<typename std::remove_cvref_t<Result>::value_type>) {
            return std::move(*got);
        }
    }

    Txn* txn_;
};

/// Runs each operation as one transaction, as a store is used.
template <class Store>
class transactions {
public:
    explicit transactions(Store store) : store_{std::move(store)} {}

    fate run(store_operation& one) {
        const auto body = [&](auto& txn) -> podscope::result<void> {
            // It may be run again.
            store_operation tried = one;
            if (only_reads(one.what)) {
                read_rows in{transaction_rows{txn}};
                do_operation(tried, in);
            } else if constexpr (requires { txn.template erase<backend_test::numbers>({}); }) {
                transaction_rows in{txn};
                do_operation(tried, in);
            }
            one = tried;
            return {};
        };
        const auto done = only_reads(one.what) ? store_.read(body) : store_.write(body);
        const fate became = done ? fate::answered : fate_of(done.error());
        if (!done && became == fate::answered) {
            throw std::runtime_error{to_string(done.error())};
        }
        return became;
    }

private:
    template <class Rows>
    struct read_rows {
        Rows all;

        [[nodiscard]] auto get(std::size_t row) const { return all.get(row); }

        static void set(std::size_t, std::optional<std::int64_t>) {}
    };

    template <class Rows>
    read_rows(Rows) -> read_rows<Rows>;

    Store store_;
};

/// Broken on purpose: each access to a row is a transaction of its own.
template <class Store>
class torn_transactions {
public:
    explicit torn_transactions(Store store) : store_{std::move(store)} {}

    fate run(store_operation& one) {
        do_operation(one, *this);
        return fate::answered;
    }

    [[nodiscard]] std::optional<std::int64_t> get(std::size_t row) {
        store_operation single{.what = store_operation::kind::get, .row = row};
        store_.run(single);
        ::sched_yield();
        return single.seen[0];
    }

    void set(std::size_t row, std::optional<std::int64_t> value) {
        store_operation single{.what = value ? store_operation::kind::put
                                             : store_operation::kind::erase,
                               .row = row,
                               .value = value.value_or(0)};
        store_.run(single);
        ::sched_yield();
    }

private:
    transactions<Store> store_;
};

/// Broken on purpose: what was read once is believed for some time.
template <class Store>
class stale_transactions {
public:
    explicit stale_transactions(Store store) : store_{std::move(store)} {}

    fate run(store_operation& one) {
        if (one.what != store_operation::kind::get) {
            return store_.run(one);
        }
        if (reads_++ % 3 == 0) {
            store_operation all{.what = store_operation::kind::get_all};
            store_.run(all);
            believed_ = all.seen;
        }
        one.seen[0] = believed_[one.row];
        return fate::answered;
    }

private:
    transactions<Store> store_;
    row_values believed_{};
    std::uint64_t reads_{};
};

/// Some operations, the same for the same numbers.
[[nodiscard]] inline store_operation any_store_operation(std::mt19937_64& random) {
    store_operation one;
    one.what = static_cast<store_operation::kind>(random() % 8);
    one.row = random() % rows;
    one.other = (one.row + 1 + random() % (rows - 1)) % rows;
    one.value = static_cast<std::int64_t>(1 + random() % 3);
    one.expected = static_cast<std::int64_t>(1 + random() % 3);
    return one;
}

/// A history over a store that `open()` opens, in each process anew. `Transactions` runs the
/// operations.
template <template <class> class Transactions, class Open>
[[nodiscard]] history<store_operation> record_store_history(Open&& open,
                                                            disturbance how,
                                                            const blow_to_all& strike,
                                                            std::mt19937_64& random) {
    const auto processes = 3 + random() % 2;
    const auto seed = random();
    auto made = make_history<store_operation>(
        processes, how, strike, random, [&](std::size_t process, recorder<store_operation>& notes) {
            std::mt19937_64 own{seed + process};
            Transactions store{open()};
            const auto count = 4 + own() % 5;
            notes.meet();
            for (std::uint64_t i = 0; i != count; ++i) {
                notes.record(any_store_operation(own),
                             [&](store_operation& one) { return store.run(one); });
            }
        });
    // What was left in the end belongs to it.
    transactions rest{open()};
    store_operation last{.what = store_operation::kind::get_all};
    if (rest.run(last) != fate::answered) {
        throw std::runtime_error{"what is left of a history cannot be read"};
    }
    last.when = {made.next_stamp, made.next_stamp + 1};
    made.operations.push_back(last);
    return made;
}

} // namespace regimes
