// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>

#include <concepts>
#include <string_view>
#include <utility>

namespace podscope {

/// A transaction that reads rows which may hang on a lease. A store's handle has one, and keeps it
/// up as long as its process runs. Once a lease has ended all rows that hang on it are gone, all at
/// one moment, and nobody has committed that.
///
/// `is_leased` says whether a row hangs on one; false if there is no such row.
template <class Txn, class Table>
concept reads_leased = reads<Txn, Table> && requires(Txn& txn, std::string_view key) {
    { txn.template is_leased<Table>(key) } -> std::same_as<result<bool>>;
};

/// A transaction that puts such rows.
///
/// `put_leased` inserts or replaces a row, which from then on hangs on the lease of this handle; on
/// none, if the handle has none. `put_beside` inserts or replaces one, which from then on hangs on
/// whatever `beside` hangs on, a row of another table or the row itself; on none if there is no
/// such row. After a plain `put` a row hangs on nothing.
template <class Txn, class Table, class Beside = Table>
concept leases_rows =
    writes<Txn, Table> && reads_leased<Txn, Table> && reads_leased<Txn, Beside> &&
    requires(Txn& txn, std::string_view key, const typename Table::record& value) {
        { txn.template put_leased<Table>(key, value) } -> std::same_as<result<void>>;
        { txn.template put_beside<Table, Beside>(key, value, key) } -> std::same_as<result<void>>;
    };

/// `txn.is_leased` where the transaction has that, and false elsewhere.
template <table T, class Txn>
    requires reads<Txn, T>
[[nodiscard]] result<bool> is_leased(Txn& txn, std::string_view key) {
    if constexpr (reads_leased<Txn, T>) {
        return txn.template is_leased<T>(key);
    } else {
        return false;
    }
}

/// `txn.put_leased` where the transaction has that, and a plain put elsewhere.
template <table T, class Txn>
    requires writes<Txn, T>
[[nodiscard]] result<void> put_leased(Txn& txn, std::string_view key, typename T::record value) {
    if constexpr (leases_rows<Txn, T>) {
        return txn.template put_leased<T>(key, std::move(value));
    } else {
        return txn.template put<T>(key, std::move(value));
    }
}

/// `txn.put_beside` where the transaction has that, and a plain put elsewhere.
template <table T, table Beside, class Txn>
    requires writes<Txn, T>
[[nodiscard]] result<void>
put_beside(Txn& txn, std::string_view key, typename T::record value, std::string_view beside) {
    if constexpr (leases_rows<Txn, T, Beside>) {
        return txn.template put_beside<T, Beside>(key, std::move(value), beside);
    } else {
        return txn.template put<T>(key, std::move(value));
    }
}

} // namespace podscope
