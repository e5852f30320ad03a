// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/compaction_schedule.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/file.hpp>
#include <podscope/backend/frame_reader.hpp>
#include <podscope/backend/image_mutex.hpp>
#include <podscope/backend/journal_file.hpp>
#include <podscope/backend/journal_folder.hpp>
#include <podscope/backend/journal_frame.hpp>
#include <podscope/backend/journal_options.hpp>
#include <podscope/backend/journal_snapshot.hpp>
#include <podscope/backend/journal_sync_plan.hpp>
#include <podscope/backend/shared_page.hpp>
#include <podscope/os/folder_entry.hpp>
#include <podscope/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/stat.h>

namespace podscope::backend_detail {

/// A journal without its types: a folder and the journal's file in it, read and written in turns.
/// The image of the contents is the caller's.
///
/// Two locks, taken in this order and never the other way round: a turn of the folder for whatever
/// reads or writes the file, and `image`, shared to read the image and exclusive to change it. What
/// `image` guards besides: whether the image is current, and whether the handle can still be used.
template <class Files>
class journal_channel {
public:
    /// Opens a folder, and in it a journal, making what is not there.
    [[nodiscard]] static result<std::unique_ptr<journal_channel>>
    open(std::string path, const journal_options& options, durability durable) {
        auto folder = journal_folder::open(std::move(path), options);
        if (!folder) {
            return fail(folder);
        }
        std::unique_ptr<journal_channel> channel{
            new journal_channel{*std::move(folder), options, durable}};
        if (auto opened = channel->open_file(); !opened) {
            return fail(opened);
        }
        return channel;
    }

    image_mutex image;

    [[nodiscard]] bool is_in_its_process() const noexcept { return folder_->is_in_its_process(); }

    [[nodiscard]] result<void> check_process() const { return folder_->check_process(); }

    [[nodiscard]] result<journal_folder::turn> take_turn(lock_deadline until) {
        return folder_->take_turn(until);
    }

    [[nodiscard]] auto deadline() const noexcept { return folder_->deadline(); }

    /// The error of a call that waited for a thread of this process until the deadline.
    [[nodiscard]] failure timed_out() const {
        return folder_->timed_out("another thread of this process");
    }

    /// What all processes share; there as long as the channel is.
    [[nodiscard]] const shared_page& page() const noexcept { return folder_->page(); }

    [[nodiscard]] std::uint64_t generation() const noexcept { return page().generation(); }

    /// Whether the image holds every commit that has been reported as done. Under `image`; without
    /// a system call.
    [[nodiscard]] bool is_current() const noexcept {
        return is_caught_up_ && caught_up_at_ == generation();
    }

    /// Why the handle cannot be used any more, if it cannot. Under `image`.
    [[nodiscard]] result<void> check_usable() const {
        if (broken_by_ != 0) {
            const auto path = folder_->journal_path();
            return fail({.category = errc::io,
                         .message = "an earlier write to " + path +
                                    " left doubt about what is on the disk: open the journal anew",
                         .path = path,
                         .system = std::error_code{broken_by_, std::generic_category()}});
        }
        return {};
    }

    /// Brings an image up to the end of the journal. In a turn, and under `image`.
    ///
    /// An image is default constructible and movable, and `apply(payload)` does all of a frame or,
    /// by a failed result or an exception, nothing of it.
    template <class Image>
    [[nodiscard]] result<void> catch_up(Image& contents) {
        // A compaction is no exception: it follows a commit in the same turn, so who has no news is
        // in the right file, even if the process died over it.
        auto& page = folder_->page();
        if (!folder_->is_examining() && has_no_news()) {
            note_caught_up();
            return {};
        }
        struct stat status{};
        int code = status_of(file_->descriptor(), status);
        if (code == 0 && status.st_nlink == 0) {
            is_caught_up_ = false;
            if (auto followed = follow_replacement(contents); !followed) {
                return followed;
            }
            code = status_of(file_->descriptor(), status);
        }
        if (code != 0) {
            return system_failure("examine", file_->path(), code);
        }
        const auto size = static_cast<std::uint64_t>(status.st_size);
        if (size < file_->end()) {
            is_caught_up_ = false;
            return corrupt_journal(file_->path(), size, "somebody has cut the journal off");
        }
        file_->set_size(size);
        if (has_no_news()) {
            note_caught_up();
            return {};
        }
        if (auto followed = follow_news(page.published(), contents); !followed) {
            is_caught_up_ = false;
            return followed;
        }
        if (code = settle_appended(); code != 0) {
            is_caught_up_ = false;
            return system_failure("sync", file_->path(), code);
        }
        if (page.published() != present_end()) {
            page.publish(present_end());
        }
        page.set_appending(false);
        note_caught_up();
        return {};
    }

