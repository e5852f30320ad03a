// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/byte_backend.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/opened.hpp>
#include <podscope/verify/conformance/store_tables.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope::verify::conformance {

/// Any store, as the kit sees it: its checks are compiled once and not for each store.
enum class which_table : bool { first, other };

using row_visitor = std::function<scan(std::string_view, const kit_row&)>;

class any_transaction;

using any_body = std::function<result<void>(any_transaction&)>;

class any_transaction {
public:
    any_transaction() = default;
    any_transaction(const any_transaction&) = delete;
    any_transaction& operator=(const any_transaction&) = delete;
    virtual ~any_transaction() = default;

    [[nodiscard]] virtual result<std::optional<kit_row>> get(which_table, std::string_view key) = 0;
    /// What a get gives, looked at only after something else was done in the transaction.
    [[nodiscard]] virtual result<std::optional<kit_row>>
    get_before(which_table, std::string_view key, const any_body& something) = 0;
    [[nodiscard]] virtual result<void>
    scan_from(which_table, std::string_view from, const row_visitor& visit) = 0;
    [[nodiscard]] virtual result<void>
    scan_below(which_table, std::string_view prefix, const row_visitor& visit) = 0;
    [[nodiscard]] virtual result<void>
    put(which_table, std::string_view key, const kit_row& value) = 0;
    [[nodiscard]] virtual result<void> erase(which_table, std::string_view key) = 0;

    // Where rows can hang on a lease.
    [[nodiscard]] virtual result<bool> is_leased(which_table, std::string_view key) = 0;
    [[nodiscard]] virtual result<void>
    put_leased(which_table, std::string_view key, const kit_row& value) = 0;
    /// Beside a row of the first table.
    [[nodiscard]] virtual result<void> put_beside(which_table,
                                                  std::string_view key,
                                                  const kit_row& value,
                                                  std::string_view beside) = 0;
};

class any_store {
public:
    any_store() = default;
    any_store(const any_store&) = delete;
    any_store& operator=(const any_store&) = delete;
    virtual ~any_store() = default;

    [[nodiscard]] virtual result<void> read(const any_body& body) = 0;
    [[nodiscard]] virtual result<void> write(const any_body& body) = 0;
    [[nodiscard]] virtual result<void> write_delayed(const any_body& body) = 0;
    /// What a body returned that only returns this.
    [[nodiscard]] virtual result<std::string> read_word(const std::string& word) = 0;
    [[nodiscard]] virtual result<std::string> write_word(const std::string& word) = 0;
    [[nodiscard]] virtual bool counts() const = 0; ///< whether it has a generation
    [[nodiscard]] virtual std::uint64_t generation() const = 0;
};

/// Where there is one store, of which any number of handles can be opened.
class any_place {
public:
    any_place() = default;
    any_place(const any_place&) = delete;
    any_place& operator=(const any_place&) = delete;
    virtual ~any_place() = default;

    [[nodiscard]] virtual result<std::unique_ptr<any_store>> open() = 0;
    /// What the place itself can tell of its store: that it is sound.
    [[nodiscard]] virtual result<void> check() = 0;
};

/// Makes a place with a store that is new.
using place_maker = std::function<std::unique_ptr<any_place>()>;

template <class Txn, bool Writes>
class transaction_of final : public any_transaction {
public:
    explicit transaction_of(Txn& txn) noexcept : txn_{&txn} {}

    result<std::optional<kit_row>> get(which_table which, std::string_view key) override {
        return get_before(which, key, [](any_transaction&) { return result<void>{}; });
    }

    result<std::optional<kit_row>>
    get_before(which_table which, std::string_view key, const any_body& something) override {
        return in(which, [&]<class T>(T) -> result<std::optional<kit_row>> {
            auto row = txn_->template get<T>(key);
            if (!row) {
                return fail(row);
            }
            if (auto done = something(*this); !done) {
                return fail(done);
            }
            return *row ? std::optional<kit_row>{**row} : std::nullopt;
        });
    }

