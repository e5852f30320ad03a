// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/backend/reverted_rows.hpp>
#include <podscope/backend/split_options.hpp>
#include <podscope/backend/split_records.hpp>
#include <podscope/backend/split_rerun.hpp>
#include <podscope/backend/split_undo.hpp>
#include <podscope/result.hpp>

#include <string_view>
#include <type_traits>
#include <utility>

namespace podscope {

/// Whether rows of a table can hang on a lease in a split store: they are the first store's, which
/// has leases, and a body that is run again finds them hanging on what they hung on.
template <class T, class First, class Second, class SecondTables>
concept leased_in_split =
    !backend_detail::is_in_schema<T, SecondTables> && reads_leased<typename First::reader, T> &&
    leases_rows<typename First::writer, T> &&
    (writes_in_turn<Second> || reverts_rows<typename First::writer, T>);

/// A transaction that reads two stores as one: tables of `SecondTables` from the second, all others
/// from the first. Its cost is theirs.
///
/// The first store is read within a transaction that reads, or within one that could write: both
/// have to give the same handles.
template <class First, class Second, class SecondTables>
class split_reader {
public:
    split_reader(typename First::reader& first, typename Second::reader& second) noexcept
        : reading_{&first},
          second_{&second} {}

    /// One within a transaction of the first store that could write.
    [[nodiscard]] static split_reader within(typename First::writer& first,
                                             typename Second::reader& second) noexcept {
        split_reader made{second};
        made.writing_ = &first;
        return made;
    }

    template <table T>
    [[nodiscard]] auto get(std::string_view key) const {
        if constexpr (backend_detail::is_in_schema<T, SecondTables>) {
            return second_->template get<T>(key);
        } else {
            static_assert(std::is_same_v<decltype(reading_->template get<T>(key)),
                                         decltype(writing_->template get<T>(key))>,
                          "podscope: the first part of a split store must give the same handle in "
                          "transactions that read and in those that write");
            return writing_ != nullptr ? writing_->template get<T>(key)
                                       : reading_->template get<T>(key);
        }
    }

    template <table T, class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        if constexpr (backend_detail::is_in_schema<T, SecondTables>) {
            return second_->template scan<T>(from, visit);
        } else {
            return writing_ != nullptr ? writing_->template scan<T>(from, visit)
                                       : reading_->template scan<T>(from, visit);
        }
    }

    /// As reads_leased has it.
    template <leased_in_split<First, Second, SecondTables> T>
    [[nodiscard]] result<bool> is_leased(std::string_view key) const {
        return writing_ != nullptr ? writing_->template is_leased<T>(key)
                                   : reading_->template is_leased<T>(key);
    }

private:
    explicit split_reader(typename Second::reader& second) noexcept : second_{&second} {}

    typename First::reader* reading_ = nullptr;
    typename First::writer* writing_ = nullptr;
    typename Second::reader* second_;
};

/// A transaction that changes two stores as one. Changes go into the transactions of the two; what
/// they replace in the second is noted, at the cost of one look at each row and its encoding.
///
/// A record of the second store that cannot be read cannot be replaced or erased either: that is
/// the error of reading it.
template <class First, class Second, class SecondTables>
class split_writer {
public:
    using first_changes = backend_detail::rerun_changes<typename First::writer>;

    /// @param changes of the first store, if the body may be run again in the same transaction
    split_writer(typename First::writer& first,
                 typename Second::writer& second,
                 first_changes* changes) noexcept
        : first_{&first},
          second_{&second},
          changes_{changes} {}

    template <table T>
    [[nodiscard]] auto get(std::string_view key) const {
        return part_of<T>().template get<T>(key);
    }

    template <table T, class Visitor>
    [[nodiscard]] result<void> scan(std::string_view from, Visitor&& visit) const {
        return part_of<T>().template scan<T>(from, visit);
    }

    template <table T>
    [[nodiscard]] result<void> put(std::string_view key, typename T::record value) {
        if constexpr (backend_detail::is_in_schema<T, SecondTables>) {
            if (auto noted = replaced_.template note<T>(*second_, key); !noted) {
                return noted;
            }
        } else if (auto noted = note_first<T>(key); !noted) {
            return noted;
        }
        return part_of<T>().template put<T>(key, std::move(value));
    }

    template <table T>
    [[nodiscard]] result<void> erase(std::string_view key) {
        if constexpr (backend_detail::is_in_schema<T, SecondTables>) {
            // A commit of nothing would cost as much as any.
            if (auto noted = replaced_.template note_if_there<T>(*second_, key);
                !noted || !*noted) {
                return noted ? result<void>{} : result<void>{fail(noted)};
            }
        } else if (auto noted = note_first<T>(key); !noted) {
            return noted;
        }
        return part_of<T>().template erase<T>(key);
    }

    /// As leases_rows has it, and so are the next.
    template <leased_in_split<First, Second, SecondTables> T>
    [[nodiscard]] result<bool> is_leased(std::string_view key) const {
        return first_->template is_leased<T>(key);
    }

    template <leased_in_split<First, Second, SecondTables> T>
    [[nodiscard]] result<void> put_leased(std::string_view key, typename T::record value) {
        auto noted = note_first<T>(key);
        return noted ? first_->template put_leased<T>(key, std::move(value)) : std::move(noted);
    }

    template <leased_in_split<First, Second, SecondTables> T,
              leased_in_split<First, Second, SecondTables> Beside>
        requires leases_rows<typename First::writer, T, Beside>
    [[nodiscard]] result<void>
    put_beside(std::string_view key, typename T::record value, std::string_view beside) {
        auto noted = note_first<T>(key);
        return noted ? first_->template put_beside<T, Beside>(key, std::move(value), beside)
                     : std::move(noted);
    }

    /// What was replaced in the second store.
    [[nodiscard]] backend_detail::replaced_rows& replaced() noexcept { return replaced_; }

private:
    template <table T>
    [[nodiscard]] result<void> note_first(std::string_view key) {
        return changes_ != nullptr ? changes_->template note<T>(*first_, key) : result<void>{};
    }

    template <table T>
    [[nodiscard]] auto& part_of() const noexcept {
        if constexpr (backend_detail::is_in_schema<T, SecondTables>) {
            return *second_;
        } else {
            return *first_;
        }
    }

    typename First::writer* first_;
    typename Second::writer* second_;
    first_changes* changes_;
    backend_detail::replaced_rows replaced_{};
};

} // namespace podscope