    /// Where transactions put their operations. In a turn.
    [[nodiscard]] std::string& begin_frame() { return frame_.begin(); }

    /// Whether the frame is as long as one may be.
    [[nodiscard]] result<void> check_frame() const { return frame_.check_length(file_->path()); }

    /// Appends the frame, which holds so many transactions, and publishes it. In a turn, under
    /// `image`, and after `catch_up`. If it fails, nothing was committed, or the handle is broken
    /// from now on.
    ///
    /// If all of them may be `delayed`, or if the handle promises no more than `process`, they are
    /// left to the next sync, unless too many wait for it.
    [[nodiscard]] result<void> commit_frame(std::uint16_t transactions, bool delayed) {
        auto& page = folder_->page();
        const auto unsynced = page.unsynced();
        const auto plan =
            plan_sync(file_->header().version, durable_, delayed, unsynced, transactions);
        if (plan.counts) {
            // Before they are there: too many said is a loss of care, too few is one of data.
            page.set_unsynced(unsynced + transactions,
                              unsynced == 0 ? file_->end() : page.unsynced_from());
        }
        // For whoever comes next if this process dies before it can publish: everybody has to find
        // the same, whether or not he was at the end.
        page.set_appending(true);
        const auto outcome = file_->append(
            frame_.bytes(), {.transactions = transactions,
                             .unsynced = plan.unsynced,
                             .durable = plan.syncs,
                             .room = durable_ == durability::power ? options_.room : 0});
        if (outcome.code != 0) {
            if (outcome.in_doubt) {
                break_off(outcome.code);
            } else {
                page.set_appending(false);
            }
            return system_failure(outcome.in_doubt ? "say if a commit is in" : "write a commit to",
                                  file_->path(), outcome.code);
        }
        page.publish(present_end());
        page.set_appending(false);
        if (plan.syncs) {
            page.set_synced();
        }
        note_caught_up();
        return {};
    }

    /// Does a piece of what writes the journal anew, if it has grown enough since it last was. In a
    /// turn and under `image`, after a commit, which stands whatever happens here: a compaction
    /// that fails is begun again when the file has grown on.
    template <class Image>
    void compact(const Image& contents) noexcept {
        if (compacting_.is_due(*file_) && !guarded([&] { return compact_piece(contents); })) {
            compacting_.give_up(*file_);
            // A new name may be there although the system says that it failed: the next call looks.
            is_caught_up_ = false;
        }
    }

private:
    journal_channel(std::unique_ptr<journal_folder> folder,
                    const journal_options& options,
                    durability durable)
        : folder_{std::move(folder)},
          options_{options},
          durable_{durable},
          compacting_{options} {}

    [[nodiscard]] result<void> open_file() {
        auto held = folder_->take_turn(deadline());
        if (!held) {
            return fail(held);
        }
        journal_snapshot<Files>::remove_stray(folder_->descriptor());
        auto found = find_file();
        if (!found) {
            return fail(found);
        }
        auto file = *found ? result<journal_file<Files>>{**std::move(found)} : make_empty_file();
        if (!file) {
            return fail(file);
        }
        file_.emplace(*std::move(file));
        compacting_.start_over(*file_);
        if (durable_ == durability::power) {
            if (const int code = os_detail::sync_entry_of(folder_->descriptor()); code != 0) {
                return system_failure("sync the folder above", folder_->path(), code);
            }
        }
        return sync_names();
    }

    [[nodiscard]] result<std::optional<journal_file<Files>>> find_file() {
        return journal_file<Files>::open(folder_->descriptor(), journal_folder::journal_name,
                                         folder_->journal_path());
    }

    [[nodiscard]] result<journal_file<Files>> make_empty_file() {
        std::uint64_t store{};
        if (const int code = make_id(store); code != 0) {
            return system_failure("get a random number for", folder_->journal_path(), code);
        }
        auto snapshot = journal_snapshot<Files>::start(folder_->descriptor(),
                                                       folder_->journal_path(), store, 0);
        return snapshot ? snapshot->install(journal_folder::journal_name)
                        : result<journal_file<Files>>{fail(snapshot)};
    }

    template <class Image>
    [[nodiscard]] result<void> compact_piece(const Image& contents) {
        auto installed = compacting_.work(folder_->descriptor(), *file_, contents);
        if (!installed) {
            return fail(installed);
        }
        if (!*installed) {
            return {};
        }
        *file_ = **std::move(installed);
        folder_->page().move_to(present_end());
        folder_->page().set_synced();
        compacting_.start_over(*file_);
        if (const int code = sync_folder(); code != 0) {
            break_off(code);
        }
        return {};
    }

