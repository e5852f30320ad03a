// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/codec.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/record_error.hpp>
#include <podscope/backend/split_records.hpp>
#include <podscope/result.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope::backend_detail {

/// The rows that a transaction replaces, as they were when it began.
class replaced_rows {
public:
    /// Notes a row before it is put: the first time for each.
    ///
    /// Errors: those of the transaction, among them that the record there cannot be read, and so
    /// could not be put back.
    template <table T, class Txn>
    [[nodiscard]] result<void> note(Txn& txn, std::string_view key) {
        auto now = txn.template get<T>(key);
        if (!now) {
            return fail(now);
        }
        add<T>(key, *now);
        return {};
    }

    /// The same before it is erased; whether there is one to erase.
    template <table T, class Txn>
    [[nodiscard]] result<bool> note_if_there(Txn& txn, std::string_view key) {
        auto now = txn.template get<T>(key);
        if (!now) {
            return fail(now);
        }
        if (*now) {
            add<T>(key, *now);
        }
        return static_cast<bool>(*now);
    }

    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }

    [[nodiscard]] std::vector<replaced_row> take() noexcept { return std::move(rows_); }

private:
    template <table T, class Handle>
    void add(std::string_view key, const Handle& now) {
        std::string seen{T::name};
        seen.append(1, '\0').append(key);
        if (seen_.contains(seen)) {
            return;
        }
        replaced_row before{.table = T::name, .key = std::string{key}};
        if (now) {
            const typename T::record& record = *now;
            before.record = encode_record(record);
        }
        rows_.push_back(std::move(before));
        seen_.insert(std::move(seen));
    }

    std::vector<replaced_row> rows_{};
    std::set<std::string> seen_{};
};

template <table T, class Txn>
[[nodiscard]] result<void> put_back(Txn& txn, const replaced_row& row) {
    if (!row.record) {
        return txn.template erase<T>(row.key);
    }
    auto record = decode_record<typename T::record>(*row.record);
    if (!record) {
        return fail(unreadable_record(T::name, row.key, std::move(record).error()));
    }
    return txn.template put<T>(row.key, *std::move(record));
}

template <class Txn, table... Tables>
[[nodiscard]] result<void> put_back(Txn& txn, const replaced_row& row, schema<Tables...>) {
    result<void> done{};
    const bool is_known =
        (... || (row.table == Tables::name && (done = put_back<Tables>(txn, row), true)));
    if (!is_known) {
        return fail({.category = errc::unsupported_version,
                     .message = "an unfinished change is of the table '" + row.table +
                                "', which this library does not know: use the newer library",
                     .subject = row.table});
    }
    return done;
}

/// The changes of a second part that would have to be taken back, the last first, so that `target`
/// is the last; nothing if that cannot be reached.
template <class Txn>
[[nodiscard]] result<std::vector<std::uint64_t>>
changes_after(Txn& txn, const split_state& now, std::uint64_t target) {
    std::vector<std::uint64_t> after;
    for (std::uint64_t change = now.change; change != target;) {
        auto intent = txn.template get<tables::split_intents>(intent_key(change));
        if (!intent) {
            return fail(intent);
        }
        if (!*intent || (**intent).previous >= change) {
            return std::vector<std::uint64_t>{};
        }
        after.push_back(change);
        change = (**intent).previous;
    }
    return after;
}

/// Takes changes back, as `changes_after` gives them: `Schema` has the tables that they may be of.
template <class Schema, class Txn>
[[nodiscard]] result<void>
take_back(Txn& txn, split_state& now, const std::vector<std::uint64_t>& changes) {
    for (const std::uint64_t change : changes) {
        auto found = txn.template get<tables::split_intents>(intent_key(change));
        if (!found) {
            return fail(found);
        }
        if (!*found) {
            return fail({.category = errc::corrupt,
                         .message = "an unfinished change cannot be taken back: what it replaced "
                                    "is not there"});
        }
        const split_intent intent = **found;
        for (const auto& row : intent.replaced) {
            if (auto done = put_back(txn, row, Schema{}); !done) {
                return done;
            }
        }
        if (auto done = txn.template erase<tables::split_intents>(intent_key(change)); !done) {
            return done;
        }
        std::erase(now.kept, change);
        now.change = intent.previous;
    }
    return txn.template put<tables::split_states>(only_key, now);
}

} // namespace podscope::backend_detail
