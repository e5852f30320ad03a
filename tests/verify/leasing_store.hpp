// SPDX-License-Identifier: BSL-1.0
// A store whose rows can hang on a process, as on its lease, over one where they cannot; and which
// breaks a promise about that.
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/store_tables.hpp>

#include <csignal>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <sys/types.h>
#include <unistd.h>

namespace verify_test {

using podscope::fail;
using podscope::result;
using podscope::verify::kit_row;
using podscope::verify::kit_table;

enum class lease_flaw {
    none,
    hangs_nothing_beside,
    hangs_beside_on_own,
    keeps_lease_at_put,
    keeps_first_lease,
    lets_go_by_tables,
    lets_nothing_go,
};

/// What a row hangs on is written before its text: a process, 0 for nothing.
template <class Txn>
class leasing_transaction {
public:
    leasing_transaction(Txn& txn, lease_flaw which) noexcept : txn_{&txn}, is_{which} {}

    template <class T>
    result<std::optional<kit_row>> get(std::string_view key) {
        auto found = find<T>(key);
        if (!found) {
            return fail(found);
        }
        return *found ? std::optional{std::move((**found).row)} : std::nullopt;
    }

    template <class T, class Visitor>
    result<void> scan(std::string_view from, Visitor&& visit) {
        return txn_->template scan<T>(from, [&](std::string_view key, const kit_row& stored) {
            const auto known = hung<T>::of(stored);
            return is_gone<T>(known.on) ? podscope::scan::next : visit(key, known.row);
        });
    }

    template <class T>
    result<void> put(std::string_view key, const kit_row& value) {
        return put_on<T>(is_ == lease_flaw::keeps_lease_at_put ? lease_of<T>(key) : 0, key, value);
    }

    template <class T>
    result<void> erase(std::string_view key) {
        return txn_->template erase<T>(key);
    }

    template <class T>
    result<bool> is_leased(std::string_view key) {
        return lease_of<T>(key) != 0;
    }

    template <class T>
    result<void> put_leased(std::string_view key, const kit_row& value) {
        const auto before = lease_of<T>(key);
        const bool keeps = is_ == lease_flaw::keeps_first_lease && before != 0;
        return put_on<T>(keeps ? before : ::getpid(), key, value);
    }

    template <class T, class Beside>
    result<void> put_beside(std::string_view key, const kit_row& value, std::string_view beside) {
        switch (is_) {
        case lease_flaw::hangs_nothing_beside: return put_on<T>(0, key, value);
        case lease_flaw::hangs_beside_on_own: return put_on<T>(::getpid(), key, value);
        default: return put_on<T>(lease_of<Beside>(beside), key, value);
        }
    }

private:
    template <class T>
    struct hung {
        pid_t on{};
        kit_row row{};

        static hung of(const kit_row& stored) {
            const auto end = stored.text.find(';');
            hung known{std::stoi(stored.text.substr(0, end)), stored};
            known.row.text.erase(0, end + 1);
            return known;
        }
    };

    template <class T>
    [[nodiscard]] bool is_gone(pid_t holder) const {
        const bool stays = is_ == lease_flaw::lets_nothing_go ||
                           (is_ == lease_flaw::lets_go_by_tables && !std::is_same_v<T, kit_table>);
        return holder != 0 && !stays && ::kill(holder, 0) != 0;
    }

    template <class T>
    result<std::optional<hung<T>>> find(std::string_view key) {
        auto row = txn_->template get<T>(key);
        if (!row) {
            return fail(row);
        }
        if (!*row) {
            return std::nullopt;
        }
        auto known = hung<T>::of(**row);
        return is_gone<T>(known.on) ? std::nullopt : std::optional{std::move(known)};
    }

    // 0 also for a row that cannot be read.
    template <class T>
    [[nodiscard]] pid_t lease_of(std::string_view key) {
        const auto found = find<T>(key);
        return found && *found ? (**found).on : 0;
    }

    template <class T>
    result<void> put_on(pid_t holder, std::string_view key, kit_row value) {
        value.text.insert(0, std::to_string(holder) + ";");
        return txn_->template put<T>(key, std::move(value));
    }

    Txn* txn_;
    lease_flaw is_;
};

template <class Store>
class leasing_store {
public:
    static constexpr podscope::durability durable = Store::durable;
    static constexpr podscope::reach reaches = Store::reaches;

    using reader = leasing_transaction<typename Store::reader>;
    using writer = leasing_transaction<typename Store::writer>;

    leasing_store(lease_flaw which, Store beneath) : is_{which}, beneath_{std::move(beneath)} {}

    template <class F>
    std::invoke_result_t<F&, reader&> read(F&& body) {
        return beneath_.read([&](typename Store::reader& txn) {
            reader leasing{txn, is_};
            return body(leasing);
        });
    }

    template <class F>
    std::invoke_result_t<F&, writer&> write(F&& body) {
        return beneath_.write([&](typename Store::writer& txn) {
            writer leasing{txn, is_};
            return body(leasing);
        });
    }

private:
    lease_flaw is_;
    Store beneath_;
};

} // namespace verify_test
