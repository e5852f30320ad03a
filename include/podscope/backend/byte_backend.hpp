// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace podscope {

namespace backend_detail {

/// A function of the only shape that a byte backend's `scan` may rely on.
struct any_byte_visitor {
    scan operator()(std::string_view key, std::string_view value) const;
};

} // namespace backend_detail

/// A transaction that reads an ordered map from byte strings to byte strings.
///
/// `get` gives the value, or nothing if the key is not there. `scan` visits the pairs in the byte
/// order of their keys, as unsigned bytes, from the first key that is not less than `from`, until
/// the visitor answers `scan::stop`; what it is given is valid during the visit. Both see what the
/// same transaction has put and erased. Keys and values are any bytes, none among them.
template <class Txn>
concept byte_reader =
    requires(Txn& txn, std::string_view from, backend_detail::any_byte_visitor visit) {
        { txn.get(from) } -> std::same_as<result<std::optional<std::string>>>;
        { txn.scan(from, visit) } -> std::same_as<result<void>>;
    };

/// A transaction that changes such a map. `put` inserts or replaces; `erase` of what is not there
/// is no error.
template <class Txn>
concept byte_writer =
    byte_reader<Txn> && requires(Txn& txn, std::string_view key, std::string_view value) {
        { txn.put(key, value) } -> std::same_as<result<void>>;
        { txn.erase(key) } -> std::same_as<result<void>>;
    };

/// Transactions of a map whose rows can hang on a lease. What the functions mean, `reads_leased`
/// and `leases_rows` say for typed tables.
template <class Txn>
concept leasing_byte_reader = byte_reader<Txn> && requires(Txn& txn, std::string_view key) {
    { txn.is_leased(key) } -> std::same_as<result<bool>>;
};

template <class Txn>
concept leasing_byte_writer = byte_writer<Txn> && leasing_byte_reader<Txn> &&
                              requires(Txn& txn, std::string_view key, std::string_view value) {
                                  { txn.put_leased(key, value) } -> std::same_as<result<void>>;
                                  { txn.put_beside(key, value, key) } -> std::same_as<result<void>>;
                              };

/// One of such a map that can take back what it has done to a row, as `reverts_rows` has it.
template <class Txn>
concept reverting_byte_writer = byte_writer<Txn> && requires(Txn& txn, std::string_view key) {
    { txn.revert(key) } -> std::same_as<result<void>>;
};

/// What the author of a storage plug-in writes: such a map with serialisable transactions.
///
/// `read(f)` and `write(f)` run `f(txn)` and return the result that it returns; after a conflict
/// with another transaction they may run it again. A write takes effect whole if `f` succeeded and
/// the commit did, and not at all otherwise. Transactions do not nest. Every function may be called
/// from several threads at once. A backend that can tell cheaply whether anybody has committed says
/// so by `generation()`, as `has_generation` has it.
///
/// `lifted<Backend>` makes a typed store of it.
template <class B>
concept byte_backend =
    byte_reader<typename B::reader> && byte_writer<typename B::writer> && typed_store<B>;

} // namespace podscope