    result<void>
    scan_from(which_table which, std::string_view from, const row_visitor& visit) override {
        return in(which, [&]<class T>(T) { return txn_->template scan<T>(from, visit); });
    }

    result<void>
    scan_below(which_table which, std::string_view prefix, const row_visitor& visit) override {
        return in(which, [&]<class T>(T) { return scan_prefix<T>(*txn_, prefix, visit); });
    }

    result<void> put(which_table which, std::string_view key, const kit_row& value) override {
        return write(which, [&]<class T>(T, auto& txn) { return txn.template put<T>(key, value); });
    }

    result<void> erase(which_table which, std::string_view key) override {
        return write(which, [&]<class T>(T, auto& txn) { return txn.template erase<T>(key); });
    }

    result<bool> is_leased(which_table which, std::string_view key) override {
        return in(which, [&]<class T>(T) { return podscope::is_leased<T>(*txn_, key); });
    }

    result<void>
    put_leased(which_table which, std::string_view key, const kit_row& value) override {
        return write(
            which, [&]<class T>(T, auto& txn) { return podscope::put_leased<T>(txn, key, value); });
    }

    result<void> put_beside(which_table which,
                            std::string_view key,
                            const kit_row& value,
                            std::string_view beside) override {
        return write(which, [&]<class T>(T, auto& txn) {
            return podscope::put_beside<T, kit_table>(txn, key, value, beside);
        });
    }

private:
    template <class F>
    result<void> write(which_table which, F&& f) {
        if constexpr (Writes) {
            return in(which, [&](auto table) { return f(table, *txn_); });
        } else {
            return fail({.category = errc::unavailable, .message = "a reader does not write"});
        }
    }

    template <class F>
    static auto in(which_table which, F&& f) {
        return which == which_table::first ? f(kit_table{}) : f(other_kit_table{});
    }

    Txn* txn_;
};

template <typed_store Store>
class store_of final : public any_store {
public:
    explicit store_of(Store store) : store_{std::move(store)} {}

    result<void> read(const any_body& body) override {
        return store_.read([&](typename Store::reader& txn) -> result<void> {
            transaction_of<typename Store::reader, false> seen{txn};
            return body(seen);
        });
    }

    result<void> write(const any_body& body) override { return store_.write(writing(body)); }

    result<void> write_delayed(const any_body& body) override {
        return podscope::write_delayed(store_, writing(body));
    }

    result<std::string> read_word(const std::string& word) override {
        return store_.read([&](typename Store::reader&) -> result<std::string> { return word; });
    }

    result<std::string> write_word(const std::string& word) override {
        return store_.write([&](typename Store::writer&) -> result<std::string> { return word; });
    }

    [[nodiscard]] bool counts() const override { return has_generation<Store>; }

    [[nodiscard]] std::uint64_t generation() const override {
        if constexpr (has_generation<Store>) {
            return store_.generation();
        } else {
            return 0;
        }
    }

private:
    static auto writing(const any_body& body) {
        return [&body](typename Store::writer& txn) -> result<void> {
            transaction_of<typename Store::writer, true> seen{txn};
            return body(seen);
        };
    }

    Store store_;
};

// A byte backend is tried as the typed store that is made of it.
template <class Opened>
[[nodiscard]] auto typed(Opened opened) {
    if constexpr (byte_backend<Opened>) {
        return lifted<Opened>{std::move(opened)};
    } else {
        return opened;
    }
}

template <class Make>
class place_of final : public any_place {
public:
    using place = std::invoke_result_t<Make&>;
    using plug_in = plug_in_of<place>;
    using store = decltype(typed(std::declval<plug_in>()));

    explicit place_of(Make& make) : place_{make()} {}

    result<std::unique_ptr<any_store>> open() override {
        auto opened = opened_at(place_);
        if (!opened) {
            return fail(opened);
        }
        return std::make_unique<store_of<store>>(typed(*std::move(opened)));
    }

    result<void> check() override {
        if constexpr (requires { place_.check(); }) {
            return place_.check();
        } else {
            return {};
        }
    }

private:
    place place_;
};

} // namespace podscope::verify::conformance
