// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include <lmdb.h>

namespace podscope::backend_detail {

/// "cannot <what> <path>", with what LMDB or the system answered.
[[nodiscard]] inline error lmdb_error(int code, std::string_view what, const std::string& path) {
    if (code == ENOMEM) {
        return {.category = errc::out_of_memory, .message = "out of memory"};
    }
    error e{
        .category = errc::io, .message = "cannot " + std::string{what} + " " + path, .path = path};
    switch (code) {
    case MDB_MAP_FULL:
        e.message += ": its map is full; close it everywhere and open it with a larger map_size";
        e.system = std::make_error_code(std::errc::no_space_on_device);
        return e;
    case MDB_TXN_FULL:
        e.message += ": the transaction changes too much at once; make it smaller";
        e.system = std::make_error_code(std::errc::file_too_large);
        return e;
    case MDB_BAD_TXN:
        e.message += ": an earlier change of the transaction has failed, and nothing of it is "
                     "committed";
        e.system = std::make_error_code(std::errc::io_error);
        return e;
    case MDB_BAD_VALSIZE:
        e.message += ": a value is larger than LMDB takes";
        e.system = std::make_error_code(std::errc::file_too_large);
        return e;
    case MDB_READERS_FULL:
        e.category = errc::unavailable;
        e.message += ": too many transactions read it; close it everywhere and open it with a "
                     "larger most_readers";
        return e;
    case MDB_MAP_RESIZED:
        e.category = errc::unavailable;
        e.message += ": another process has made it larger than map_size; open it anew with one "
                     "that is as large as there";
        return e;
    case MDB_PANIC:
        e.message += ": a commit has failed half-way; close all handles of this process and open "
                     "it anew";
        e.system = std::make_error_code(std::errc::io_error);
        return e;
    case MDB_VERSION_MISMATCH:
        e.category = errc::unsupported_version;
        e.message += ": it was written by another version of LMDB; use that version";
        return e;
    default: break;
    }
    if (code > 0) {
        e.system = std::error_code{code, std::generic_category()};
        return e;
    }
    e.category = errc::corrupt;
    e.message += ": LMDB says '" + std::string{::mdb_strerror(code)} +
                 "'; restore it from a copy, or open another folder";
    return e;
}

[[nodiscard]] inline failure
lmdb_failure(int code, std::string_view what, const std::string& path) {
    return fail(lmdb_error(code, what, path));
}

/// The error of every call in a process that is a forked copy of the one that opened the database.
[[nodiscard]] inline error forked_lmdb() {
    return {.category = errc::forked,
            .message =
                "an LMDB database cannot be used in a forked copy of the process that opened "
                "it: open it anew there"};
}

} // namespace podscope::backend_detail
