// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <string_view>
#include <utility>

namespace podscope::backend_detail {

/// A statement that is compiled once and run many times. Functions answer as SQLite does.
class sqlite_statement {
public:
    sqlite_statement() = default;

    sqlite_statement(sqlite_statement&& other) noexcept
        : handle_{std::exchange(other.handle_, nullptr)} {}

    ~sqlite_statement() { ::sqlite3_finalize(handle_); }

    [[nodiscard]] int prepare(sqlite3* database, std::string_view text) noexcept {
        return ::sqlite3_prepare_v3(database, text.data(), static_cast<int>(text.size()),
                                    SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
    }

    /// The bytes must stay until the statement is reset.
    [[nodiscard]] int bind(int parameter, std::string_view bytes) noexcept {
        // A null pointer would be a null, which is no empty blob.
        return ::sqlite3_bind_blob64(
            handle_, parameter, bytes.data() != nullptr ? bytes.data() : "", bytes.size(), nullptr);
    }

    [[nodiscard]] int step() noexcept { return ::sqlite3_step(handle_); }

    void reset() noexcept { ::sqlite3_reset(handle_); }

    /// Runs one that gives no rows, and makes it ready for the next time.
    [[nodiscard]] int run() noexcept {
        const int code = step();
        reset();
        return code;
    }

    /// Valid until the next step or reset.
    [[nodiscard]] std::string_view bytes(int column) const noexcept {
        const void* const at = ::sqlite3_column_blob(handle_, column);
        const int size = ::sqlite3_column_bytes(handle_, column);
        return at == nullptr
                   ? std::string_view{}
                   : std::string_view{static_cast<const char*>(at), static_cast<std::size_t>(size)};
    }

    [[nodiscard]] sqlite3_int64 number(int column) const noexcept {
        return ::sqlite3_column_int64(handle_, column);
    }

private:
    sqlite3_stmt* handle_ = nullptr;
};

/// Makes a statement ready for the next time at the end of its use, whatever the way.
class reset_at_end {
public:
    explicit reset_at_end(sqlite_statement& used) noexcept : used_{&used} {}

    reset_at_end(const reset_at_end&) = delete;
    reset_at_end& operator=(const reset_at_end&) = delete;

    ~reset_at_end() { used_->reset(); }

private:
    sqlite_statement* used_;
};

} // namespace podscope::backend_detail
