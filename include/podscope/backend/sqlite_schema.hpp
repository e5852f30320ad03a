// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/sqlite_connection.hpp>
#include <podscope/backend/sqlite_error.hpp>
#include <podscope/result.hpp>

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

/// What the database says about itself, and how a new one is made.
namespace podscope::backend_detail {

/// "pods", as `file` and others read it from the header.
inline constexpr std::int64_t sqlite_application = 0x706F6473;

/// Of the format, that is of what is in the table. 1: keys and values are those of `lifted`.
inline constexpr std::int64_t sqlite_format = 1;

struct sqlite_self_description {
    std::int64_t application{};
    std::int64_t format{};
    std::int64_t objects{};

    [[nodiscard]] bool is_empty() const noexcept {
        return application == 0 && format == 0 && objects == 0;
    }
};

[[nodiscard]] inline result<sqlite_self_description> describe_database(sqlite_connection& on) {
    sqlite_self_description found;

    struct question {
        std::int64_t* answer;
        std::string_view text;
    };

    for (const auto& each : {question{&found.objects, "SELECT count(*) FROM sqlite_schema"},
                             question{&found.application, "PRAGMA application_id"},
                             question{&found.format, "PRAGMA user_version"}}) {
        auto done = on.run_once("read", each.text,
                                [&](const sqlite_statement& row) { *each.answer = row.number(0); });
        if (!done) {
            return fail(done);
        }
    }
    return found;
}

/// Refuses what is not of this library or of a newer format.
[[nodiscard]] inline result<void> check_description(const sqlite_self_description& found,
                                                    const std::string& path) {
    if (found.application != sqlite_application || found.format < 1) {
        return fail({.category = errc::corrupt,
                     .message = path + " is a database of another program: open another folder",
                     .path = path});
    }
    if (found.format > sqlite_format) {
        return fail({.category = errc::unsupported_version,
                     .message = path + " was written by a newer version of podscope (format " +
                                std::to_string(found.format) + "): use that version",
                     .path = path});
    }
    return {};
}

/// Makes the table in a database that is empty, whole or not at all.
[[nodiscard]] inline result<void> make_rows_table(sqlite_connection& on) {
    constexpr std::string_view doing = "make the table of";
    const std::string identity = "PRAGMA application_id=" + std::to_string(sqlite_application);
    const std::string format = "PRAGMA user_version=" + std::to_string(sqlite_format);
    for (const std::string_view step :
         {std::string_view{"BEGIN IMMEDIATE"},
          std::string_view{"CREATE TABLE rows(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"},
          std::string_view{identity}, std::string_view{format}, std::string_view{"COMMIT"}}) {
        if (auto done = on.run_once(doing, step); !done) {
            return done;
        }
    }
    return {};
}

/// Makes sure that commits go into a write-ahead log, so that readers and a writer are not in each
/// other's way. The file remembers it.
[[nodiscard]] inline result<void> use_log(sqlite_connection& on, const std::string& path) {
    std::string mode;
    auto done = on.run_once("set up", "PRAGMA journal_mode=WAL",
                            [&](const sqlite_statement& row) { mode = row.bytes(0); });
    if (done && mode != "wal") {
        return fail({.category = errc::io,
                     .message = "SQLite cannot keep a write-ahead log beside " + path +
                                " (it says '" + mode + "'): open a folder on a local disk",
                     .path = path});
    }
    return done;
}

} // namespace podscope::backend_detail
