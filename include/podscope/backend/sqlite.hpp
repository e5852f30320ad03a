// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/byte_backend.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/sqlite_options.hpp>
#include <podscope/backend/sqlite_pool.hpp>
#include <podscope/backend/sqlite_transaction.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace podscope {

/// A byte backend in an SQLite database, for the processes of one machine: for who wants to look at
/// what is stored with other tools, to copy it while it is in use, or to hold more than fits into
/// memory. It needs the SQLite of the system (3.37 or later).
///
/// One file in a folder of its own, with a table `rows(key, value)` and a write-ahead log. Reads
/// see the state of their first look, and are in nobody's way; one write takes place at a time. So
/// transactions are serialisable between threads and processes, a read sees every commit that was
/// reported before it began, and none is run twice.
///
/// `Durable` says what a commit that was reported as done survives: with `power` the log is synced
/// by each; with less a loss of power may take the last commits and leaves those before them whole:
/// `none` is kept as `process` is. Handles of different durability may be open on one file, each
/// answers for its own commits. SQLite keeps no checksums: damage is noticed where it breaks the
/// form of the file or of a record.
///
/// Copies are handles of the same store. Every call may be made from several threads at once.
/// Calls do not nest in a thread, except that a visitor may read. In a forked copy of the process
/// every call is `forked`, no lock of the parent is held or released, and the database cannot be
/// opened there, even anew, as long as the parent had it open when it forked: SQLite would take the
/// parent's locks for the copy's own. Fork first, or exec.
///
/// Costs: those of SQLite. A read takes three system calls and a search of a tree, a write
/// is a copy of each changed page into the log, and one sync with `power`.
template <durability Durable = durability::power>
class basic_sqlite_backend {
public:
    static constexpr durability durable = Durable;
    static constexpr podscope::reach reaches = podscope::reach::machine;

    using reader = sqlite_reader;
    using writer = sqlite_writer;

    /// Opens the database in a folder of its own, making both (0700, 0600) if they are not there:
    /// the folder's parent must be. A file of no bytes is a new database.
    ///
    /// Errors: `corrupt` if the file is none of this library, `unsupported_version`; `unsafe_file`
    /// if the folder or a file in it is a link, is of another kind, belongs to another user, may be
    /// written by others, or lies on a network file system; `forked`; `timeout`; `io`.
    [[nodiscard]] static result<basic_sqlite_backend> open(const std::string& folder,
                                                           const sqlite_options& options = {}) {
        return guarded([&]() -> result<basic_sqlite_backend> {
            auto pool = backend_detail::sqlite_pool::open(folder, options, Durable);
            if (!pool) {
                return fail(pool);
            }
            return basic_sqlite_backend{*std::move(pool)};
        });
    }

    /// Runs `body(reader)` on the present state, once.
    ///
    /// Errors: what `body` returns; `timeout` if others recover the database for that long;
    /// `corrupt`; `io`; `forked`.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F, reader&> read(F&& body) const {
        if (auto here = pool_->check_process(); !here) {
            return fail(here);
        }
        auto begun = pool_->begin_reading();
        if (!begun) {
            return fail(begun);
        }
        reader txn{begun->connection()};
        return std::forward<F>(body)(txn);
    }

    /// Runs `body(writer)` on the present state, once, and commits if it succeeds.
    ///
    /// Errors: what `body` returns; `timeout` if another thread or process writes for that long;
    /// `io` with the system's answer, `corrupt`, `forked`. Nothing has changed then.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> write(F&& body) {
        return commit(std::forward<F>(body), Durable);
    }

    /// The same, but the commit reaches the disk with the next one that does, by anybody, and until
    /// then a loss of power may take it back. All that commits after it finds it, and none of that
    /// outlives it.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> write_delayed(F&& body) {
        return commit(std::forward<F>(body), std::min(Durable, durability::process));
    }

    /// Moves with every commit by anybody, before it is reported. One load.
    [[nodiscard]] std::uint64_t generation() const noexcept { return page_->generation(); }

    /// Reads the whole file and looks for damage to its form. Takes time in proportion to all that
    /// is stored, and is in nobody's way.
    ///
    /// Errors: `corrupt`, with the first thing that is wrong, which for SQLite is also a page for
    /// which there is no memory; those of `read`.
    [[nodiscard]] result<void> check_integrity() const {
        if (auto here = pool_->check_process(); !here) {
            return here;
        }
        auto begun = pool_->begin_reading();
        return begun ? check_integrity(begun->connection()) : fail(begun);
    }

private:
    explicit basic_sqlite_backend(std::shared_ptr<backend_detail::sqlite_pool> pool) noexcept
        : pool_{std::move(pool)},
          page_{&pool_->page()} {}

    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> commit(F&& body, durability wanted) {
        if (auto here = pool_->check_process(); !here) {
            return fail(here);
        }
        auto begun = pool_->begin_writing(wanted);
        if (!begun) {
            return fail(begun);
        }
        writer txn{begun->connection()};
        auto outcome = std::forward<F>(body)(txn);
        if (txn.is_unchanged()) {
            begun->end_unchanged();
            return outcome;
        }
        if (!outcome) {
            return outcome;
        }
        if (auto committed = begun->commit(txn); !committed) {
            return fail(committed);
        }
        return outcome;
    }

    [[nodiscard]] result<void> check_integrity(backend_detail::sqlite_connection& on) const {
        std::string found;
        auto done = on.run_once("check", "PRAGMA integrity_check(1)",
                                [&](const auto& row) { found = row.bytes(0); });
        if (!done || found == "ok") {
            return done;
        }
        return fail({.category = errc::corrupt,
                     .message = pool_->path() + " is damaged: " + found +
                                "; restore it from a copy, or open another folder",
                     .path = pool_->path()});
    }

    std::shared_ptr<backend_detail::sqlite_pool> pool_;
    const backend_detail::commit_page* page_; // of the pool: on the way of every check by a pod
};

using sqlite_backend = basic_sqlite_backend<>;

/// A store of typed tables in an SQLite database.
template <durability Durable = durability::power>
using sqlite_store = lifted<basic_sqlite_backend<Durable>>;

/// Opens such a store: as basic_sqlite_backend::open.
template <durability Durable = durability::power>
[[nodiscard]] result<sqlite_store<Durable>> open_sqlite_store(const std::string& folder,
                                                              const sqlite_options& options = {}) {
    auto opened = basic_sqlite_backend<Durable>::open(folder, options);
    if (!opened) {
        return fail(opened);
    }
    return sqlite_store<Durable>{*std::move(opened)};
}

} // namespace podscope
