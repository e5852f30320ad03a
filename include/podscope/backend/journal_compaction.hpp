// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/copy_cursor.hpp>
#include <podscope/backend/file_window.hpp>
#include <podscope/backend/frame_reader.hpp>
#include <podscope/backend/journal_file.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/journal_snapshot.hpp>
#include <podscope/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace podscope::backend_detail {

/// Writes a journal anew, a piece at a time, while transactions go on.
///
/// First the rows, as they stand when their turn comes; then, from where the journal ended at the
/// begin, the frames that came meanwhile. Since an operation says what a row is, whatever it was
/// before, the frames make the copied rows into the state of their end: a fuzzy checkpoint, as in
/// "ARIES" (Mohan and others, 1992). A piece is so much as is asked for, and one operation or frame
/// more at most.
template <class Files>
class journal_compaction {
public:
    [[nodiscard]] static result<journal_compaction> begin(int folder,
                                                          const journal_file<Files>& journal) {
        auto target = journal_snapshot<Files>::start(folder, journal.path(), journal.header().store,
                                                     journal.sequence());
        if (!target) {
            return fail(target);
        }
        return journal_compaction{*std::move(target), journal};
    }

    /// Whether it can be gone on with: the journal is still the one that it was begun with, and
    /// nobody has begun another.
    [[nodiscard]] bool is_valid(const journal_file<Files>& journal) const noexcept {
        return journal.header().file == file_ && target_.is_still_there();
    }

    /// Copies a piece and makes it last; true if nothing is left. `contents` is the image of the
    /// journal, up to its end.
    template <class Image>
    [[nodiscard]] result<bool>
    go_on(const journal_file<Files>& journal, const Image& contents, std::size_t piece) {
        if (!has_all_rows_) {
            has_all_rows_ =
                contents.copy_rows(cursor_, target_.payload(), frame_header::size + piece);
            if (auto written = target_.flush(); !written) {
                return fail(written);
            }
        }
        if (has_all_rows_) {
            if (auto copied = copy_frames(journal, piece); !copied) {
                return fail(copied);
            }
        }
        if (auto synced = target_.sync(); !synced) {
            return fail(synced);
        }
        return has_all_rows_ && copied_to_ == journal.end();
    }

    /// Puts the new file in the journal's place. The folder is the caller's to sync.
    [[nodiscard]] result<journal_file<Files>> install(const char* name) {
        return target_.install(name);
    }

private:
    journal_compaction(journal_snapshot<Files> target, const journal_file<Files>& journal)
        : target_{std::move(target)},
          file_{journal.header().file},
          copied_to_{journal.end()} {}

    [[nodiscard]] result<void> copy_frames(const journal_file<Files>& journal, std::size_t piece) {
        const std::uint64_t limit = copied_to_ + piece;
        file_window<Files> window{journal.descriptor(), journal.end()};
        for (std::optional<whole_frame> frame; copied_to_ < journal.end() && copied_to_ < limit;) {
            if (const int code = read_frame(window, copied_to_, file_, frame); code != 0) {
                return system_failure("read", journal.path(), code);
            }
            // Not copied as it is: the new sum would make good what has gone bad.
            if (!frame) {
                return corrupt_journal(journal.path(), copied_to_, "a transaction is damaged");
            }
            if (auto written = target_.append(frame->payload, frame->header); !written) {
                return written;
            }
            copied_to_ += frame->size();
        }
        return {};
    }

    journal_snapshot<Files> target_;
    std::uint64_t file_;
    std::uint64_t copied_to_;
    copy_cursor cursor_{};
    bool has_all_rows_ = false;
};

} // namespace podscope::backend_detail
