// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/lmdb_environment.hpp>
#include <podscope/backend/lmdb_error.hpp>
#include <podscope/backend/lmdb_keys.hpp>
#include <podscope/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <lmdb.h>

namespace podscope {

/// A transaction that reads an LMDB database. A visitor of a scan may read in turn.
class lmdb_reader {
public:
    lmdb_reader(backend_detail::lmdb_environment& on, MDB_txn* txn) noexcept
        : on_{&on},
          txn_{txn} {}

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const {
        std::string_view found;
        const std::string stored = backend_detail::lmdb_key(key);
        const int code = look_up(stored, found);
        if (code == MDB_NOTFOUND) {
            return std::optional<std::string>{};
        }
        if (code != 0) {
            return failed("read", code);
        }
        if (!backend_detail::is_lmdb_bundle(stored)) {
            return std::optional<std::string>{found};
        }
        backend_detail::lmdb_bundle bundle{found};
        const std::string_view tail = key.substr(backend_detail::lmdb_cut);
        while (const auto one = bundle.next()) {
            if (one->tail == tail) {
                return std::optional<std::string>{one->value};
            }
        }
        return bundle.is_whole() ? result<std::optional<std::string>>{std::nullopt}
                                 : failed("read", MDB_CORRUPTED);
    }

    template <class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        if (!on_->is_in_its_process()) {
            return fail(backend_detail::forked_lmdb());
        }
        const cursor at{txn_, on_->rows()};
        const std::string first = backend_detail::lmdb_key(from);
        MDB_val key = backend_detail::lmdb_value(first);
        MDB_val value{};
        int code = at.code();
        if (code == 0) {
            code = ::mdb_cursor_get(at.get(), &key, &value, MDB_SET_RANGE);
        }
        for (; code == 0; code = ::mdb_cursor_get(at.get(), &key, &value, MDB_NEXT)) {
            const auto stored = backend_detail::bytes_of(key);
            const auto bytes = backend_detail::bytes_of(value);
            if (!backend_detail::is_lmdb_bundle(stored)) {
                if (visit(stored.substr(1), bytes) == podscope::scan::stop) {
                    return {};
                }
                continue;
            }
            const auto begun =
                stored == first ? from.substr(backend_detail::lmdb_cut) : std::string_view{};
            auto next = visit_bundle(stored.substr(1), begun, bytes, visit);
            if (!next || *next == podscope::scan::stop) {
                return next ? result<void>{} : fail(next);
            }
        }
        return code == MDB_NOTFOUND ? result<void>{} : failed("read", code);
    }

protected:
    class cursor {
    public:
        cursor(MDB_txn* txn, MDB_dbi table) noexcept
            : code_{::mdb_cursor_open(txn, table, &cursor_)} {}

        cursor(const cursor&) = delete;
        cursor& operator=(const cursor&) = delete;

        ~cursor() {
            if (cursor_ != nullptr) {
                ::mdb_cursor_close(cursor_);
            }
        }

        [[nodiscard]] int code() const noexcept { return code_; }

        [[nodiscard]] MDB_cursor* get() const noexcept { return cursor_; }

    private:
        MDB_cursor* cursor_ = nullptr;
        int code_;
    };

    [[nodiscard]] error error_of(std::string_view doing, int code) const {
        return code == is_forked ? backend_detail::forked_lmdb()
                                 : backend_detail::lmdb_error(code, doing, on_->path());
    }

    [[nodiscard]] failure failed(std::string_view doing, int code) const {
        return fail(error_of(doing, code));
    }

    [[nodiscard]] int look_up(std::string_view stored, std::string_view& found) const noexcept {
        if (!on_->is_in_its_process()) {
            return is_forked;
        }
        MDB_val key = backend_detail::lmdb_value(stored);
        MDB_val value{};
        const int code = ::mdb_get(txn_, on_->rows(), &key, &value);
        found = code == 0 ? backend_detail::bytes_of(value) : std::string_view{};
        return code;
    }

