// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/journal_compaction.hpp>
#include <podscope/backend/journal_file.hpp>
#include <podscope/backend/journal_folder.hpp>
#include <podscope/backend/journal_options.hpp>
#include <podscope/backend/journal_snapshot.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace podscope::backend_detail {

/// When a journal is written anew, by whom of all processes, and how much of it at a time. Whoever
/// calls holds the journal's lock.
template <class Files>
class compaction_schedule {
public:
    explicit compaction_schedule(const journal_options& options) noexcept
        : above_least_{options.compact_above},
          factor_{options.compact_factor},
          piece_{options.compact_piece} {}

    /// Another file is the journal now.
    void start_over(const journal_file<Files>& journal) noexcept {
        above_ = std::max(above_least_, factor_ * journal.header().snapshot_end);
        left_to_others_up_to_ = 0;
    }

    /// Whether there is something to do, unless others do it.
    [[nodiscard]] bool is_due(const journal_file<Files>& journal) const noexcept {
        return under_way_ || journal.end() > above_;
    }

    /// Begins again when the file has grown on: something failed.
    void give_up(const journal_file<Files>& journal) noexcept {
        under_way_.reset();
        above_ = journal.end() + journal.end() / 2;
    }

    /// Does a piece; gives the new file when it has got the journal's name. `contents` is the image
    /// of the journal, up to its end.
    template <class Image>
    [[nodiscard]] result<std::optional<journal_file<Files>>>
    work(int folder, const journal_file<Files>& journal, const Image& contents) {
        if (under_way_ && !under_way_->is_valid(journal)) {
            under_way_.reset();
        }
        if (!under_way_) {
            if (journal.end() <= above_ || is_left_to_others(folder, journal)) {
                return std::nullopt;
            }
            auto begun = journal_compaction<Files>::begin(folder, journal);
            if (!begun) {
                return fail(begun);
            }
            under_way_.emplace(*std::move(begun));
        }
        const auto overdue =
            std::max<std::uint64_t>(journal.end() / std::max<std::uint64_t>(above_, 1), 1);
        auto complete =
            under_way_->go_on(journal, contents, static_cast<std::size_t>(piece_ * overdue));
        if (!complete) {
            return fail(complete);
        }
        if (!*complete) {
            return std::nullopt;
        }
        auto installed = under_way_->install(journal_folder::journal_name);
        if (!installed) {
            return fail(installed);
        }
        under_way_.reset();
        return std::optional{*std::move(installed)};
    }

private:
    // Whether somebody else compacts, and need not be thought to have stopped: the file has not
    // grown by half since he was first seen at it.
    [[nodiscard]] bool is_left_to_others(int folder, const journal_file<Files>& journal) noexcept {
        if (!journal_snapshot<Files>::is_under_way(folder)) {
            return false;
        }
        if (left_to_others_up_to_ == 0) {
            left_to_others_up_to_ = journal.end() + journal.end() / 2;
        }
        return journal.end() <= left_to_others_up_to_;
    }

    std::uint64_t above_least_;
    std::uint64_t factor_;
    std::uint64_t piece_;
    std::optional<journal_compaction<Files>> under_way_{};
    std::uint64_t above_ = 0;
    std::uint64_t left_to_others_up_to_ = 0;
};

} // namespace podscope::backend_detail
