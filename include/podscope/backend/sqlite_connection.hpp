// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/sqlite_error.hpp>
#include <podscope/backend/sqlite_statement.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/os/delete_in_its_process.hpp>
#include <podscope/result.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace podscope::backend_detail {

/// What a connection may do. All of those that have a database open have the same.
enum class sqlite_use : bool { reads, writes };

/// A connection to the database, with all its statements, for one thread at a time.
///
/// It belongs to the process that opened it. SQLite's locks are those of a process and its notes
/// about them are copied by a fork, so in a forked copy it is not even closed: its `handle` leaves
/// it there as it is, with its statements.
class sqlite_connection {
public:
    using clock = std::chrono::steady_clock;
    using handle = std::unique_ptr<sqlite_connection, os_detail::delete_in_its_process>;

    /// Opens the file, which is there, without reading it. `prepare` has to come next.
    [[nodiscard]] static result<handle>
    open(const std::string& file, durability durable, clock::time_point until) {
        handle opened{new sqlite_connection{file, durable}};
        opened->until_ = until;
        constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
        const int code = ::sqlite3_open_v2(file.c_str(), &opened->database_, flags, nullptr);
        if (code != SQLITE_OK) {
            return opened->failed("open", code);
        }
        sqlite3* const database = opened->database_;
        ::sqlite3_extended_result_codes(database, 1);
        ::sqlite3_busy_handler(database, wait_for_others, opened.get());
        // A file that somebody has made on purpose runs nothing here.
        ::sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
        ::sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
        ::sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
        ::sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
        for (const std::string_view setting :
             {synchronous(durable), std::string_view{"PRAGMA cell_size_check=ON"},
              std::string_view{"PRAGMA temp_store=MEMORY"}}) {
            if (auto done = opened->run_once("set up", setting); !done) {
                return fail(done);
            }
        }
        return opened;
    }

    sqlite_connection(const sqlite_connection&) = delete;
    sqlite_connection& operator=(const sqlite_connection&) = delete;

    ~sqlite_connection() {
        discard_statements();
        ::sqlite3_close_v2(database_);
    }

    /// Compiles the statements, of a database that has its table.
    [[nodiscard]] result<void> prepare(sqlite_use use) {
        if (use == sqlite_use::reads) {
            if (auto done = run_once("set up", "PRAGMA query_only=ON"); !done) {
                return done;
            }
        }

        struct text_of {
            sqlite_statement* statement;
            std::string_view text;
        };

        const auto statements = std::to_array<text_of>({
            {&begin_, use == sqlite_use::writes ? "BEGIN IMMEDIATE" : "BEGIN"},
            {&commit_, "COMMIT"},
            {&roll_back_, "ROLLBACK"},
            {&get_, "SELECT value FROM rows WHERE key=?1"},
            {&put_, "INSERT INTO rows VALUES(?1,?2)"
                    " ON CONFLICT(key) DO UPDATE SET value=excluded.value"},
            {&erase_, "DELETE FROM rows WHERE key=?1"},
        });
        for (const auto& each : statements) {
            if (const int code = each.statement->prepare(database_, each.text); code != SQLITE_OK) {
                return failed("read", code);
            }
        }
        return {};
    }

    [[nodiscard]] bool is_in_its_process() const noexcept { return opened_in_.is_current(); }

    /// Whether a transaction is open: some failures end it.
    [[nodiscard]] bool is_in_transaction() const noexcept {
        return ::sqlite3_get_autocommit(database_) == 0;
    }

    /// Refuses a change or a commit once SQLite has ended the transaction by itself, as it does
    /// when a read fails: a statement that came then would be a transaction of its own.
    [[nodiscard]] result<void> check_in_transaction() const {
        if (is_in_transaction()) {
            return {};
        }
        return fail({.category = errc::io,
                     .message = "SQLite has given up a transaction on " + file_ +
                                " after a failure: nothing was changed",
                     .path = file_,
                     .system = std::make_error_code(std::errc::io_error)});
    }

    /// Begins a transaction, and waits for others no longer than until then, now and for as long as
    /// it lasts. One that reads sees the state of its first look.
    [[nodiscard]] result<void> begin(clock::time_point until) {
        until_ = until;
        const int code = begin_.run();
        return code == SQLITE_DONE ? result<void>{} : failed("begin a transaction on", code);
    }

    /// The same, for a commit that survives what `wanted` says.
    [[nodiscard]] result<void> begin(clock::time_point until, durability wanted) {
        until_ = until;
        if (wanted != durable_) {
            // (SQLite does it when it compiles the statement, so that there is none to keep.)
            if (auto set = run_once("set up", synchronous(wanted)); !set) {
                return set;
            }
            durable_ = wanted;
        }
        return begin(until);
    }

