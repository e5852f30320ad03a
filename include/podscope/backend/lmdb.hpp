// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/byte_backend.hpp>
#include <podscope/backend/commit_page.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/lmdb_environment.hpp>
#include <podscope/backend/lmdb_error.hpp>
#include <podscope/backend/lmdb_options.hpp>
#include <podscope/backend/lmdb_transaction.hpp>
#include <podscope/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <lmdb.h>

namespace podscope {

/// A byte backend in an LMDB database, for the processes of one machine: for who reads much more
/// than he writes, and what is stored need not fit into memory.
///
/// One file in a folder of its own, mapped into memory; commits never overwrite what a reader may
/// see. Reads are in nobody's way, one write takes place at a time. So transactions are
/// serialisable between threads and processes, and a read sees every commit that was reported
/// before it began.
///
/// `Durable` says what a commit that was reported as done survives. With `power` each is synced.
/// With `process` and `none` it is not, and a loss of power may damage the file: LMDB has no log,
/// and relies on the order in which it syncs. LMDB trusts its file, keeps no checksums and looks at
/// little: a file that is none of its own or was cut is refused, but damage inside may go unnoticed
/// or end the process.
///
/// Copies are handles of the same store, and so are all that one process opens; the options of the
/// first count. Every call may be made from several threads at once. Calls do not nest in a thread,
/// except that a visitor may read. In a forked copy of the process every call is `forked`, and no
/// lock of the parent is held or released: open it again there.
///
/// Costs: a read is a search in memory, without a system call; a write copies each changed page,
/// and syncs twice with `power`. A reader that stays in its transaction keeps what it may see from
/// being used again, and the file grows.
template <durability Durable = durability::power>
class basic_lmdb_backend {
public:
    static constexpr durability durable = Durable;
    static constexpr podscope::reach reaches = podscope::reach::machine;

    using reader = lmdb_reader;
    using writer = lmdb_writer;

    /// Opens the database in a folder of its own, making both (0700, 0600) if they are not there:
    /// the folder's parent must be. A file of no bytes is a new database.
    ///
    /// Errors: `corrupt` if the file is none of this library, `unsupported_version`; `unsafe_file`
    /// if the folder or a file in it is a link, is of another kind, belongs to another user, may be
    /// written by others, or lies on a network file system; `timeout`; `io`.
    [[nodiscard]] static result<basic_lmdb_backend> open(const std::string& folder,
                                                         const lmdb_options& options = {}) {
        return guarded([&]() -> result<basic_lmdb_backend> {
            auto environment = backend_detail::lmdb_environment::open(folder, options);
            if (!environment) {
                return fail(environment);
            }
            return basic_lmdb_backend{*std::move(environment)};
        });
    }

    /// Runs `body(reader)` on the present state, once.
    ///
    /// Errors: what `body` returns; `unavailable` if too many read; `corrupt`; `io`; `forked`.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F, reader&> read(F&& body) const {
        if (!on_->is_in_its_process()) {
            return fail(backend_detail::forked_lmdb());
        }
        MDB_txn* begun = nullptr;
        if (const int code = on_->begin_reading(begun); code != 0) {
            return on_->failed("read", code);
        }
        const given_back at_end{*on_, begun};
        reader txn{*on_, begun};
        return std::forward<F>(body)(txn);
    }

    /// Runs `body(writer)` on the present state, and commits if it succeeds. Runs it a second time
    /// if there was no room and readers who died had kept some.
    ///
    /// Errors: what `body` returns; `timeout` if another thread or process writes for that long;
    /// `io` with the system's answer, `corrupt`, `forked`. Nothing has changed then.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> write(F&& body) {
        if (!on_->is_in_its_process()) {
            return fail(backend_detail::forked_lmdb());
        }
        const auto turn = on_->take_turn();
        if (!turn) {
            return fail(error{turn.error()});
        }
        on_->page().settle();
        bool is_out_of_room = false;
        auto outcome = write_in_turn(body, is_out_of_room);
        if (is_out_of_room && on_->is_in_its_process() && on_->clear_dead_readers() != 0) {
            return write_in_turn(body, is_out_of_room);
        }
        return outcome;
    }

    /// Moves with every commit by anybody, before it is reported. One load.
    [[nodiscard]] std::uint64_t generation() const noexcept { return page_->generation(); }

    /// Reads all rows and looks for damage to the form of the file. Takes time in proportion to all
    /// that is stored.
    ///
    /// Errors: `corrupt`; those of `read`.
    [[nodiscard]] result<void> check_integrity() const {
        return read([&](reader& txn) -> result<void> {
            std::string last;
            bool is_first = true;
            bool is_ordered = true;
            auto done = txn.scan({}, [&](std::string_view key, std::string_view) {
                is_ordered = is_first || last < key;
                is_first = false;
                last = key;
                return is_ordered ? podscope::scan::next : podscope::scan::stop;
            });
            return done && !is_ordered ? on_->failed("check", MDB_CORRUPTED) : std::move(done);
        });
    }

