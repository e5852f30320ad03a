// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/database_folder.hpp>
#include <podscope/backend/file_lock.hpp>
#include <podscope/backend/lmdb_error.hpp>
#include <podscope/backend/lmdb_file.hpp>
#include <podscope/backend/lmdb_options.hpp>
#include <podscope/backend/private_descriptor.hpp>
#include <podscope/backend/timed_gate.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/os/deadline_after.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <lmdb.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::backend_detail {

/// A database, opened once in a process however many handles it has there: LMDB allows no more,
/// since its locks are those of a process.
class lmdb_environment {
public:
    /// Opens it, or gives what this process has open. `durability` is no part of it.
    [[nodiscard]] static result<std::shared_ptr<lmdb_environment>>
    open(const std::string& path, const lmdb_options& options) {
        if (!private_descriptor::guard_forks() || !guard_forks()) {
            return fail({.category = errc::out_of_memory, .message = "out of memory"});
        }
        auto folder = database_folder::open(path, options.trust_network_file_system);
        if (!folder) {
            return fail(folder);
        }
        struct stat status{};
        if (const int code = status_of(folder->descriptor(), status); code != 0) {
            return system_failure("examine", path, code);
        }
        const file_identity identity{status.st_dev, status.st_ino};
        if (auto known = find(identity)) {
            return known;
        }
        // Opened once more, since a mapping keeps the descriptor's description, and with it the
        // lock, alive in every forked copy of the process that has the mapping.
        std::shared_ptr<lmdb_environment> made{
            new lmdb_environment{*std::move(folder), identity, options}, end};
        auto locked = made->lock_.open([&] {
            return open_trusted_file(made->folder_.descriptor(), database_folder::page_name, 0,
                                     made->folder_.path_of(database_folder::page_name));
        });
        if (!locked) {
            return fail(locked);
        }
        // Nobody else opens or changes it meanwhile.
        auto turn = made->take_turn();
        if (!turn) {
            return fail(turn);
        }
        if (auto known = find(identity)) {
            return known;
        }
        if (auto done = made->file_.open(made->folder_, options); !done) {
            made->file_.close();
            return fail(done);
        }
        (void)made->clear_dead_readers();
        const std::lock_guard alone{all.mutex};
        all.open.push_back({identity, {}, made.get(), made});
        return made;
    }

    lmdb_environment(const lmdb_environment&) = delete;
    lmdb_environment& operator=(const lmdb_environment&) = delete;

    ~lmdb_environment() {
        for (auto* each : idle_) {
            ::mdb_txn_abort(each);
        }
    }

    [[nodiscard]] bool is_in_its_process() const noexcept { return opened_in_.is_current(); }

    [[nodiscard]] MDB_dbi rows() const noexcept { return file_.rows(); }

    [[nodiscard]] MDB_env* handle() const noexcept { return file_.handle(); }

    [[nodiscard]] std::string path() const { return folder_.path_of(lmdb_file::name); }

    [[nodiscard]] commit_page& page() noexcept { return folder_.page(); }

    [[nodiscard]] failure failed(std::string_view doing, int code) const {
        return lmdb_failure(code, doing, path());
    }

    /// The right to write, until it goes out of scope. LMDB's own lock has no deadline, so this
    /// one stands before it.
    class turn {
    public:
        turn(turn&&) = default;
        turn& operator=(turn&&) = delete;

        ~turn() {
            if (!gate_) {
                return;
            }
            if (on_->is_in_its_process()) {
                on_->page().set_writer(0);
            } else {
                // Nobody else is here to wait at the gate, whose lock is in the parent.
                gate_.release();
            }
        }

    private:
        friend lmdb_environment;

        turn(lmdb_environment& on, std::unique_lock<timed_gate> gate, file_lock lock) noexcept
            : on_{&on},
              gate_{std::move(gate)},
              lock_{std::move(lock)} {}

        lmdb_environment* on_;
        std::unique_lock<timed_gate> gate_;
        file_lock lock_;
    };

