// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/codec.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/copy_cursor.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/rows.hpp>
#include <podscope/backend/wire.hpp>
#include <podscope/backend/wire_writer.hpp>
#include <podscope/result.hpp>

#include <cstddef>
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
                return fail(
                    {.category = errc::corrupt,
                     .message =
                         "a transaction holds something that is neither a put nor an erase"});
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

    /// Appends rows to a payload as operations, from a cursor on, until the payload has `most`
    /// bytes; true at the end. The image may change between two calls.
    [[nodiscard]] bool copy_rows(copy_cursor& at, std::string& payload, std::size_t most) const {
        wire_writer out{payload};
        std::size_t number = 0;
        const bool has_all = (... && copy_table(number++, rows.template of<Tables>(), at, out, most,
                                                [&](std::string_view key, const auto& record) {
                                                    put_record<Tables>(out, key, record);
                                                }));
        return has_all && copy_table(number, unread.of<unread_rows>(), at, out, most,
                                     [&](std::string_view row, const std::string& record) {
                                         std::string_view table;
                                         if (take_text(row, table)) {
                                             put_operation(out, journal_op::put, table, row);
                                             put_text(out, record);
                                         }
                                     });
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

    // True if the table is done, and the cursor stands at the next one.
    template <class Rows, class Put>
    [[nodiscard]] static bool copy_table(std::size_t number,
                                         const Rows& rows,
                                         copy_cursor& at,
                                         const wire_writer& out,
                                         std::size_t most,
                                         Put&& put) {
        if (number < at.table) {
            return true;
        }
        const std::string* last = nullptr;
        for (auto row = at.after ? rows.upper_bound(*at.after) : rows.begin(); row != rows.end();
             ++row) {
            if (out.size() >= most) {
                if (last != nullptr) {
                    at.after = *last;
                }
                return false;
            }
            put(std::string_view{row->first}, row->second);
            last = &row->first;
        }
        at = {.table = number + 1};
        return true;
    }

public:
    template <table T>
    static void
    put_record(wire_writer& out, std::string_view key, const typename T::record& record) {
        put_operation(out, journal_op::put, T::name, key);
        const auto opened = out.open_text();
        write_record(out, record);
        out.close_text(opened);
    }
};

} // namespace podscope::backend_detail
