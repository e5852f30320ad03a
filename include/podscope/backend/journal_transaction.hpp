// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/codec.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/journal_image.hpp>
#include <podscope/backend/record_error.hpp>
#include <podscope/backend/rows.hpp>
#include <podscope/backend/wire.hpp>
#include <podscope/backend/wire_writer.hpp>
#include <podscope/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace podscope {

/// A transaction that reads a journal's image. Costs are those of `rows_reader`.
///
/// A row whose stored record cannot be read is an error that names its key, from `get` of that key
/// and from a scan over it; the scan visits the others first.
template <class Schema>
class journal_reader {
public:
    explicit journal_reader(const backend_detail::journal_image<Schema>& image) noexcept
        : image_{&image},
          rows_{image.rows} {}

    template <table T>
    [[nodiscard]] result<const typename T::record*> get(std::string_view key) const {
        auto found = rows_.template get<T>(key);
        if (found && *found == nullptr && has_unread()) {
            const auto at = unread().find(unread_key<T>(key));
            if (at != unread().end()) {
                return unreadable<T>(*at);
            }
        }
        return found;
    }

    template <table T, class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        if (!has_unread()) {
            return rows_.template scan<T>(from, visit);
        }
        std::optional<std::string> stopped_at;
        auto scanned = rows_.template scan<T>(
            from, [&](std::string_view key, const typename T::record& record) {
                const auto wanted = visit(key, record);
                if (wanted == podscope::scan::stop) {
                    stopped_at.emplace(key);
                }
                return wanted;
            });
        const std::string table = unread_key<T>("");
        const auto at = unread().lower_bound(unread_key<T>(from));
        if (at != unread().end() && at->first.starts_with(table)) {
            const auto key = std::string_view{at->first}.substr(table.size());
            if (backend_detail::asks_for(visit, key) && (!stopped_at || key < *stopped_at)) {
                return unreadable<T>(*at);
            }
        }
        return scanned;
    }

private:
    [[nodiscard]] const auto& unread() const noexcept {
        return image_->unread.template of<backend_detail::unread_rows>();
    }

    [[nodiscard]] bool has_unread() const noexcept { return !unread().empty(); }

    template <table T>
    [[nodiscard]] static std::string unread_key(std::string_view key) {
        return backend_detail::unread_rows::key(T::name, key);
    }

    template <table T>
    [[nodiscard]] static failure unreadable(const auto& row) {
        std::string_view key = row.first;
        std::string_view name;
        static_cast<void>(backend_detail::take_text(key, name));
        auto read = decode_record<typename T::record>(row.second);
        return fail(backend_detail::unreadable_record(name, key, std::move(read).error()));
    }

    const backend_detail::journal_image<Schema>* image_;
    rows_reader<Schema> rows_;
};

/// A transaction that changes a journal's image in place, and takes every change back unless it was
/// told to keep them.
template <class Schema>
class journal_writer : public journal_reader<Schema> {
public:
    explicit journal_writer(backend_detail::journal_image<Schema>& image) noexcept
        : journal_reader<Schema>{image},
          image_{&image},
          changed_{image.rows},
          set_aside_{image.unread} {}

    template <table T, class Record = typename T::record>
    [[nodiscard]] result<void> put(std::string_view key, Record&& value) {
        auto done = changed_.template put<T>(key, std::forward<Record>(value));
        return done ? drop_unread<T>(key) : std::move(done);
    }

    template <table T>
    [[nodiscard]] result<void> erase(std::string_view key) {
        auto done = changed_.template erase<T>(key);
        return done ? drop_unread<T>(key) : std::move(done);
    }

    [[nodiscard]] bool has_changes() const noexcept {
        return changed_.has_changes() || set_aside_.has_changes();
    }

    /// Appends the changes as operations.
    void write_to(std::string& payload) const {
        using namespace backend_detail;
        wire_writer out{payload};
        // First: the row of such a key may have been put since.
        set_aside_.for_each_change([&]<class>(std::string_view key, const std::string* record) {
            std::string_view name;
            if (record == nullptr && take_text(key, name)) {
                put_operation(out, journal_op::erase, name, key);
            }
        });
        changed_.for_each_change(
            [&]<class T>(std::string_view key, const typename T::record* record) {
                if (record != nullptr) {
                    journal_image<Schema>::template put_record<T>(out, key, *record);
                } else {
                    put_operation(out, journal_op::erase, T::name, key);
                }
            });
    }

    void keep() noexcept {
        changed_.keep();
        set_aside_.keep();
    }

private:
    template <table T>
    [[nodiscard]] result<void> drop_unread(std::string_view key) {
        if (image_->unread.template of<backend_detail::unread_rows>().empty()) {
            return {};
        }
        return set_aside_.template erase<backend_detail::unread_rows>(
            backend_detail::unread_rows::key(T::name, key));
    }

    backend_detail::journal_image<Schema>* image_;
    rows_writer<Schema> changed_;
    rows_writer<backend_detail::unread_schema> set_aside_;
};

} // namespace podscope
