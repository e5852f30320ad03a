// SPDX-License-Identifier: BSL-1.0
// What a transaction changes, taken down, and the same changes made by hand on an SQLite database.
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/sqlite.hpp>
#include <podscope/result.hpp>

#include <sqlite3.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope_bench {

/// A row that was put, or erased.
struct row_change {
    std::string key{};
    std::string value{};
    bool is_erased{};
};

/// A byte backend that takes down what the last transaction that writes has changed.
template <podscope::byte_backend Bytes>
class recording {
public:
    static constexpr podscope::durability durable = Bytes::durable;
    static constexpr podscope::reach reaches = Bytes::reaches;

    using reader = typename Bytes::reader;

    class writer : public Bytes::writer {
    public:
        writer(const typename Bytes::writer& txn, std::vector<row_change>& changes)
            : Bytes::writer{txn},
              changes_{&changes} {}

        [[nodiscard]] podscope::result<void> put(std::string_view key, std::string_view value) {
            changes_->push_back({std::string{key}, std::string{value}, false});
            return Bytes::writer::put(key, value);
        }

        [[nodiscard]] podscope::result<void> erase(std::string_view key) {
            changes_->push_back({std::string{key}, {}, true});
            return Bytes::writer::erase(key);
        }

    private:
        std::vector<row_change>* changes_;
    };

    explicit recording(Bytes bytes) : bytes_{std::move(bytes)} {}

    template <class F>
    [[nodiscard]] std::invoke_result_t<F, reader&> read(F&& body) const {
        return bytes_.read(std::forward<F>(body));
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> write(F&& body) {
        return bytes_.write([&](typename Bytes::writer& txn) {
            changes_->clear();
            writer taking_down{txn, *changes_};
            auto outcome = std::forward<F>(body)(taking_down);
            txn = taking_down;
            return outcome;
        });
    }

    [[nodiscard]] std::uint64_t generation() const noexcept { return bytes_.generation(); }

    [[nodiscard]] const std::vector<row_change>& last_changes() const noexcept { return *changes_; }

private:
    Bytes bytes_;
    std::shared_ptr<std::vector<row_change>> changes_{std::make_shared<std::vector<row_change>>()};
};

/// A connection as a program has that uses SQLite by hand and knows how: prepared statements, and
/// the settings of the library's backend.
class bare_sqlite {
public:
    bare_sqlite(const std::string& file, podscope::durability durable) {
        must(::sqlite3_open_v2(file.c_str(), &database_,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                               nullptr));
        run("PRAGMA journal_mode=WAL");
        run(durable == podscope::durability::power ? "PRAGMA synchronous=FULL"
                                                   : "PRAGMA synchronous=NORMAL");
        run("PRAGMA cell_size_check=ON");
        run("PRAGMA temp_store=MEMORY");
        run("CREATE TABLE IF NOT EXISTS rows(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
        begin_ = prepared("BEGIN IMMEDIATE");
        commit_ = prepared("COMMIT");
        put_ = prepared("INSERT INTO rows VALUES(?1,?2)"
                        " ON CONFLICT(key) DO UPDATE SET value=excluded.value");
        erase_ = prepared("DELETE FROM rows WHERE key=?1");
    }

    bare_sqlite(const bare_sqlite&) = delete;
    bare_sqlite& operator=(const bare_sqlite&) = delete;

    ~bare_sqlite() {
        for (auto* each : {begin_, commit_, put_, erase_}) {
            ::sqlite3_finalize(each);
        }
        ::sqlite3_close(database_);
    }

    /// Makes the changes in one transaction.
    void change(const std::vector<row_change>& changes) {
        step(begin_);
        for (const auto& one : changes) {
            sqlite3_stmt* const statement = one.is_erased ? erase_ : put_;
            bind(statement, 1, one.key);
            if (!one.is_erased) {
                bind(statement, 2, one.value);
            }
            step(statement);
        }
        step(commit_);
    }

private:
    void must(int code) const {
        if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
            throw std::runtime_error{::sqlite3_errmsg(database_)};
        }
    }

    void run(const char* text) { must(::sqlite3_exec(database_, text, nullptr, nullptr, nullptr)); }

    [[nodiscard]] sqlite3_stmt* prepared(const char* text) {
        sqlite3_stmt* made = nullptr;
        must(::sqlite3_prepare_v3(database_, text, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr));
        return made;
    }

    void bind(sqlite3_stmt* statement, int parameter, const std::string& bytes) {
        must(::sqlite3_bind_blob64(statement, parameter, bytes.data(), bytes.size(), nullptr));
    }

    void step(sqlite3_stmt* statement) {
        const int code = ::sqlite3_step(statement);
        ::sqlite3_reset(statement);
        must(code);
    }

    sqlite3* database_ = nullptr;
    sqlite3_stmt* begin_ = nullptr;
    sqlite3_stmt* commit_ = nullptr;
    sqlite3_stmt* put_ = nullptr;
    sqlite3_stmt* erase_ = nullptr;
};

} // namespace podscope_bench