    [[nodiscard]] result<void> commit() {
        const int code = commit_.run();
        return code == SQLITE_DONE ? result<void>{} : failed("commit to", code);
    }

    /// Ends a transaction that has changed nothing. A rollback would do, but forgets what was read
    /// of the file, which costs more than the whole of a short transaction.
    [[nodiscard]] bool end_unchanged() noexcept {
        return commit_.run() == SQLITE_DONE || roll_back();
    }

    /// False if that did not succeed: the connection is of no use any more.
    [[nodiscard]] bool roll_back() noexcept {
        (void)roll_back_.run();
        return !is_in_transaction();
    }

    [[nodiscard]] sqlite_statement& getting() noexcept { return get_; }

    [[nodiscard]] sqlite_statement& putting() noexcept { return put_; }

    [[nodiscard]] sqlite_statement& erasing() noexcept { return erase_; }

    /// A statement for a scan, since one may take place while another visits a row.
    class scanning {
    public:
        explicit scanning(sqlite_connection& on) noexcept : on_{&on} { ++on.scans_under_way_; }

        scanning(const scanning&) = delete;
        scanning& operator=(const scanning&) = delete;

        ~scanning() { --on_->scans_under_way_; }

        [[nodiscard]] result<sqlite_statement*> statement() const {
            while (on_->scans_.size() < on_->scans_under_way_) {
                sqlite_statement made;
                constexpr std::string_view text =
                    "SELECT key, value FROM rows WHERE key>=?1 ORDER BY key";
                if (const int code = made.prepare(on_->database_, text); code != SQLITE_OK) {
                    return on_->failed("read", code);
                }
                on_->scans_.push_back(std::move(made));
            }
            return &on_->scans_[on_->scans_under_way_ - 1];
        }

    private:
        sqlite_connection* on_;
    };

    /// How many rows the last statement has changed.
    [[nodiscard]] int changes() const noexcept { return ::sqlite3_changes(database_); }

    /// Compiles and runs one statement, and gives its first row to `use`, if it has any.
    template <class F>
    [[nodiscard]] result<void> run_once(std::string_view doing, std::string_view text, F&& use) {
        sqlite_statement once;
        int code = once.prepare(database_, text);
        if (code == SQLITE_OK) {
            code = once.step();
        }
        if (code == SQLITE_ROW) {
            use(once);
            return {};
        }
        return code == SQLITE_DONE ? result<void>{} : failed(doing, code);
    }

    [[nodiscard]] result<void> run_once(std::string_view doing, std::string_view text) {
        return run_once(doing, text, [](const sqlite_statement&) {});
    }

    [[nodiscard]] error error_of(std::string_view doing, int code) const {
        return sqlite_error(database_, code, doing, file_);
    }

    [[nodiscard]] failure failed(std::string_view doing, int code) const {
        return fail(error_of(doing, code));
    }

private:
    sqlite_connection(std::string file, durability durable)
        : file_{std::move(file)},
          durable_{durable} {}

    [[nodiscard]] static constexpr std::string_view synchronous(durability durable) noexcept {
        // With FULL the log is synced by each commit. With NORMAL it is before its pages go into
        // the database: a loss of power takes the last commits, but leaves what was before whole.
        // OFF would save two syncs in a thousand pages, and let what a handle has that promises
        // nothing damage what others promised.
        return durable == durability::power ? "PRAGMA synchronous=FULL"
                                            : "PRAGMA synchronous=NORMAL";
    }

    // Not SQLite's own way to wait, whose pauses grow to a tenth of a second.
    static int wait_for_others(void* self, int times) noexcept {
        if (clock::now() >= static_cast<const sqlite_connection*>(self)->until_) {
            return 0;
        }
        constexpr int doublings = 7;
        std::this_thread::sleep_for(std::chrono::microseconds{20} *
                                    (1 << std::min(times, doublings)));
        return 1;
    }

    void discard_statements() noexcept {
        for (auto* each : {&begin_, &commit_, &roll_back_, &get_, &put_, &erase_}) {
            sqlite_statement{std::move(*each)};
        }
        scans_.clear();
    }

    const fork_stamp opened_in_{};
    std::string file_;
    durability durable_;
    sqlite3* database_ = nullptr;
    clock::time_point until_{};
    sqlite_statement begin_;
    sqlite_statement commit_;
    sqlite_statement roll_back_;
    sqlite_statement get_;
    sqlite_statement put_;
    sqlite_statement erase_;
    std::deque<sqlite_statement> scans_;
    std::size_t scans_under_way_ = 0;
};

} // namespace podscope::backend_detail
