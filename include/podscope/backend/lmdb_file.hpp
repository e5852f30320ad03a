// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/database_folder.hpp>
#include <podscope/backend/file.hpp>
#include <podscope/backend/lmdb_error.hpp>
#include <podscope/backend/lmdb_options.hpp>
#include <podscope/result.hpp>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>

namespace podscope::backend_detail {

[[nodiscard]] inline MDB_val lmdb_value(std::string_view bytes) noexcept {
    // LMDB reads through it only, and has one type for both ways.
    return {bytes.size(), const_cast<char*>(bytes.data())}; // NOLINT(*-const-cast)
}

[[nodiscard]] inline std::string_view bytes_of(const MDB_val& value) noexcept {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

/// The files of a database as LMDB opens them, and the table in it.
class lmdb_file {
public:
    static constexpr const char* name = "data.mdb";

    lmdb_file() = default;
    lmdb_file(const lmdb_file&) = delete;
    lmdb_file& operator=(const lmdb_file&) = delete;

    ~lmdb_file() { close(); }

    void close() noexcept {
        if (environment_ != nullptr) {
            ::mdb_env_close(std::exchange(environment_, nullptr));
        }
    }

    /// Opens it, and makes it if it is not there. What is opened is closed in the end even if this
    /// fails. The caller sees to it that nobody else opens or changes it meanwhile.
    ///
    /// Errors: `unsafe_file`, `corrupt`, `unsupported_version`, `io`.
    [[nodiscard]] result<void> open(const database_folder& folder, const lmdb_options& options) {
        path_ = folder.path_of(name);
        if (auto trusted = folder.check_files({name, "lock.mdb"}); !trusted) {
            return trusted;
        }
        int code = ::mdb_env_create(&environment_);
        if (code == 0) {
            code = ::mdb_env_set_mapsize(environment_, options.map_size);
        }
        if (code == 0) {
            code = ::mdb_env_set_maxreaders(environment_, options.most_readers);
        }
        if (code == 0) {
            code = ::mdb_env_set_maxdbs(environment_, 1);
        }
        if (code == 0) {
            code = ::mdb_env_open(environment_, folder.path_of("").c_str(), MDB_NOTLS,
                                  S_IRUSR | S_IWUSR);
        }
        if (code != 0) {
            return failed("open", code);
        }
        // LMDB does so for all but this one.
        if (::fcntl(descriptor(), F_SETFD, FD_CLOEXEC) != 0) {
            return system_failure("set up", path_, errno);
        }
        const auto length = length_of_file();
        if (!length) {
            return fail(error{length.error()});
        }
        const std::uint64_t full = full_length();
        if (*length >= full) {
            return open_table(folder);
        }
        // A page of the mapping that the file does not have is a signal when it is touched. Most
        // likely the file was cut; but what LMDB had taken and freed again before it committed it
        // may never have written.
        code = cut_at(descriptor(), full);
        if (code != 0) {
            return system_failure("make room in", path_, code);
        }
        auto done = open_table(folder);
        if (done) {
            done = check_rows_lie_before(*length);
        }
        if (!done) {
            (void)cut_at(descriptor(), *length);
        }
        return done;
    }

    [[nodiscard]] MDB_env* handle() const noexcept { return environment_; }

    [[nodiscard]] MDB_dbi rows() const noexcept { return rows_; }

private:
    static constexpr std::string_view format = "podscope 1";

    [[nodiscard]] failure failed(std::string_view doing, int code) const {
        return lmdb_failure(code, doing, path_);
    }

    [[nodiscard]] int descriptor() const noexcept {
        int file = -1;
        (void)::mdb_env_get_fd(environment_, &file);
        return file;
    }

    [[nodiscard]] result<std::uint64_t> length_of_file() const {
        struct stat status{};
        if (const int code = status_of(descriptor(), status); code != 0) {
            return system_failure("examine", path_, code);
        }
        return static_cast<std::uint64_t>(status.st_size);
    }

    // What the header speaks of.
    [[nodiscard]] std::uint64_t full_length() const noexcept {
        MDB_envinfo info{};
        MDB_stat form{};
        (void)::mdb_env_info(environment_, &info);
        (void)::mdb_env_stat(environment_, &form);
        return (std::uint64_t{info.me_last_pgno} + 1) * form.ms_psize;
    }

    // Where the map begins that has a key in it: LMDB tells that only of one in a fixed place. A
    // key lies in a page that begins with its number; a value need not.
    [[nodiscard]] const char* begin_of_map(const MDB_val& key) const noexcept {
        MDB_stat form{};
        (void)::mdb_env_stat(environment_, &form);
        const char* const at = static_cast<const char*>(key.mv_data);
        const char* const page = at - std::bit_cast<std::uintptr_t>(at) % form.ms_psize;
        std::size_t number{};
        std::memcpy(&number, page, sizeof number);
        return page - number * form.ms_psize;
    }

    // Whether all that can be reached was in the file when it had that length.
    [[nodiscard]] result<void> check_rows_lie_before(std::uint64_t length) const {
        const char* end_of_file = nullptr;
        MDB_txn* txn = nullptr;
        int code = ::mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &txn);
        constexpr MDB_dbi free_pages = 0;
        constexpr MDB_dbi main_table = 1;
        for (const MDB_dbi table : {main_table, free_pages, rows_}) {
            MDB_cursor* at = nullptr;
            if (code == 0) {
                code = ::mdb_cursor_open(txn, table, &at);
            }
            MDB_val key{};
            MDB_val value{};
            while (code == 0 && (code = ::mdb_cursor_get(at, &key, &value, MDB_NEXT)) == 0) {
                if (end_of_file == nullptr) {
                    end_of_file = begin_of_map(key) + length;
                }
                for (const auto& part : {key, value}) {
                    if (std::less<>{}(end_of_file, bytes_of(part).data() + part.mv_size)) {
                        code = MDB_CORRUPTED;
                    }
                }
            }
            code = code == MDB_NOTFOUND ? 0 : code;
            if (at != nullptr) {
                ::mdb_cursor_close(at);
            }
        }
        ::mdb_txn_abort(txn);
        return code == 0 ? result<void>{} : failed("read", code);
    }

    // The table, and the mark of this library beside it: both are made, or neither.
    [[nodiscard]] result<void> open_table(const database_folder& folder) {
        MDB_txn* txn = nullptr;
        int code = ::mdb_txn_begin(environment_, nullptr, 0, &txn);
        if (code != 0) {
            return failed("read", code);
        }
        const auto given_up = [&](result<void> why) {
            ::mdb_txn_abort(txn);
            return why;
        };
        MDB_dbi main{};
        MDB_stat size{};
        code = ::mdb_dbi_open(txn, nullptr, 0, &main);
        if (code == 0) {
            code = ::mdb_stat(txn, main, &size);
        }
        if (code != 0) {
            return given_up(failed("read", code));
        }
        MDB_val key = lmdb_value("format");
        MDB_val value{};
        if (size.ms_entries == 0) {
            value = lmdb_value(format);
            code = ::mdb_put(txn, main, &key, &value, 0);
        } else {
            code = ::mdb_get(txn, main, &key, &value);
            if (code == MDB_NOTFOUND || (code == 0 && !bytes_of(value).starts_with("podscope "))) {
                return given_up(fail({.category = errc::corrupt,
                                      .message = path_ + " is a database of another program: "
                                                         "open another folder",
                                      .path = path_}));
            }
            if (code == 0 && bytes_of(value) != format) {
                return given_up(fail({.category = errc::unsupported_version,
                                      .message = path_ + " was written by a newer version of "
                                                         "podscope: use that version",
                                      .path = path_}));
            }
        }
        if (code == 0) {
            code = ::mdb_dbi_open(txn, "rows", size.ms_entries == 0 ? MDB_CREATE : 0, &rows_);
        }
        if (code != 0) {
            return given_up(failed("read", code));
        }
        code = ::mdb_txn_commit(txn);
        return code == 0 ? folder.sync() : failed("make the table of", code);
    }

    std::string path_;
    MDB_env* environment_ = nullptr;
    MDB_dbi rows_{};
};

} // namespace podscope::backend_detail
