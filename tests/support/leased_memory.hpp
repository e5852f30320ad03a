// SPDX-License-Identifier: BSL-1.0
// A store in memory whose rows can hang on leases, which end when a test says so.
#pragma once

#include "support/results.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/result.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope_test {

/// What hangs on which lease, by table and key.
using leases_by_row = std::map<std::pair<std::string, std::string>, std::string>;

template <class Txn>
class leased_reader {
public:
    leased_reader(Txn& txn, leases_by_row& leases) : txn_{&txn}, leases_{&leases} {}

    template <podscope::table T>
    [[nodiscard]] auto get(std::string_view key) const {
        return txn_->template get<T>(key);
    }

    template <podscope::table T, class Visitor>
    [[nodiscard]] podscope::result<void> scan(std::string_view from, Visitor&& visit) const {
        return txn_->template scan<T>(from, std::forward<Visitor>(visit));
    }

    template <podscope::table T>
    [[nodiscard]] podscope::result<bool> is_leased(std::string_view key) const {
        return leases_->contains(row<T>(key));
    }

protected:
    template <podscope::table T>
    [[nodiscard]] static leases_by_row::key_type row(std::string_view key) {
        return {T::name, std::string{key}};
    }

    Txn* txn_;
    leases_by_row* leases_;
};

template <class Txn>
class leased_writer : public leased_reader<Txn> {
public:
    leased_writer(Txn& txn, leases_by_row& leases, std::string own)
        : leased_reader<Txn>{txn, leases},
          own_{std::move(own)} {}

    template <podscope::table T>
    [[nodiscard]] podscope::result<void> put(std::string_view key,
                                             const typename T::record& value) {
        return put_on<T>(key, value, {});
    }

    template <podscope::table T>
    [[nodiscard]] podscope::result<void> put_leased(std::string_view key,
                                                    const typename T::record& value) {
        return put_on<T>(key, value, own_);
    }

    template <podscope::table T, podscope::table Beside>
    [[nodiscard]] podscope::result<void>
    put_beside(std::string_view key, const typename T::record& value, std::string_view beside) {
        const auto found = this->leases_->find(this->template row<Beside>(beside));
        return put_on<T>(key, value, found == this->leases_->end() ? "" : found->second);
    }

    template <podscope::table T>
    [[nodiscard]] podscope::result<void> erase(std::string_view key) {
        this->leases_->erase(this->template row<T>(key));
        return this->txn_->template erase<T>(key);
    }

private:
    template <podscope::table T>
    [[nodiscard]] podscope::result<void>
    put_on(std::string_view key, const typename T::record& value, std::string lease) {
        const auto row = this->template row<T>(key);
        if (lease.empty()) {
            this->leases_->erase(row);
        } else {
            this->leases_->insert_or_assign(row, std::move(lease));
        }
        return this->txn_->template put<T>(key, value);
    }

    std::string own_;
};

/// One handle of it, with a lease of its own. Copies are the same handle. For one thread.
class leased_memory {
    using memory = podscope::basic_memory<podscope::pod_schema>;

public:
    static constexpr auto durable = memory::durable;
    static constexpr auto reaches = memory::reaches;

    using reader = const leased_reader<memory::reader>;
    using writer = leased_writer<memory::writer>;

    explicit leased_memory(std::string lease) : own_{std::move(lease)} {}

    /// Another handle of the same store.
    [[nodiscard]] leased_memory with_lease(std::string lease) const {
        leased_memory other{*this};
        other.own_ = std::move(lease);
        return other;
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, reader&> read(F&& body) {
        return store_.read([&](memory::reader& txn) {
            reader leased{txn, *leases_};
            return body(leased);
        });
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write(F&& body) {
        leases_by_row changed;
        auto done = store_.write([&](memory::writer& txn) {
            changed = *leases_;
            writer leased{txn, changed, own_};
            return body(leased);
        });
        if (done) {
            *leases_ = std::move(changed);
        }
        return done;
    }

    [[nodiscard]] std::uint64_t generation() const noexcept { return store_.generation(); }

    /// All that hangs on a lease goes.
    void end(std::string_view lease) {
        must(store_.write(
            [&](memory::writer& txn) { return end(podscope::pod_schema{}, txn, lease); }));
        std::erase_if(*leases_, [&](const auto& one) { return one.second == lease; });
    }

    [[nodiscard]] const leases_by_row& leases() const { return *leases_; }

private:
    template <podscope::table... Tables>
    [[nodiscard]] podscope::result<void>
    end(podscope::schema<Tables...>, memory::writer& txn, std::string_view lease) const {
        for (const auto& [row, on] : *leases_) {
            if (on == lease) {
                (..., (row.first == Tables::name ? must(txn.template erase<Tables>(row.second))
                                                 : void()));
            }
        }
        return {};
    }

    memory store_{};
    std::shared_ptr<leases_by_row> leases_{std::make_shared<leases_by_row>()};
    std::string own_;
};

} // namespace podscope_test
