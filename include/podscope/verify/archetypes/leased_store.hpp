// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/archetypes/store.hpp>

#include <string_view>
#include <utility>

namespace podscope::verify {

/// The least transaction that reads rows which may hang on a lease.
template <class Txn>
class leased_reader_archetype : public reader_archetype<Txn> {
public:
    using reader_archetype<Txn>::reader_archetype;

    template <table T>
    [[nodiscard]] result<bool> is_leased(std::string_view key) {
        if constexpr (reads_leased<Txn, T>) {
            return this->beneath_->template is_leased<T>(key);
        } else {
            return false;
        }
    }
};

/// The least transaction that puts such rows.
template <class Txn>
class leased_writer_archetype : public writer_archetype<Txn> {
public:
    using writer_archetype<Txn>::writer_archetype;

    template <table T>
    [[nodiscard]] result<bool> is_leased(std::string_view key) {
        return leased_reader_archetype<Txn>{*this->beneath_}.template is_leased<T>(key);
    }

    template <table T>
    [[nodiscard]] result<void> put_leased(std::string_view key, const typename T::record& value) {
        return podscope::put_leased<T>(*this->beneath_, key, value);
    }

    template <table T, table Beside>
    [[nodiscard]] result<void>
    put_beside(std::string_view key, const typename T::record& value, std::string_view beside) {
        return podscope::put_beside<T, Beside>(*this->beneath_, key, value, beside);
    }
};

/// The least store whose rows can hang on a lease. Over one where they cannot, they hang on
/// nothing.
template <typed_store Store>
class lease_archetype
    : public store_archetype<Store, leased_reader_archetype, leased_writer_archetype> {
public:
    explicit lease_archetype(Store beneath)
        : store_archetype<Store, leased_reader_archetype, leased_writer_archetype>{
              std::move(beneath)} {}
};

} // namespace podscope::verify
