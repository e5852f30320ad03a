// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// The order of keys: by their bytes.
struct by_bytes {
    using is_transparent = void;

    [[nodiscard]] bool operator()(std::string_view one, std::string_view other) const noexcept {
        const auto common = std::min(one.size(), other.size());
        const int order = std::char_traits<char>::compare(one.data(), other.data(), common);
        return order != 0 ? order < 0 : one.size() < other.size();
    }
};

/// The records of one table, held as they are.
template <table T>
struct table_rows {
    std::map<std::string, typename T::record, by_bytes> rows;
};

template <class Schema>
class basic_rows;

/// The tables of a backend that lives in this process. No locking: the backend does that.
template <table... Tables>
class basic_rows<schema<Tables...>> : private table_rows<Tables>... {
public:
    template <table T>
    [[nodiscard]] auto& of() noexcept {
        return static_cast<table_rows<T>&>(*this).rows;
    }

    template <table T>
    [[nodiscard]] const auto& of() const noexcept {
        return static_cast<const table_rows<T>&>(*this).rows;
    }
};

/// A transaction that reads rows. Costs: `get` logarithmic in the table, `scan` the same and
/// constant for each record visited; neither copies a record.
template <class Schema>
class rows_reader {
public:
    explicit rows_reader(const basic_rows<Schema>& rows) noexcept : rows_{&rows} {}

    template <table T>
    [[nodiscard]] result<const typename T::record*> get(std::string_view key) const {
        const auto& rows = rows_->template of<T>();
        const auto found = rows.find(key);
        return found == rows.end() ? nullptr : &found->second;
    }

    template <table T, class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        const auto& rows = rows_->template of<T>();
        for (auto at = rows.lower_bound(from); at != rows.end(); ++at) {
            if (visit(std::string_view{at->first}, at->second) == podscope::scan::stop) {
                break;
            }
        }
        return {};
    }

private:
    const basic_rows<Schema>* rows_;
};

template <class Schema>
class rows_writer;

/// A transaction that changes rows in place and can take every change back.
///
/// Ends in `keep()`; destroyed without it, it puts the rows back as they were, which allocates
/// nothing and cannot fail. An exception in any call (out of memory) leaves the rows as they were
/// before that call.
template <table... Tables>
class rows_writer<schema<Tables...>> : public rows_reader<schema<Tables...>> {
public:
    explicit rows_writer(basic_rows<schema<Tables...>>& rows) noexcept
        : rows_reader<schema<Tables...>>{rows},
          rows_{&rows} {}

    rows_writer(const rows_writer&) = delete;
    rows_writer& operator=(const rows_writer&) = delete;

    ~rows_writer() { (take_back<Tables>(), ...); }

    template <table T, class Record = typename T::record>
    [[nodiscard]] result<void> put(std::string_view key, Record&& value) {
        auto& rows = rows_->template of<T>();
        auto& changes = changes_of<T>();
        make_room(changes);
        auto at = rows.lower_bound(key);
        row_node<T> before;
        if (at != rows.end() && at->first == key) {
            before = rows.extract(at++);
        }
        try {
            at = rows.emplace_hint(at, key, std::forward<Record>(value));
        } catch (...) {
            if (before) {
                rows.insert(std::move(before));
            }
            throw;
        }
        changes.push_back({.added = &*at, .before = std::move(before)});
        return {};
    }

    template <table T>
    [[nodiscard]] result<void> erase(std::string_view key) {
        auto& rows = rows_->template of<T>();
        if (const auto at = rows.find(key); at != rows.end()) {
            auto& changes = changes_of<T>();
            make_room(changes);
            changes.push_back({.added = nullptr, .before = rows.extract(at)});
        }
        return {};
    }

    /// Calls `f.template operator()<Table>(key, record or nullptr)` with the present state of each
    /// key that was put or erased, once and in the order of a table's keys. May throw
    /// std::bad_alloc.
    template <class F>
    void for_each_change(F&& f) const {
        (report<Tables>(f), ...);
    }

    [[nodiscard]] bool has_changes() const noexcept {
        return (... || !changes_of<Tables>().empty());
    }

    /// Makes the changes last.
    void keep() noexcept { (changes_of<Tables>().clear(), ...); }

private:
    template <table T>
    using row_node = typename decltype(table_rows<T>::rows)::node_type;

    // What was done, such that it can be undone by moving nodes alone.
    template <table T>
    struct change {
        const typename decltype(table_rows<T>::rows)::value_type* added; // null if it was erased
        row_node<T> before; // the row that was there; empty if there was none

        [[nodiscard]] const std::string& key() const {
            return added != nullptr ? added->first : before.key();
        }
    };

    template <table T>
    struct change_list {
        std::vector<change<T>> list;
    };

    struct change_lists : change_list<Tables>... {};

    template <table T>
    [[nodiscard]] auto& changes_of() noexcept {
        return static_cast<change_list<T>&>(changes_).list;
    }

    template <table T>
    [[nodiscard]] const auto& changes_of() const noexcept {
        return static_cast<const change_list<T>&>(changes_).list;
    }

    // Before anything is changed, so that noting the change afterwards cannot fail. Doubles, since
    // reserving one place at a time would copy the list for each change.
    static void make_room(auto& changes) {
        if (changes.size() == changes.capacity()) {
            changes.reserve(2 * changes.size() + 8);
        }
    }

    template <table T>
    void take_back() noexcept {
        auto& rows = rows_->template of<T>();
        auto& changes = changes_of<T>();
        while (!changes.empty()) {
            auto& last = changes.back();
            if (last.added != nullptr) {
                rows.erase(rows.find(last.added->first));
            }
            if (last.before) {
                rows.insert(std::move(last.before));
            }
            changes.pop_back();
        }
    }

    template <table T, class F>
    void report(F& f) const {
        const auto tell = [&f](const change<T>& last) {
            f.template operator()<T>(std::string_view{last.key()},
                                     last.added != nullptr ? &last.added->second : nullptr);
        };
        const auto& changes = changes_of<T>();
        if (changes.size() == 1) {
            tell(changes.front());
            return;
        }
        std::vector<const change<T>*> by_key;
        by_key.reserve(changes.size());
        for (const auto& one : changes) {
            by_key.push_back(&one);
        }
        // Those to one key in the order in which they were made, as they stand in the list.
        std::ranges::sort(by_key, [](const auto* one, const auto* other) {
            const int order = one->key().compare(other->key());
            return order != 0 ? order < 0 : std::less<>{}(one, other);
        });
        for (std::size_t i = 0; i != by_key.size(); ++i) {
            // Of several changes to a key the last one speaks.
            if (i + 1 == by_key.size() || by_key[i]->key() != by_key[i + 1]->key()) {
                tell(*by_key[i]);
            }
        }
    }

    basic_rows<schema<Tables...>>* rows_;
    change_lists changes_;
};

} // namespace podscope
