// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/unknown_fields.hpp>

#include <boost/hana/adapt_struct.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace backend_test {

struct number {
    std::int64_t value{};
    podscope::unknown_fields unknown{};

    friend bool operator==(const number&, const number&) = default;
};

struct note {
    std::string text{};
    std::optional<std::string> reply{};
    podscope::unknown_fields unknown{};

    friend bool operator==(const note&, const note&) = default;
};

struct numbers {
    static constexpr const char* name = "numbers";
    using record = number;
};

struct notes {
    static constexpr const char* name = "notes";
    using record = note;
};

// A name that begins with another one's: their rows must not meet.
struct notes_too {
    static constexpr const char* name = "notes2";
    using record = note;
};

using test_schema = podscope::schema<numbers, notes, notes_too>;

/// The value of a row, nothing if there is none.
template <class Table = numbers, class Store>
[[nodiscard]] auto value_of(Store& store, std::string_view key) {
    using found = std::optional<typename Table::record>;
    return store.read([&](auto& txn) -> podscope::result<found> {
        auto row = txn.template get<Table>(key);
        if (!row) {
            return podscope::fail(row);
        }
        return *row ? found{**row} : found{};
    });
}

template <class Table = numbers, class Store>
[[nodiscard]] podscope::result<void>
put(Store& store, std::string_view key, typename Table::record record) {
    return store.write(
        [&](auto& txn) -> podscope::result<void> { return txn.template put<Table>(key, record); });
}

template <class Store>
[[nodiscard]] podscope::result<void>
put_number(Store& store, std::string_view key, std::int64_t value) {
    return put(store, key, number{value, {}});
}

template <class Table = numbers, class Store>
[[nodiscard]] podscope::result<void> erase(Store& store, std::string_view key) {
    return store.write([&](auto& txn) { return txn.template erase<Table>(key); });
}

/// Adds one to a row, in one transaction; gives the new value.
template <class Store>
[[nodiscard]] podscope::result<std::int64_t> increment(Store& store, std::string_view key) {
    return store.write([&](auto& txn) -> podscope::result<std::int64_t> {
        auto row = txn.template get<numbers>(key);
        if (!row) {
            return podscope::fail(row);
        }
        number next = *row ? number{**row} : number{};
        ++next.value;
        if (auto done = txn.template put<numbers>(key, next); !done) {
            return podscope::fail(done);
        }
        return next.value;
    });
}

template <class Record>
using rows_of = std::vector<std::pair<std::string, Record>>;

/// All rows of a table from a key on, as a scan visits them.
template <class Table = numbers, class Store>
[[nodiscard]] auto rows_from(Store& store, std::string_view from = "") {
    using rows = rows_of<typename Table::record>;
    return store.read([&](auto& txn) -> podscope::result<rows> {
        rows seen;
        auto done = txn.template scan<Table>(from, [&](std::string_view key, const auto& record) {
            seen.emplace_back(key, record);
            return podscope::scan::next;
        });
        if (!done) {
            return podscope::fail(done);
        }
        return seen;
    });
}

} // namespace backend_test

BOOST_HANA_ADAPT_STRUCT(backend_test::number, value, unknown);
BOOST_HANA_ADAPT_STRUCT(backend_test::note, text, reply, unknown);
