// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/database_folder.hpp>
#include <podscope/backend/sqlite_connection.hpp>
#include <podscope/backend/sqlite_options.hpp>
#include <podscope/backend/sqlite_presence.hpp>
#include <podscope/backend/sqlite_schema.hpp>
#include <podscope/backend/sqlite_transaction.hpp>
#include <podscope/backend/timed_gate.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/os/deadline_after.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/os/flock_guard.hpp>
#include <podscope/result.hpp>

#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::backend_detail {

/// A database and the connections of this process to it: one that writes, and as many that read as
/// threads ever read at once, of which a few are kept.
class sqlite_pool {
public:
    static constexpr const char* file_name = "store.sqlite";

    [[nodiscard]] static result<std::shared_ptr<sqlite_pool>>
    open(const std::string& folder, const sqlite_options& options, durability durable) {
        if (::sqlite3_threadsafe() == 0) {
            return fail({.category = errc::unavailable,
                         .message = "this SQLite was built for programs without threads: link "
                                    "another one"});
        }
        if (!sqlite_presence::guard_forks()) {
            return fail({.category = errc::out_of_memory, .message = "out of memory"});
        }
        auto opened = database_folder::open(folder, options.trust_network_file_system);
        if (!opened) {
            return fail(opened);
        }
        const auto until = os_detail::deadline_after(options.busy_deadline);
        const std::string path = opened->path_of(file_name);
        // Whoever is first makes the table while the others wait. By a descriptor of its own: the
        // folder's is closed with the pool, and its number may be another file's by then.
        const os_detail::file_descriptor locked{::fcntl(opened->descriptor(), F_DUPFD_CLOEXEC, 0)};
        if (!locked) {
            return system_failure("lock", folder, errno);
        }
        os_detail::flock_guard alone;
        if (const int code = alone.acquire(locked.get(), options.busy_deadline);
            code == ETIMEDOUT) {
            return timed_out(path, options.busy_deadline, 0);
        } else if (code != 0) {
            return system_failure("lock", folder, code);
        }
        const auto names = {file_name, "store.sqlite-wal", "store.sqlite-shm",
                            "store.sqlite-journal"};
        auto ready = opened->make_file(file_name);
        if (ready) {
            ready = opened->check_files(names);
        }
        if (!ready) {
            return fail(ready);
        }
        auto status = opened->status_of(file_name);
        if (!status) {
            return fail(status);
        }
        if (auto done = check_size(*status, path); !done) {
            return fail(done);
        }
        const file_identity identity{status->st_dev, status->st_ino};
        if (sqlite_presence::is_inherited(identity)) {
            return forked_database();
        }
        std::shared_ptr<sqlite_pool> pool{
            new sqlite_pool{*std::move(opened), identity, options, durable}, end};
        auto first = pool->connect(until);
        if (!first) {
            return fail(first);
        }
        if (auto done = pool->prepare_file(**first); !done) {
            return pool->worded<std::shared_ptr<sqlite_pool>>(std::move(done).error());
        }
        if (auto done = (*first)->prepare(sqlite_use::writes); !done) {
            return fail(done);
        }
        pool->writing_ = *std::move(first);
        return pool;
    }

    /// First thing in every call: a forked copy may not even look at a mutex.
    [[nodiscard]] result<void> check_process() const {
        return opened_in_.is_current() ? result<void>{} : forked_database();
    }

    [[nodiscard]] const commit_page& page() const noexcept { return folder_.page(); }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// A transaction that reads, until it goes out of scope.
    class reading {
    public:
        reading(reading&&) = default;
        reading& operator=(reading&&) = delete;

        ~reading() {
            if (on_ && on_->is_in_its_process() && on_->end_unchanged()) {
                pool_->keep(std::move(on_));
            }
        }

        [[nodiscard]] sqlite_connection& connection() noexcept { return *on_; }

    private:
        friend sqlite_pool;

        reading(sqlite_pool& pool, sqlite_connection::handle on) noexcept
            : pool_{&pool},
              on_{std::move(on)} {}

        sqlite_pool* pool_;
        sqlite_connection::handle on_;
    };

    [[nodiscard]] result<reading> begin_reading() {
        const auto until = os_detail::deadline_after(deadline_);
        auto on = take_idle();
        if (!on) {
            auto made = connect(until);
            if (made) {
                if (auto done = (*made)->prepare(sqlite_use::reads); !done) {
                    return fail(done);
                }
                on = *std::move(made);
            } else {
                return worded<reading>(std::move(made).error());
            }
        }
        if (auto done = on->begin(until); !done) {
            return worded<reading>(std::move(done).error());
        }
        return reading{*this, std::move(on)};
    }

    /// The one transaction of all processes that writes, until it goes out of scope. It is given up
    /// then, unless it was committed.
    class writing {
    public:
        writing(writing&&) = default;
        writing& operator=(writing&&) = delete;

        ~writing() {
            if (!gate_) {
                return;
            }
            auto& on = pool_->writing_;
            if (!pool_->opened_in_.is_current()) {
                // Nobody else is here to wait at the gate, whose lock is in the parent.
                gate_.release();
                return;
            }
            pool_->folder_.page().set_writer(0);
            if (on && on->is_in_transaction() && !on->roll_back()) {
                on.reset();
            }
        }

        [[nodiscard]] sqlite_connection& connection() noexcept { return *pool_->writing_; }

        /// Ends it where nothing has changed.
        void end_unchanged() noexcept {
            auto& on = pool_->writing_;
            if (pool_->opened_in_.is_current() && !on->end_unchanged()) {
                on.reset();
            }
        }

