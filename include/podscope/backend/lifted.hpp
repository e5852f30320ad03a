// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/byte_backend.hpp>
#include <podscope/backend/codec.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/guessed_reads.hpp>
#include <podscope/backend/record_error.hpp>
#include <podscope/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope {

namespace backend_detail {

/// The key of a row in a byte backend: the table's name, a NUL, and the row's key. So a table is
/// one range of keys, with its rows in their order.
template <table T>
[[nodiscard]] std::string lifted_key(std::string_view key) {
    static constexpr std::string_view name = T::name;
    static_assert(!name.empty() && name.find('\0') == std::string_view::npos,
                  "podscope: a table's name must not be empty or hold a NUL");
    std::string made;
    made.reserve(name.size() + 1 + key.size());
    made.append(name).append(1, '\0').append(key);
    return made;
}

// Decodes what a scan of the table meets, and says which keys that can be, so that a backend need
// not take the first row of the next table for something that was asked for.
template <table T, class Visitor>
struct lifted_visitor {
    std::string_view table;
    Visitor& visit;
    std::optional<error>& unreadable;

    [[nodiscard]] bool covers(std::string_view key) const {
        return key.starts_with(table) && asks_for(visit, key.substr(table.size()));
    }

    [[nodiscard]] std::optional<std::string> end() const {
        const auto within = end_of_asked(visit);
        return within ? std::string{table} + *within : end_of_prefix(table);
    }

    scan operator()(std::string_view key, std::string_view value) const {
        if (!key.starts_with(table)) {
            return scan::stop;
        }
        key.remove_prefix(table.size());
        auto read = decode_record<typename T::record>(value);
        if (read) {
            return visit(key, std::as_const(*read));
        }
        if (!asks_for(visit, key)) {
            return scan::stop;
        }
        if (!unreadable) {
            unreadable = unreadable_record(T::name, key, std::move(read).error());
        }
        return scan::next;
    }
};

} // namespace backend_detail

/// A transaction of a byte backend that reads records. Its cost is that of the backend and of
/// decoding what is read.
///
/// A record that cannot be read is an error that names its key, from `get` of that key and from a
/// scan over it; the scan visits the others first.
template <byte_reader Bytes>
class lifted_reader {
public:
    explicit lifted_reader(Bytes& txn) noexcept : txn_{&txn} {}

    template <table T>
    [[nodiscard]] result<std::optional<typename T::record>> get(std::string_view key) const {
        using record = typename T::record;
        auto bytes = txn_->get(backend_detail::lifted_key<T>(key));
        if (!bytes) {
            return fail(bytes);
        }
        if (!*bytes) {
            return std::optional<record>{};
        }
        auto read = decode_record<record>(**bytes);
        if (!read) {
            return fail(backend_detail::unreadable_record(T::name, key, std::move(read).error()));
        }
        return std::optional<record>{*std::move(read)};
    }

    template <table T, class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        const std::string table = backend_detail::lifted_key<T>("");
        std::optional<error> unreadable;
        auto scanned =
            txn_->scan(table + std::string{from},
                       backend_detail::lifted_visitor<T, std::remove_reference_t<Visitor>>{
                           table, visit, unreadable});
        if (scanned && unreadable) {
            return fail(*std::move(unreadable));
        }
        return scanned;
    }

    template <table T>
        requires leasing_byte_reader<Bytes>
    [[nodiscard]] result<bool> is_leased(std::string_view key) const {
        return txn_->is_leased(backend_detail::lifted_key<T>(key));
    }

    [[nodiscard]] bool has_guessed() const noexcept
        requires guesses_reads<Bytes>
    {
        return txn_->has_guessed();
    }

protected:
    Bytes* txn_;
};

/// A transaction of a byte backend that reads and writes records.
template <byte_writer Bytes>
class lifted_writer : public lifted_reader<Bytes> {
public:
    using lifted_reader<Bytes>::lifted_reader;

    template <table T>
    [[nodiscard]] result<void> put(std::string_view key, const typename T::record& value) {
        return this->txn_->put(backend_detail::lifted_key<T>(key), encode_record(value));
    }

    template <table T>
    [[nodiscard]] result<void> erase(std::string_view key) {
        return this->txn_->erase(backend_detail::lifted_key<T>(key));
    }

    template <table T>
        requires leasing_byte_writer<Bytes>
    [[nodiscard]] result<void> put_leased(std::string_view key, const typename T::record& value) {
        return this->txn_->put_leased(backend_detail::lifted_key<T>(key), encode_record(value));
    }

    template <table T, table Beside>
        requires leasing_byte_writer<Bytes>
    [[nodiscard]] result<void>
    put_beside(std::string_view key, const typename T::record& value, std::string_view beside) {
        return this->txn_->put_beside(backend_detail::lifted_key<T>(key), encode_record(value),
                                      backend_detail::lifted_key<Beside>(beside));
    }

    template <table T>
        requires reverting_byte_writer<Bytes>
    [[nodiscard]] result<void> revert(std::string_view key) {
        return this->txn_->revert(backend_detail::lifted_key<T>(key));
    }
};

/// A byte backend as a store of typed tables: of any, since the records are encoded.
///
/// It has the backend's durability and reach, its generation if it has one, and its guarantees for
/// threads and processes.
template <byte_backend Bytes>
class lifted {
public:
    static constexpr durability durable = Bytes::durable;
    static constexpr podscope::reach reaches = Bytes::reaches;
    static constexpr bool in_turn = requires { requires Bytes::in_turn; };

    using reader = lifted_reader<typename Bytes::reader>;
    using writer = lifted_writer<typename Bytes::writer>;

    explicit lifted(Bytes backend) : bytes_{std::move(backend)} {}

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, reader&> read(F&& body) {
        return bytes_.read([&](typename Bytes::reader& txn) {
            reader typed{txn};
            return body(typed);
        });
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write(F&& body) {
        return bytes_.write([&](typename Bytes::writer& txn) {
            writer typed{txn};
            return body(typed);
        });
    }

    template <class F>
        requires delays_durability<Bytes>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write_delayed(F&& body) {
        return bytes_.write_delayed([&](typename Bytes::writer& txn) {
            writer typed{txn};
            return body(typed);
        });
    }

    [[nodiscard]] std::uint64_t generation() const noexcept
        requires has_generation<Bytes>
    {
        return bytes_.generation();
    }

    /// The backend itself, for what it can do besides.
    [[nodiscard]] Bytes& bytes() noexcept { return bytes_; }

private:
    Bytes bytes_;
};

} // namespace podscope
