// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/guessed_reads.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/backend/reverted_rows.hpp>
#include <podscope/backend/split_options.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/fault_plan.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope::verify {

/// A transaction that reads, with faults.
template <class Txn>
class faulty_reader {
public:
    faulty_reader(Txn& txn, const fault_plan& plan) noexcept : txn_{&txn}, plan_{&plan} {}

    template <table T>
    [[nodiscard]] auto get(std::string_view key) const
        -> decltype(std::declval<Txn&>().template get<T>(key)) {
        if (auto done = plan_->take(step::get); !done) {
            return fail(done);
        }
        return txn_->template get<T>(key);
    }

    template <table T, class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        if (auto done = plan_->take(step::scan); !done) {
            return done;
        }
        return txn_->template scan<T>(from, std::forward<Visitor>(visit));
    }

    /// As a `get`.
    template <table T>
        requires reads_leased<Txn, T>
    [[nodiscard]] result<bool> is_leased(std::string_view key) const {
        auto done = plan_->take(step::get);
        return done ? txn_->template is_leased<T>(key) : fail(done);
    }

    [[nodiscard]] bool has_guessed() const noexcept
        requires guesses_reads<Txn>
    {
        return txn_->has_guessed();
    }

protected:
    Txn* txn_;
    const fault_plan* plan_;
};

/// A transaction that writes, with faults.
template <class Txn>
class faulty_writer : public faulty_reader<Txn> {
public:
    using faulty_reader<Txn>::faulty_reader;

    template <table T>
    [[nodiscard]] auto put(std::string_view key, const typename T::record& value)
        -> decltype(std::declval<Txn&>().template put<T>(key, value)) {
        return change(step::put, [&] { return this->txn_->template put<T>(key, value); });
    }

    /// As a `put`.
    template <table T>
        requires leases_rows<Txn, T>
    [[nodiscard]] result<void> put_leased(std::string_view key, const typename T::record& value) {
        return change(step::put, [&] { return this->txn_->template put_leased<T>(key, value); });
    }

    /// As a `put`.
    template <table T, table Beside>
        requires leases_rows<Txn, T, Beside>
    [[nodiscard]] result<void>
    put_beside(std::string_view key, const typename T::record& value, std::string_view beside) {
        return change(step::put, [&] {
            return this->txn_->template put_beside<T, Beside>(key, value, beside);
        });
    }

    template <table T>
    [[nodiscard]] auto erase(std::string_view key)
        -> decltype(std::declval<Txn&>().template erase<T>(key)) {
        return change(step::erase, [&] { return this->txn_->template erase<T>(key); });
    }

    /// As a `put`.
    template <table T>
        requires reverts_rows<Txn, T>
    [[nodiscard]] result<void> revert(std::string_view key) {
        return change(step::put, [&] { return this->txn_->template revert<T>(key); });
    }

    /// Whether anything was put or erased.
    [[nodiscard]] bool has_changes() const noexcept { return has_changes_; }

private:
    template <class F>
    [[nodiscard]] result<void> change(step where, F&& make) {
        auto done = this->plan_->take(where);
        if (done) {
            done = make();
            has_changes_ = has_changes_ || done.has_value();
        }
        return done;
    }

    bool has_changes_ = false;
};

/// A store that fails, delays, tears or kills where a plan says so, and does what the store beneath
/// it does everywhere else: to test a store of one's own, and whatever is written over a store.
///
///     faulty_backend store{my_store};
///     store.plan().at(step::commit, 3, faults::fails());       // nothing changed, and `io`
///     store.plan().at(step::committed, 1, faults::fails());    // changed, and the answer is lost
///     store.plan().at(step::put, 2, faults::fails());          // torn after the first put
///     store.plan().dead_from(step::commit, 1);                 // does nothing more
///
/// A fault at `commit` comes at the end of the body, so with the locks that the store holds then.
/// A store that runs bodies again comes to the steps within them again. A body that goes on after a
/// put that failed is committed without it: that is then the body's fault, and is seen.
///
/// What a transaction of the store can do besides, it can do here too: rows on leases, rows taken
/// back, and to say that it has guessed.
///
/// For a byte backend, decorate the store that `lifted` makes of it. Copies are handles of the same
/// store and plan; the guarantees for threads and processes are the store's, and a forked copy of
/// the process has a copy of the plan.
template <typed_store Store>
class faulty_backend {
public:
    static constexpr durability durable = Store::durable;
    static constexpr podscope::reach reaches = Store::reaches;
    static constexpr bool in_turn = writes_in_turn<Store>;

    using reader = const faulty_reader<typename Store::reader>;
    using writer = faulty_writer<typename Store::writer>;

    explicit faulty_backend(Store store, fault_plan plan = {})
        : store_{std::move(store)},
          plan_{std::move(plan)} {}

    /// What is to go wrong.
    [[nodiscard]] fault_plan& plan() noexcept { return plan_; }

    /// The store itself, for what can be done with it besides.
    [[nodiscard]] Store& store() noexcept { return store_; }

    /// Errors: those of the store and of the plan.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, reader&> read(F&& body) {
        if (auto begun = plan_.take(step::read); !begun) {
            return fail(begun);
        }
        return store_.read([&](typename Store::reader& txn) {
            reader faulty{txn, plan_};
            return body(faulty);
        });
    }

    /// Errors: those of the store and of the plan. After one that is planned for `step::committed`
    /// everything has changed, after any other nothing.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write(F&& body) {
        return commit(body, [&](auto&& whole) { return store_.write(whole); });
    }

    /// The same, as a commit of delayed durability.
    template <class F>
        requires delays_durability<Store>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write_delayed(F&& body) {
        return commit(body, [&](auto&& whole) { return store_.write_delayed(whole); });
    }

    [[nodiscard]] std::uint64_t generation() const noexcept
        requires has_generation<Store>
    {
        return store_.generation();
    }

private:
    template <class F, class Write>
    [[nodiscard]] std::invoke_result_t<F&, writer&> commit(F& body, Write&& write_by) {
        using outcome = std::invoke_result_t<F&, writer&>;
        if (auto begun = plan_.take(step::write); !begun) {
            return fail(begun);
        }
        bool has_changes = false;
        auto done = write_by([&](typename Store::writer& txn) -> outcome {
            writer faulty{txn, plan_};
            auto made = body(faulty);
            has_changes = made && faulty.has_changes();
            if (has_changes) {
                if (auto ready = plan_.take(step::commit); !ready) {
                    return fail(ready);
                }
            }
            return made;
        });
        if (done && has_changes) {
            if (auto told = plan_.take(step::committed); !told) {
                return fail(told);
            }
        }
        return done;
    }

    Store store_;
    fault_plan plan_;
};

} // namespace podscope::verify
