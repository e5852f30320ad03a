// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/codec.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/journal_snapshot.hpp>
#include <podscope/backend/rows.hpp>
#include <podscope/backend/wire.hpp>
#include <podscope/result.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace podscope::backend_detail {

/// The rows that this program cannot read, as their bytes: those of tables that it does not know,
/// written by a newer version, and those whose record is damaged. They are kept until they are
/// replaced or erased. The key is the table's name with its length in front, then the row's key.
struct unread_rows {
    static constexpr const char* name = "unread";
    using record = std::string;

    [[nodiscard]] static std::string key(std::string_view table, std::string_view row) {
        std::string made;
        put_text(made, table);
        made.append(row);
        return made;
    }
};

using unread_schema = schema<unread_rows>;

template <class Schema>
class journal_image;

/// What a journal holds, after all of its frames that were applied.
template <table... Tables>
class journal_image<schema<Tables...>> {
public:
    basic_rows<schema<Tables...>> rows;
    basic_rows<unread_schema> unread;

    /// Does what a frame's payload says: all of it, or nothing and an error.
    [[nodiscard]] result<void> apply(std::string_view payload) {
        rows_writer<schema<Tables...>> changed{rows};
        rows_writer<unread_schema> set_aside{unread};
        while (!payload.empty()) {
            journal_operation op;
            if (!take_operation(payload, op)) {
                return fail({.category = errc::corrupt,
                             .message = "a journal holds an operation that is none"});
            }
            const bool is_read = (... || apply_to<Tables>(op, changed));
            auto done = is_read || op.what == journal_op::erase
                            ? drop_unread(op, set_aside)
                            : set_aside.template put<unread_rows>(
                                  unread_rows::key(op.table, op.key), std::string{op.record});
            if (!done) {
                return done;
            }
        }
        changed.keep();
        set_aside.keep();
        return {};
    }

    /// Writes all of it as operations.
    [[nodiscard]] result<void> write_to(journal_snapshot& snapshot) const {
        result<void> written{};
        static_cast<void>((... && (written = write_table<Tables>(snapshot)).has_value()));
        if (!written) {
            return written;
        }
        for (const auto& [key, record] : unread.of<unread_rows>()) {
            std::string_view row = key;
            std::string_view table;
            if (take_text(row, table)) {
                put_operation(snapshot.payload(), journal_op::put, table, row);
                put_text(snapshot.payload(), record);
            }
            if (auto flushed = snapshot.flush_if_large(); !flushed) {
                return flushed;
            }
        }
        return {};
    }

private:
    // Whether the operation is one on this table, and was done; a put of a record that cannot be
    // read is not, but for the row that it replaces.
    template <table T>
    [[nodiscard]] static bool apply_to(const journal_operation& op, auto& changed) {
        if (op.table != T::name) {
            return false;
        }
        if (op.what == journal_op::put) {
            if (auto record = decode_record<typename T::record>(op.record)) {
                return changed.template put<T>(op.key, *std::move(record)).has_value();
            }
        }
        const bool is_erased = changed.template erase<T>(op.key).has_value();
        return is_erased && op.what == journal_op::erase;
    }

    [[nodiscard]] result<void> drop_unread(const journal_operation& op, auto& set_aside) const {
        if (unread.of<unread_rows>().empty()) {
            return {};
        }
        return set_aside.template erase<unread_rows>(unread_rows::key(op.table, op.key));
    }

    template <table T>
    [[nodiscard]] result<void> write_table(journal_snapshot& snapshot) const {
        for (const auto& [key, record] : rows.template of<T>()) {
            put_record<T>(snapshot.payload(), key, record);
            if (auto flushed = snapshot.flush_if_large(); !flushed) {
                return flushed;
            }
        }
        return {};
    }

public:
    template <table T>
    static void
    put_record(std::string& payload, std::string_view key, const typename T::record& record) {
        put_operation(payload, journal_op::put, T::name, key);
        const auto opened = open_text(payload);
        append_record(payload, record);
        close_text(payload, opened);
    }
};

} // namespace podscope::backend_detail
