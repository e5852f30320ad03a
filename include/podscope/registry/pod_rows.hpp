// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/result.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

namespace podscope::registry_detail {

/// What a row of a live pod comes to hang on, where rows can hang on a lease.
enum class hangs : std::uint8_t {
    on_own_lease,      ///< on this process's
    beside_allocation, ///< on whatever the pod's allocation hangs on
};

/// Puts a row that belongs to a live pod.
template <table T, class Txn>
[[nodiscard]] result<void> put_row(
    Txn& txn, hangs how, std::string_view pod, std::string_view key, typename T::record&& value) {
    if constexpr (leases_rows<Txn, T, tables::allocations>) {
        return how == hangs::on_own_lease
                   ? put_leased<T>(txn, key, std::move(value))
                   : put_beside<T, tables::allocations>(txn, key, std::move(value), pod);
    } else {
        return txn.template put<T>(key, std::move(value));
    }
}

} // namespace podscope::registry_detail