        [[nodiscard]] result<void> commit(const sqlite_writer& changed) {
            auto& on = *pool_->writing_;
            if (!pool_->opened_in_.is_current()) {
                return forked_database();
            }
            if (changed.first_failure()) {
                return fail(*changed.first_failure());
            }
            if (auto there = on.check_in_transaction(); !there) {
                return there;
            }
            const commit_page::announcement under_way{pool_->folder_.page()};
            auto done = on.commit();
            if (!done && on.is_in_transaction() && !on.roll_back()) {
                pool_->writing_.reset();
            }
            return done ? done : pool_->worded<void>(std::move(done).error());
        }

    private:
        friend sqlite_pool;

        writing(sqlite_pool& pool, std::unique_lock<timed_gate> gate) noexcept
            : pool_{&pool},
              gate_{std::move(gate)} {}

        sqlite_pool* pool_;
        std::unique_lock<timed_gate> gate_;
    };

    /// @param wanted what its commit survives
    [[nodiscard]] result<writing> begin_writing(durability wanted) {
        const auto until = os_detail::deadline_after(deadline_);
        std::unique_lock gate{gate_, until};
        if (!gate) {
            return timed_out(path_, deadline_, pid_);
        }
        if (auto there = folder_.check_not_removed(); !there) {
            return fail(there);
        }
        if (!writing_) {
            auto made = connect(until);
            if (!made) {
                return worded<writing>(std::move(made).error());
            }
            if (auto done = (*made)->prepare(sqlite_use::writes); !done) {
                return fail(done);
            }
            writing_ = *std::move(made);
        }
        if (auto done = writing_->begin(until, wanted); !done) {
            return worded<writing>(std::move(done).error());
        }
        folder_.page().settle();
        folder_.page().set_writer(pid_);
        return writing{*this, std::move(gate)};
    }

    /// An error of SQLite, with who was in the way if it is that.
    template <class T>
    [[nodiscard]] result<T> worded(error e) const {
        if (e.category != errc::timeout) {
            return fail(std::move(e));
        }
        return timed_out(path_, deadline_, folder_.page().writer());
    }

private:
    using clock = sqlite_connection::clock;

    static constexpr std::size_t most_idle = 8;

    sqlite_pool(database_folder folder,
                const file_identity& file,
                const sqlite_options& options,
                durability durable)
        : folder_{std::move(folder)},
          path_{folder_.path_of(file_name)},
          deadline_{options.busy_deadline},
          durable_{durable},
          pid_{static_cast<std::uint64_t>(::getpid())},
          presence_{file} {}

    // A forked copy keeps all of it: what the parent's threads held there is held for ever.
    static void end(const sqlite_pool* pool) noexcept {
        if (pool->opened_in_.is_current()) {
            delete pool;
        }
    }

    [[nodiscard]] static failure
    timed_out(const std::string& path, std::chrono::milliseconds waited, std::uint64_t who) {
        const auto self = static_cast<std::uint64_t>(::getpid());
        const std::string named = who == 0      ? "another process"
                                  : who == self ? "another thread of this process"
                                                : "process " + std::to_string(who);
        return fail({.category = errc::timeout,
                     .message = named + " is still busy with " + path + " after " +
                                std::to_string(waited.count()) +
                                " ms: if it is stopped or hangs, continue it or end it",
                     .path = path});
    }

    // SQLite takes a file of one byte for an empty one.
    [[nodiscard]] static result<void> check_size(const struct stat& status,
                                                 const std::string& path) {
        constexpr off_t smallest_page = 512;
        if (status.st_size == 0 || status.st_size >= smallest_page) {
            return {};
        }
        return fail({.category = errc::corrupt,
                     .message = path + " is shorter than any database: restore it from a copy, or "
                                       "open another folder",
                     .path = path});
    }

    [[nodiscard]] result<sqlite_connection::handle> connect(clock::time_point until) {
        return sqlite_connection::open(path_, durable_, until);
    }

    [[nodiscard]] result<void> prepare_file(sqlite_connection& on) {
        auto found = describe_database(on);
        if (!found) {
            return fail(found);
        }
        const bool is_new = found->is_empty();
        auto done = is_new ? make_rows_table(on) : check_description(*found, path_);
        if (done) {
            done = use_log(on, path_);
        }
        return done && durable_ == durability::power ? folder_.sync() : std::move(done);
    }

    [[nodiscard]] sqlite_connection::handle take_idle() {
        const std::lock_guard lock{idle_mutex_};
        if (idle_.empty()) {
            return nullptr;
        }
        auto on = std::move(idle_.back());
        idle_.pop_back();
        return on;
    }

    void keep(sqlite_connection::handle on) noexcept {
        const std::lock_guard lock{idle_mutex_};
        if (idle_.size() < most_idle) {
            idle_.push_back(std::move(on));
        }
    }

    const fork_stamp opened_in_{};
    database_folder folder_;
    std::string path_;
    std::chrono::milliseconds deadline_;
    durability durable_;
    std::uint64_t pid_;
    sqlite_presence presence_; // goes after the connections
    timed_gate gate_;
    sqlite_connection::handle writing_;
    std::mutex idle_mutex_;
    std::vector<sqlite_connection::handle> idle_ = reserved();

    [[nodiscard]] static std::vector<sqlite_connection::handle> reserved() {
        std::vector<sqlite_connection::handle> room;
        room.reserve(most_idle);
        return room;
    }
};

} // namespace podscope::backend_detail
