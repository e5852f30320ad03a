// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>

#include <concepts>
#include <string_view>

namespace podscope {

/// A transaction that takes back what it has done to a row itself: after `revert` the row is as the
/// transaction has found it, and hangs on what it hung on. Nothing to do for a row that it has not
/// changed.
template <class Txn, class Table>
concept reverts_rows = writes<Txn, Table> && requires(Txn& txn, std::string_view key) {
    { txn.template revert<Table>(key) } -> std::same_as<result<void>>;
};

} // namespace podscope