    // Reads what others have appended.
    template <class Image>
    [[nodiscard]] result<void> follow_news(published_end said, Image& contents) {
        const auto apply = [&](std::string_view payload) { return contents.apply(payload); };
        // Who was at the end once may believe the page from then on, unless somebody died over his
        // append. Anybody else has to find out for himself what a crash has left.
        const bool is_known = is_caught_up_ && !folder_->page().is_appending() &&
                              said.file == file_->header().file && said.end >= file_->end() &&
                              said.end <= file_->size();
        return is_known ? file_->follow_to(said.end, past_, apply) : file_->follow(past_, apply);
    }

    // No handle commits to a file before it has itself made the file's name last: whoever gave the
    // file its name may have died before he did.
    [[nodiscard]] result<void> sync_names() {
        if (const int code = sync_folder(); code != 0) {
            return system_failure("sync the folder", folder_->path(), code);
        }
        return {};
    }

    [[nodiscard]] int sync_folder() noexcept {
        return durable_ == durability::power ? Files::sync_all(folder_->descriptor()) : 0;
    }

    // The file that was read has lost its name: a compaction by another process, or a disaster.
    template <class Image>
    [[nodiscard]] result<void> follow_replacement(Image& contents) {
        auto found = find_file();
        if (!found) {
            return fail(found);
        }
        if (!*found || (*found)->header().store != file_->header().store) {
            return corrupt_journal(file_->path(), 0,
                                   "somebody has removed the journal while it was in use");
        }
        if (auto synced = sync_names(); !synced) {
            return synced;
        }
        journal_file<Files>& next = **found;
        struct stat status{};
        if (const int code = status_of(next.descriptor(), status); code != 0) {
            return system_failure("examine", next.path(), code);
        }
        next.set_size(static_cast<std::uint64_t>(status.st_size));
        const bool goes_on = file_->is_whole() && next.header().sequence <= file_->sequence();
        Image fresh;
        Image& into = goes_on ? contents : fresh;
        if (goes_on) {
            next.pass_snapshot(file_->sequence());
        }
        auto followed =
            next.follow(past_, [&](std::string_view payload) { return into.apply(payload); });
        if (!followed) {
            return followed;
        }
        if (next.sequence() < file_->sequence()) {
            return corrupt_journal(next.path(), 0,
                                   "somebody has put an older copy in the journal's place");
        }
        if (!goes_on) {
            contents = std::move(fresh);
        }
        *file_ = std::move(next);
        compacting_.start_over(*file_);
        return {};
    }

    // Makes last what somebody appended who died over it or failed, whatever this handle promises
    // of its own. Frames that nobody has reported as done are taken as committed, and so must be as
    // durable as any; nor has anybody counted them. And a sync that failed may have had the kernel
    // take for written what was left to it: another sync would not bring that.
    [[nodiscard]] int settle_appended() {
        auto& page = folder_->page();
        const auto said = page.published();
        const auto unsynced = page.is_appending() ? page.unsynced() : 0;
        if (unsynced == 0 && said == present_end()) {
            return 0;
        }
        const auto begin = file_->header().snapshot_end;
        const auto from = unsynced != 0 ? page.unsynced_from() : said.end;
        const bool is_known =
            said.file == file_->header().file && from >= begin && from <= file_->end();
        const int code = is_known        ? file_->write_again(from)
                         : unsynced != 0 ? file_->write_again(begin)
                                         : Files::sync_data(file_->descriptor());
        if (code == 0) {
            page.set_synced();
        }
        return code;
    }

    [[nodiscard]] published_end present_end() const noexcept {
        return {file_->header().file, file_->end()};
    }

    [[nodiscard]] bool has_no_news() const noexcept {
        return is_caught_up_ && page().published() == present_end() && !page().is_appending();
    }

    void note_caught_up() noexcept {
        is_caught_up_ = true;
        past_ = since_written::no_loss_of_power;
        caught_up_at_ = generation();
    }

    void break_off(int code) noexcept {
        is_caught_up_ = false;
        broken_by_ = code;
    }

    std::unique_ptr<journal_folder> folder_;
    journal_options options_;
    durability durable_;

    std::optional<journal_file<Files>> file_;
    journal_frame frame_;
    compaction_schedule<Files> compacting_;

    bool is_caught_up_ = false;
    since_written past_ = since_written::anything; // as who was at the end once knows
    std::uint64_t caught_up_at_ = 0;
    int broken_by_ = 0;
};

} // namespace podscope::backend_detail
