// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <concepts>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope {

/// What a commit that was reported as done survives.
enum class durability : std::uint8_t {
    none,    ///< nothing: it is gone with the process
    process, ///< the death of every process, but not of the machine
    power,   ///< the loss of power
};

/// Who sees the same data.
enum class reach : std::uint8_t {
    thread,  ///< the threads of one process
    machine, ///< the processes of one machine
    cluster, ///< processes on several machines
};

/// What a visitor of a scan wants next.
enum class scan : bool { stop, next };

/// A named, ordered map from byte strings to records of one type.
template <class T>
concept table = requires {
    typename T::record;
    { T::name } -> std::convertible_to<std::string_view>;
};

/// A list of tables, given to a backend that holds its records as they are.
template <table... Tables>
struct schema {};

namespace backend_detail {

/// A function of the only shape that `scan` may rely on.
template <table T>
struct any_visitor {
    scan operator()(std::string_view key, const typename T::record& value) const;
};

template <class H, class Record>
concept handle_to = requires(const H& h) {
    static_cast<bool>(h);
    { *h } -> std::convertible_to<const Record&>;
    requires std::same_as<std::remove_cvref_t<decltype(*h)>, Record>;
};

template <class R, class Record>
concept handle_result =
    std::same_as<R, result<typename R::value_type>> && handle_to<typename R::value_type, Record>;

// A static member whose value the compiler knows.
template <class Value, Value>
struct known_at_compile_time {};

} // namespace backend_detail

/// A transaction that reads a table.
///
/// `get` gives the result of a handle: false if there is no such record, else it dereferences to
/// the record, and is valid until that record is next put or erased, and no longer than the
/// transaction. `scan` visits records in the byte order of their keys, from the first key that is
/// not less than `from`, until the visitor answers `scan::stop`; the visitor may read but not
/// write.
template <class Txn, class Table>
concept reads = table<Table> &&
                requires(Txn& txn, std::string_view key, backend_detail::any_visitor<Table> visit) {
                    {
                        txn.template get<Table>(key)
                    } -> backend_detail::handle_result<typename Table::record>;
                    { txn.template scan<Table>(key, visit) } -> std::same_as<result<void>>;
                };

/// A transaction that writes a table. `put` inserts or replaces; `erase` of what is not there is no
/// error.
template <class Txn, class Table>
concept writes = reads<Txn, Table> &&
                 requires(Txn& txn, std::string_view key, const typename Table::record& value) {
                     { txn.template put<Table>(key, value) } -> std::same_as<result<void>>;
                     { txn.template erase<Table>(key) } -> std::same_as<result<void>>;
                 };

namespace backend_detail {

template <class Txn>
struct any_body {
    result<int> operator()(Txn& txn) const;
};

} // namespace backend_detail

/// A store of typed tables with serialisable transactions: what registry, pod store and reconcile
/// are written over.
///
/// `read(f)` and `write(f)` run `f(txn)` and return the result that it returns. `f` may be run
/// again after a conflict with another transaction, so it must have no other effect. A write takes
/// effect whole if `f` succeeded and the commit did, and not at all otherwise. Transactions do not
/// nest. Every function may be called from several threads at once. `durable` and `reaches` are
/// constants.
template <class S>
concept typed_store = requires(S& store,
                               backend_detail::any_body<typename S::reader> read_body,
                               backend_detail::any_body<typename S::writer> write_body) {
    typename backend_detail::known_at_compile_time<durability, S::durable>;
    typename backend_detail::known_at_compile_time<reach, S::reaches>;
    { store.read(read_body) } -> std::same_as<result<int>>;
    { store.write(write_body) } -> std::same_as<result<int>>;
};

/// A store that can tell cheaply whether anybody has committed anything: a counter that moves with
/// every commit, before that commit is reported as done.
template <class S>
concept has_generation = typed_store<S> && requires(const S& store) {
    { store.generation() } noexcept -> std::same_as<std::uint64_t>;
};

namespace backend_detail {

template <class S>
struct mutex_of {
    using type = std::mutex;
};

template <class S>
    requires requires { typename S::mutex; }
struct mutex_of<S> {
    using type = typename S::mutex;
};

} // namespace backend_detail

/// By what the callers of a store wait for each other while one of them is in a transaction:
/// `S::mutex` where a store whose callers are no threads of the system has that, else std::mutex.
template <class S>
using mutex_of = typename backend_detail::mutex_of<S>::type;

/// A store with commits of delayed durability: `write_delayed` is a `write` that is seen at once,
/// as any, and becomes durable with the next commit that is. A crash takes it back alone or with
/// what was committed after it, never what was committed before.
template <class S>
concept delays_durability =
    typed_store<S> && requires(S& store, backend_detail::any_body<typename S::writer> body) {
        { store.write_delayed(body) } -> std::same_as<result<int>>;
    };

/// `store.write_delayed(body)` where the store has that, and a plain write elsewhere: for what may
/// be done again after a crash, and should cost no sync of its own.
template <typed_store S, class F>
[[nodiscard]] std::invoke_result_t<F, typename S::writer&> write_delayed(S& store, F&& body) {
    if constexpr (delays_durability<S>) {
        return store.write_delayed(std::forward<F>(body));
    } else {
        return store.write(std::forward<F>(body));
    }
}

namespace backend_detail {

// The least key above all that begin so; nothing if there is no such key.
[[nodiscard]] inline std::optional<std::string> end_of_prefix(std::string_view prefix) {
    const auto last = prefix.find_last_not_of('\xff');
    if (last == std::string_view::npos) {
        return std::nullopt;
    }
    std::string end{prefix.substr(0, last + 1)};
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    return end;
}

// Says which keys it asks for, so that a row outside of them that cannot be read is not held
// against it, and none of them is fetched for nothing.
template <class Visitor>
struct prefix_visitor {
    std::string_view prefix;
    Visitor& visit;

    [[nodiscard]] bool covers(std::string_view key) const noexcept {
        return key.starts_with(prefix);
    }

    [[nodiscard]] std::optional<std::string> end() const { return end_of_prefix(prefix); }

    scan operator()(std::string_view key, const auto& value) const {
        return covers(key) ? visit(key, value) : scan::stop;
    }
};

template <class Visitor>
[[nodiscard]] bool asks_for(const Visitor& visit, std::string_view key) {
    if constexpr (requires { visit.covers(key); }) {
        return visit.covers(key);
    } else {
        return true;
    }
}

// The least key above all that it asks for, if that is known and there is one.
template <class Visitor>
[[nodiscard]] std::optional<std::string> end_of_asked(const Visitor& visit) {
    if constexpr (requires { visit.end(); }) {
        return visit.end();
    } else {
        return std::nullopt;
    }
}

} // namespace backend_detail

/// Visits the records of a table whose keys start with `prefix`, from the key `from` on, which is
/// one of those or might be, in order, until told to stop.
template <table T, class Txn, class Visitor>
    requires reads<Txn, T>
[[nodiscard]] result<void>
scan_prefix(Txn& txn, std::string_view prefix, std::string_view from, Visitor&& visit) {
    const backend_detail::prefix_visitor<std::remove_reference_t<Visitor>> within{prefix, visit};
    return txn.template scan<T>(from, within);
}

/// All of them.
template <table T, class Txn, class Visitor>
    requires reads<Txn, T>
[[nodiscard]] result<void> scan_prefix(Txn& txn, std::string_view prefix, Visitor&& visit) {
    return scan_prefix<T>(txn, prefix, prefix, visit);
}

} // namespace podscope
