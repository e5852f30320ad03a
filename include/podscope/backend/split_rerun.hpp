// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/reverted_rows.hpp>
#include <podscope/result.hpp>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope::backend_detail {

/// What a body has changed in the first part of a split store, so that it can be run again in the
/// same transaction of that part because the second part wants it to be.
template <class Writer>
class rerun_changes {
public:
    /// Notes a row before it is put or erased: the first time for each.
    template <table T>
    [[nodiscard]] result<void> note(Writer& txn, std::string_view key) {
        std::string seen{T::name};
        seen.append(1, '\0').append(key);
        if (seen_.contains(seen)) {
            return {};
        }
        auto undo = undo_of<T>(txn, key);
        if (!undo) {
            return fail(undo);
        }
        undo_.push_back(*std::move(undo));
        seen_.insert(std::move(seen));
        return {};
    }

    /// Puts the rows back as they were.
    [[nodiscard]] result<void> take_back(Writer& txn) {
        for (const auto& undo : undo_) {
            if (auto done = undo(txn); !done) {
                return done;
            }
        }
        undo_.clear();
        seen_.clear();
        return {};
    }

private:
    using undoing = std::function<result<void>(Writer&)>;

    template <table T>
    [[nodiscard]] static result<undoing> undo_of(Writer& txn, std::string_view key) {
        if constexpr (reverts_rows<Writer, T>) {
            return undoing{
                [row = std::string{key}](Writer& to) { return to.template revert<T>(row); }};
        } else {
            auto now = txn.template get<T>(key);
            if (!now) {
                return fail(now);
            }
            using record = typename T::record;
            std::optional<record> before;
            if (*now) {
                const record& there = **now;
                before = there;
            }
            return undoing{[row = std::string{key}, before = std::move(before)](Writer& to) {
                return before ? to.template put<T>(row, *before) : to.template erase<T>(row);
            }};
        }
    }

    std::vector<undoing> undo_{};
    std::set<std::string> seen_{};
};

} // namespace podscope::backend_detail
