// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>

#include <sqlite3.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace podscope::backend_detail {

/// The part of an answer of SQLite that has a meaning of its own; the rest is detail.
[[nodiscard]] constexpr int primary_code(int code) noexcept {
    return code & 0xFF;
}

/// Whether SQLite says that others were in the way.
[[nodiscard]] constexpr bool is_busy(int code) noexcept {
    const int primary = primary_code(code);
    // "Protocol" is what a reader is told who has lost a hundred races for a place.
    return primary == SQLITE_BUSY || primary == SQLITE_LOCKED || primary == SQLITE_PROTOCOL;
}

[[nodiscard]] constexpr errc category_of(int code) noexcept {
    if (code == SQLITE_IOERR_NOMEM || primary_code(code) == SQLITE_NOMEM) {
        return errc::out_of_memory;
    }
    if (is_busy(code)) {
        return errc::timeout;
    }
    // A logic error of the one who asks is none here: the statements are fixed, so what they ask
    // for is not there.
    switch (primary_code(code)) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR: return errc::corrupt;
    default: return errc::io;
    }
}

// The `errno` of the last call that failed on the log or on the database, 0 if there is none.
[[nodiscard]] inline int last_errno_of_files(sqlite3* database) noexcept {
    for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
        sqlite3_file* file = nullptr;
        void* const answer = static_cast<void*>(&file);
        int number = 0;
        if (::sqlite3_file_control(database, "main", which, answer) == SQLITE_OK &&
            file != nullptr && file->pMethods != nullptr &&
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK &&
            number != 0) {
            return number;
        }
    }
    return 0;
}

/// What the system answered, as far as SQLite tells; nothing where it has no part in it.
[[nodiscard]] inline std::error_code system_code_of(sqlite3* database, int code) {
    const auto generic = [](int number) {
        return std::error_code{number, std::generic_category()};
    };
    switch (primary_code(code)) {
    case SQLITE_FULL: return generic(ENOSPC);
    case SQLITE_READONLY: return generic(EROFS);
    case SQLITE_PERM:
    case SQLITE_AUTH: return generic(EACCES);
    case SQLITE_TOOBIG: return generic(EFBIG);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: {
        int number = database != nullptr ? ::sqlite3_system_errno(database) : 0;
        if (number == 0 && database != nullptr) {
            // It is not told of a commit that fails.
            number = last_errno_of_files(database);
        }
        return generic(number != 0 ? number : EIO);
    }
    default: return {};
    }
}

/// "cannot <what> <path>", with what SQLite and the system answered.
[[nodiscard]] inline error
sqlite_error(sqlite3* database, int code, std::string_view what, const std::string& path) {
    if (primary_code(code) == SQLITE_CORRUPT && database != nullptr &&
        last_errno_of_files(database) == EIO) {
        // It takes a disk that cannot be read for a file that makes no sense.
        code = SQLITE_IOERR_READ;
    }
    const errc category = category_of(code);
    if (category == errc::out_of_memory) {
        return {.category = category, .message = "out of memory"};
    }
    // What the connection has to say is of its last call, which need not be this one.
    const bool is_last =
        database != nullptr && primary_code(::sqlite3_errcode(database)) == primary_code(code);
    error e{.category = category,
            .message = "cannot " + std::string{what} + " " + path + ": SQLite says '" +
                       (is_last ? ::sqlite3_errmsg(database) : ::sqlite3_errstr(code)) + "'",
            .path = path};
    if (category == errc::corrupt) {
        e.message += "; restore it from a copy, or open another folder";
    } else if (category == errc::io) {
        e.system = system_code_of(database, code);
    }
    return e;
}

} // namespace podscope::backend_detail
