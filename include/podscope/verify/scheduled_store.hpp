// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/codec.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/schedule.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope::verify {

namespace verify_detail {

template <class Visitor, class Record>
struct observing_visitor {
    schedule* plan;
    Visitor& visit;

    [[nodiscard]] bool covers(std::string_view key) const {
        return backend_detail::asks_for(visit, key);
    }

    scan operator()(std::string_view key, const Record& value) const {
        if (plan->is_observing()) {
            plan->observe(mix(mix(0, key), encode_record(value)));
        }
        return visit(key, value);
    }
};

} // namespace verify_detail

/// A transaction that reads, and lets the schedule know what was seen.
template <class Txn>
class scheduled_reader {
public:
    scheduled_reader(Txn& txn, schedule& plan) noexcept : txn_{&txn}, plan_{&plan} {}

    template <table T>
    [[nodiscard]] auto get(std::string_view key) const
        -> decltype(std::declval<Txn&>().template get<T>(key)) {
        auto found = txn_->template get<T>(key);
        if (found && plan_->is_observing()) {
            const auto& row = *found;
            plan_->observe(row ? mix(1, encode_record(static_cast<const typename T::record&>(*row)))
                               : 0);
        }
        return found;
    }

    template <table T, class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        const verify_detail::observing_visitor<std::remove_reference_t<Visitor>, typename T::record>
            observing{plan_, visit};
        return txn_->template scan<T>(from, observing);
    }

protected:
    Txn* txn_;
    schedule* plan_;
};

/// A transaction that writes, and lets the schedule know what was seen.
template <class Txn>
class scheduled_writer : public scheduled_reader<Txn> {
public:
    using scheduled_reader<Txn>::scheduled_reader;

    template <table T>
    [[nodiscard]] auto put(std::string_view key, const typename T::record& value)
        -> decltype(std::declval<Txn&>().template put<T>(key, value)) {
        return this->txn_->template put<T>(key, value);
    }

    template <table T>
    [[nodiscard]] auto erase(std::string_view key)
        -> decltype(std::declval<Txn&>().template erase<T>(key)) {
        return this->txn_->template erase<T>(key);
    }
};

/// A store of which each transaction is a point of a schedule: others may go before it, and the
/// actor may crash there. What a transaction has seen is what the actor remembers.
///
/// It has no generation, so that what an actor knows of the store is what it has read in it. For
/// the schedule's thread.
template <typed_store Store>
class scheduled_store {
public:
    static constexpr durability durable = Store::durable;
    static constexpr podscope::reach reaches = Store::reaches;

    using reader = const scheduled_reader<typename Store::reader>;
    using writer = scheduled_writer<typename Store::writer>;

    scheduled_store(Store store, schedule& plan) : store_{std::move(store)}, plan_{&plan} {}

    /// Errors: those of the store; `unavailable` if the actor has crashed.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, reader&> read(F&& body) {
        if (auto alive = plan_->point("read"); !alive) {
            return fail(alive);
        }
        return store_.read([&](typename Store::reader& txn) {
            reader observed{txn, *plan_};
            return body(observed);
        });
    }

    /// Errors: those of the store; `unavailable` if the actor has crashed.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write(F&& body) {
        if (auto alive = plan_->point("write"); !alive) {
            return fail(alive);
        }
        return store_.write([&](typename Store::writer& txn) {
            writer observed{txn, *plan_};
            return body(observed);
        });
    }

protected:
    Store store_;
    schedule* plan_;
};

/// A hash of all rows that a transaction sees. Equal for equal contents.
template <table... Tables, class Txn>
[[nodiscard]] result<std::uint64_t> rows_hash(schema<Tables...>, const Txn& txn) {
    std::uint64_t hash = 0;
    result<void> done{};
    const auto add = [&]<table T>(std::type_identity<T>) {
        hash = mix(hash, std::string_view{T::name});
        done = txn.template scan<T>({}, [&](std::string_view key, const auto& record) {
            hash = mix(mix(hash, key), encode_record(record));
            return scan::next;
        });
        return done.has_value();
    };
    (void)(... && add(std::type_identity<Tables>{}));
    return done ? result<std::uint64_t>{hash} : fail(done);
}

/// A hash of all rows of a store. Equal for equal contents.
template <table... Tables, typed_store Store>
[[nodiscard]] result<std::uint64_t> contents_hash(schema<Tables...> all, Store& store) {
    return store.read([&](auto& txn) { return rows_hash(all, txn); });
}

} // namespace podscope::verify