    // No code of LMDB's or of the system's.
    static constexpr int is_forked = -1;

    backend_detail::lmdb_environment* on_;
    MDB_txn* txn_;

private:
    template <class Visitor>
    [[nodiscard]] result<podscope::scan> visit_bundle(std::string_view beginning,
                                                      std::string_view from,
                                                      std::string_view bytes,
                                                      Visitor& visit) const {
        backend_detail::lmdb_bundle bundle{bytes};
        std::string key{beginning};
        while (const auto one = bundle.next()) {
            if (one->tail < from) {
                continue;
            }
            key.resize(beginning.size());
            key.append(one->tail);
            if (visit(std::string_view{key}, one->value) == podscope::scan::stop) {
                return podscope::scan::stop;
            }
        }
        return bundle.is_whole() ? result<podscope::scan>{podscope::scan::next}
                                 : failed("read", MDB_CORRUPTED);
    }
};

/// A transaction that changes an LMDB database. Once a call has failed it commits nothing.
class lmdb_writer : public lmdb_reader {
public:
    using lmdb_reader::lmdb_reader;

    [[nodiscard]] result<void> put(std::string_view key, std::string_view value) {
        const std::string stored = backend_detail::lmdb_key(key);
        return note(backend_detail::is_lmdb_bundle(stored) ? change_bundle(stored, key, value)
                                                           : store(stored, value));
    }

    [[nodiscard]] result<void> erase(std::string_view key) {
        const std::string stored = backend_detail::lmdb_key(key);
        return note(backend_detail::is_lmdb_bundle(stored)
                        ? change_bundle(stored, key, std::nullopt)
                        : remove(stored));
    }

    [[nodiscard]] bool is_unchanged() const noexcept { return !has_changes_ && !failed_; }

    /// Why nothing can be committed, if a change has failed.
    [[nodiscard]] const std::optional<error>& first_failure() const noexcept { return failed_; }

    /// Whether that was for want of room in the map.
    [[nodiscard]] bool is_out_of_room() const noexcept { return is_out_of_room_; }

private:
    [[nodiscard]] int store(std::string_view stored, std::string_view value) noexcept {
        if (!on_->is_in_its_process()) {
            return is_forked;
        }
        MDB_val key = backend_detail::lmdb_value(stored);
        MDB_val data = backend_detail::lmdb_value(value);
        const int code = ::mdb_put(txn_, on_->rows(), &key, &data, 0);
        has_changes_ = has_changes_ || code == 0;
        return code;
    }

    [[nodiscard]] int remove(std::string_view stored) noexcept {
        if (!on_->is_in_its_process()) {
            return is_forked;
        }
        MDB_val key = backend_detail::lmdb_value(stored);
        const int code = ::mdb_del(txn_, on_->rows(), &key, nullptr);
        has_changes_ = has_changes_ || code == 0;
        return code == MDB_NOTFOUND ? 0 : code;
    }

    [[nodiscard]] int change_bundle(std::string_view stored,
                                    std::string_view key,
                                    std::optional<std::string_view> value) {
        std::string_view before;
        const int code = look_up(stored, before);
        if (code != 0 && code != MDB_NOTFOUND) {
            return code;
        }
        const auto after =
            backend_detail::changed_bundle(before, key.substr(backend_detail::lmdb_cut), value);
        if (!after) {
            return MDB_CORRUPTED;
        }
        if (!value && after->size() == before.size()) {
            return 0;
        }
        return after->empty() ? remove(stored) : store(stored, *after);
    }

    [[nodiscard]] result<void> note(int code) {
        if (code == 0) {
            return {};
        }
        error why = error_of("write to", code);
        is_out_of_room_ = is_out_of_room_ || code == MDB_MAP_FULL;
        if (!failed_) {
            failed_ = why;
        }
        return fail(std::move(why));
    }

    bool has_changes_ = false;
    bool is_out_of_room_ = false;
    std::optional<error> failed_{};
};

} // namespace podscope