    [[nodiscard]] result<turn> take_turn() {
        const auto until = os_detail::deadline_after(deadline_);
        std::unique_lock gate{gate_, until};
        if (!gate) {
            return timed_out("another thread of this process");
        }
        file_lock lock;
        if (const int code = lock.acquire(lock_, until); code == ETIMEDOUT) {
            const auto who = page().writer();
            return timed_out(who == 0 ? "another process" : "process " + std::to_string(who));
        } else if (code != 0) {
            return system_failure("lock", folder_.path_of(database_folder::page_name), code);
        }
        if (auto there = folder_.check_not_removed(); !there) {
            return fail(there);
        }
        page().set_writer(static_cast<std::uint64_t>(::getpid()));
        return turn{*this, std::move(gate), std::move(lock)};
    }

    /// Begins a transaction that reads. To be given back by `end_reading`.
    [[nodiscard]] int begin_reading(MDB_txn*& begun) {
        {
            const std::lock_guard alone{idle_mutex_};
            if (!idle_.empty()) {
                begun = idle_.back();
                idle_.pop_back();
            }
        }
        if (begun != nullptr) {
            const int code = ::mdb_txn_renew(begun);
            if (code != 0) {
                ::mdb_txn_abort(std::exchange(begun, nullptr));
            }
            return code;
        }
        int code = ::mdb_txn_begin(file_.handle(), nullptr, MDB_RDONLY, &begun);
        if (code == MDB_READERS_FULL && clear_dead_readers() != 0) {
            code = ::mdb_txn_begin(file_.handle(), nullptr, MDB_RDONLY, &begun);
        }
        return code;
    }

    void end_reading(MDB_txn* begun) noexcept {
        ::mdb_txn_reset(begun);
        const std::lock_guard alone{idle_mutex_};
        if (idle_.size() < most_idle) {
            idle_.push_back(begun);
        } else {
            ::mdb_txn_abort(begun);
        }
    }

    /// Takes the places of readers who died, with what they kept from being used again. How many.
    int clear_dead_readers() noexcept {
        int dead = 0;
        (void)::mdb_reader_check(file_.handle(), &dead);
        return dead;
    }

private:
    // Stays until the files are closed: nobody of this process opens them before.
    struct entry {
        file_identity file{};
        fork_stamp opened_in{};
        const lmdb_environment* which{};
        std::weak_ptr<lmdb_environment> handle{};
    };

    struct list {
        std::mutex mutex{};
        std::vector<entry> open{};
    };

    static list all;

    static constexpr std::size_t most_idle = 8;

    lmdb_environment(database_folder folder,
                     const file_identity& identity,
                     const lmdb_options& options)
        : folder_{std::move(folder)},
          identity_{identity},
          deadline_{options.lock_deadline} {
        idle_.reserve(most_idle);
    }

    [[nodiscard]] static bool guard_forks() noexcept {
        static const bool guarded =
            ::pthread_atfork([] { all.mutex.lock(); }, [] { all.mutex.unlock(); },
                             [] { all.mutex.unlock(); }) == 0;
        return guarded;
    }

    // A forked copy keeps all of it: what the parent's threads held there is held for ever.
    static void end(const lmdb_environment* gone) noexcept {
        if (gone->is_in_its_process()) {
            const file_identity file = gone->identity_;
            delete gone;
            const std::lock_guard alone{all.mutex};
            // Another one may have its address by now, but not its file.
            std::erase_if(all.open,
                          [&](const entry& one) { return one.which == gone && one.file == file; });
        }
    }

    // What this process has open. If it is just being closed, waits until it is.
    [[nodiscard]] static std::shared_ptr<lmdb_environment> find(const file_identity& file) {
        for (;; std::this_thread::yield()) {
            const std::lock_guard alone{all.mutex};
            const auto found = std::ranges::find_if(all.open, [&](const entry& one) {
                return one.file == file && one.opened_in.is_current();
            });
            if (found == all.open.end()) {
                return nullptr;
            }
            if (auto known = found->handle.lock()) {
                return known;
            }
        }
    }

    [[nodiscard]] failure timed_out(const std::string& who) const {
        return fail({.category = errc::timeout,
                     .message = who + " is still busy with " + path() + " after " +
                                std::to_string(deadline_.count()) +
                                " ms: if it is stopped or hangs, continue it or end it",
                     .path = path()});
    }

    const fork_stamp opened_in_{};
    database_folder folder_;
    file_identity identity_;
    private_descriptor lock_;
    std::chrono::milliseconds deadline_;
    timed_gate gate_;
    lmdb_file file_;
    std::mutex idle_mutex_;
    std::vector<MDB_txn*> idle_;
};

inline lmdb_environment::list lmdb_environment::all{};

} // namespace podscope::backend_detail
