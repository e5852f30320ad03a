// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/sqlite_connection.hpp>
#include <podscope/backend/sqlite_statement.hpp>
#include <podscope/result.hpp>

#include <sqlite3.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace podscope {

namespace backend_detail {

/// The error of every call in a process that is a forked copy of the one that opened the database.
[[nodiscard]] inline failure forked_database() {
    return fail({.category = errc::forked,
                 .message =
                     "an SQLite database cannot be used, or opened anew, in a forked copy of "
                     "a process that had it open: fork before it is opened, or exec"});
}

} // namespace backend_detail

/// A transaction that reads an SQLite database. A visitor of a scan may read in turn.
class sqlite_reader {
public:
    explicit sqlite_reader(backend_detail::sqlite_connection& on) noexcept : on_{&on} {}

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const {
        if (!on_->is_in_its_process()) {
            return backend_detail::forked_database();
        }
        auto& statement = on_->getting();
        const backend_detail::reset_at_end reset{statement};
        int code = statement.bind(1, key);
        if (code == SQLITE_OK) {
            code = statement.step();
        }
        if (code == SQLITE_ROW) {
            return std::optional<std::string>{statement.bytes(0)};
        }
        if (code != SQLITE_DONE) {
            return on_->failed("read", code);
        }
        return std::optional<std::string>{};
    }

    template <class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        if (!on_->is_in_its_process()) {
            return backend_detail::forked_database();
        }
        const backend_detail::sqlite_connection::scanning place{*on_};
        const auto prepared = place.statement();
        if (!prepared) {
            return fail(error{prepared.error()});
        }
        auto& statement = **prepared;
        const backend_detail::reset_at_end reset{statement};
        int code = statement.bind(1, from);
        if (code == SQLITE_OK) {
            code = statement.step();
        }
        for (; code == SQLITE_ROW; code = statement.step()) {
            if (visit(statement.bytes(0), statement.bytes(1)) == podscope::scan::stop) {
                return {};
            }
        }
        return code == SQLITE_DONE ? result<void>{} : on_->failed("read", code);
    }

protected:
    backend_detail::sqlite_connection* on_;
};

/// A transaction that changes an SQLite database. Once a call has failed it commits nothing.
class sqlite_writer : public sqlite_reader {
public:
    using sqlite_reader::sqlite_reader;

    [[nodiscard]] result<void> put(std::string_view key, std::string_view value) {
        auto& statement = on_->putting();
        return change(statement, [&] {
            const int code = statement.bind(1, key);
            return code == SQLITE_OK ? statement.bind(2, value) : code;
        });
    }

    [[nodiscard]] result<void> erase(std::string_view key) {
        auto& statement = on_->erasing();
        return change(statement, [&] { return statement.bind(1, key); });
    }

    [[nodiscard]] bool is_unchanged() const noexcept { return !has_changes_ && !failed_; }

    /// Why nothing can be committed, if a change has failed.
    [[nodiscard]] const std::optional<error>& first_failure() const noexcept { return failed_; }

private:
    template <class Bind>
    [[nodiscard]] result<void> change(backend_detail::sqlite_statement& statement, Bind bind) {
        if (!on_->is_in_its_process()) {
            return backend_detail::forked_database();
        }
        if (auto there = on_->check_in_transaction(); !there) {
            return note(std::move(there).error());
        }
        int code = bind();
        if (code == SQLITE_OK) {
            code = statement.step();
        }
        if (code != SQLITE_DONE) {
            error why = on_->error_of("write to", code);
            statement.reset();
            return note(std::move(why));
        }
        statement.reset();
        has_changes_ = has_changes_ || on_->changes() != 0;
        return {};
    }

    [[nodiscard]] failure note(error why) {
        if (!failed_) {
            failed_ = why;
        }
        return fail(std::move(why));
    }

    bool has_changes_ = false;
    std::optional<error> failed_{};
};

} // namespace podscope