private:
    // Ends a transaction that reads, whatever the way.
    class given_back {
    public:
        given_back(backend_detail::lmdb_environment& on, MDB_txn* txn) noexcept
            : on_{&on},
              txn_{txn} {}

        given_back(const given_back&) = delete;
        given_back& operator=(const given_back&) = delete;

        ~given_back() {
            if (on_->is_in_its_process()) {
                on_->end_reading(txn_);
            }
        }

    private:
        backend_detail::lmdb_environment* on_;
        MDB_txn* txn_;
    };

    // Gives a transaction that writes up, unless it was committed.
    class given_up {
    public:
        given_up(backend_detail::lmdb_environment& on, MDB_txn* txn) noexcept
            : on_{&on},
              txn_{txn} {}

        given_up(const given_up&) = delete;
        given_up& operator=(const given_up&) = delete;

        ~given_up() {
            if (txn_ != nullptr && on_->is_in_its_process()) {
                ::mdb_txn_abort(txn_);
            }
        }

        [[nodiscard]] int commit() noexcept {
            return ::mdb_txn_commit(std::exchange(txn_, nullptr));
        }

    private:
        backend_detail::lmdb_environment* on_;
        MDB_txn* txn_;
    };

    explicit basic_lmdb_backend(std::shared_ptr<backend_detail::lmdb_environment> on) noexcept
        : on_{std::move(on)},
          page_{&on_->page()} {}

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> write_in_turn(F& body, bool& is_out_of_room) {
        // Of the environment, but only one transaction writes at a time.
        int code =
            ::mdb_env_set_flags(on_->handle(), MDB_NOSYNC, Durable == durability::power ? 0 : 1);
        MDB_txn* begun = nullptr;
        if (code == 0) {
            code = ::mdb_txn_begin(on_->handle(), nullptr, 0, &begun);
        }
        if (code != 0) {
            return on_->failed("begin a transaction on", code);
        }
        given_up at_end{*on_, begun};
        writer txn{*on_, begun};
        auto outcome = body(txn);
        is_out_of_room = txn.is_out_of_room();
        if (!outcome || txn.is_unchanged()) {
            return outcome;
        }
        if (!on_->is_in_its_process()) {
            return fail(backend_detail::forked_lmdb());
        }
        if (txn.first_failure()) {
            return fail(error{*txn.first_failure()});
        }
        const backend_detail::commit_page::announcement under_way{on_->page()};
        if (code = at_end.commit(); code != 0) {
            is_out_of_room = code == MDB_MAP_FULL;
            return on_->failed("commit to", code);
        }
        return outcome;
    }

    std::shared_ptr<backend_detail::lmdb_environment> on_;
    const backend_detail::commit_page* page_; // of the environment: on the way of every check
};

using lmdb_backend = basic_lmdb_backend<>;

/// A store of typed tables in an LMDB database.
template <durability Durable = durability::power>
using lmdb_store = lifted<basic_lmdb_backend<Durable>>;

/// Opens such a store: as basic_lmdb_backend::open.
template <durability Durable = durability::power>
[[nodiscard]] result<lmdb_store<Durable>> open_lmdb_store(const std::string& folder,
                                                          const lmdb_options& options = {}) {
    auto opened = basic_lmdb_backend<Durable>::open(folder, options);
    if (!opened) {
        return fail(opened);
    }
    return lmdb_store<Durable>{*std::move(opened)};
}

} // namespace podscope
