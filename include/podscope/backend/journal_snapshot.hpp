// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/backend/journal_file.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/trusted_file.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace podscope::backend_detail {

/// A new file for a journal, written beside it and then put in its place: the old journal or the
/// new one stands there at every moment, and each is whole. Whoever calls holds the journal's lock;
/// the file may be written over many turns of it.
template <class Files>
class journal_snapshot {
public:
    /// Where it is written. A process that dies leaves it behind; `remove_stray` clears it away.
    static constexpr const char* temporary = "journal.new";

    /// Whether somebody who lives is writing one. (Or a forked copy of him that has not executed
    /// another program.)
    [[nodiscard]] static bool is_under_way(int folder) noexcept {
        file_descriptor found;
        constexpr int careful = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
        return open_at(folder, temporary, careful, found) == 0 && !lock(found.get(), F_WRLCK);
    }

    static void remove_stray(int folder) noexcept {
        if (!is_under_way(folder)) {
            (void)Files::remove(folder, temporary);
        }
    }

    /// Begins a file for the store with that id, as it stands after `sequence` transactions.
    /// Another one's that is under way ends: he finds out before he does anything more with it.
    [[nodiscard]] static result<journal_snapshot>
    start(int folder, const std::string& path, std::uint64_t store, std::uint64_t sequence) {
        journal_header header{.store = store, .sequence = sequence};
        if (const int code = make_id(header.file); code != 0) {
            return system_failure("get a random number for", path, code);
        }
        (void)Files::remove(folder, temporary);
        auto file = open_trusted_file(folder, temporary, O_CREAT | O_EXCL, path + ".new");
        if (!file) {
            return fail(file);
        }
        Files::made(folder, temporary, file->get());
        (void)lock(file->get(), F_WRLCK);
        return journal_snapshot{folder, *std::move(file), path, header};
    }

    journal_snapshot(journal_snapshot&&) = default;
    journal_snapshot& operator=(journal_snapshot&&) = delete;

    // A forked copy leaves it to the process that writes it.
    ~journal_snapshot() {
        if (file_ && born_.is_current() && is_still_there()) {
            (void)Files::remove(folder_, temporary);
        }
    }

    /// Whether nobody has taken its name away.
    [[nodiscard]] bool is_still_there() const noexcept {
        struct stat status{};
        return status_of(file_.get(), status) == 0 && status.st_nlink != 0;
    }

    /// To append operations to.
    [[nodiscard]] std::string& payload() noexcept { return frame_; }

    /// How much is in the payload.
    [[nodiscard]] std::size_t pending() const noexcept {
        return frame_.size() - frame_header::size;
    }

    /// Writes what is in the payload as a frame of the snapshot. None may come behind those of
    /// `append`.
    [[nodiscard]] result<void> flush() {
        if (pending() == 0) {
            return {};
        }
        seal_frame(frame_, header_.file, header_.sequence, 0);
        auto written = write(frame_);
        header_.snapshot_end = end_;
        frame_.resize(frame_header::size);
        return written;
    }

    /// Appends a frame of transactions, as it stood in another file.
    [[nodiscard]] result<void> append(std::string_view payload, const frame_header& frame) {
        frame_.resize(frame_header::size);
        frame_.append(payload);
        seal_frame(frame_, header_.file, frame.sequence, frame.transactions);
        auto written = write(frame_);
        header_.behind += frame.transactions;
        frame_.resize(frame_header::size);
        return written;
    }

    /// Makes last what was written so far.
    [[nodiscard]] result<void> sync() {
        const int code = Files::sync_data(file_.get());
        return code == 0 ? result<void>{} : failed("sync", code);
    }

    /// Completes the file and puts it in the journal's place; it is of no use here then. The folder
    /// is the caller's to sync.
    [[nodiscard]] result<journal_file<Files>> install(const char* name) {
        if (auto flushed = flush(); !flushed) {
            return fail(flushed);
        }
        const auto bytes = encode_header(header_);
        if (const int code = Files::write(file_.get(), {bytes.data(), bytes.size()}, 0);
            code != 0) {
            return failed("write", code);
        }
        if (const int code = Files::sync_all(file_.get()); code != 0) {
            return failed("sync", code);
        }
        if (const int code = Files::rename(folder_, temporary, name); code != 0) {
            return failed("rename", code);
        }
        // It is the journal from here on: nothing may fail any more.
        (void)lock(file_.get(), F_UNLCK);
        journal_file<Files> installed{std::move(file_), std::move(path_), header_};
        installed.pass_to(end_, header_.least_sequence());
        installed.set_size(end_);
        return installed;
    }

private:
    journal_snapshot(int folder,
                     file_descriptor file,
                     std::string path,
                     const journal_header& header)
        : folder_{folder},
          file_{std::move(file)},
          path_{std::move(path)},
          header_{header},
          frame_(frame_header::size, '\0') {}

    // An open file description lock, which ends with its holder. False if somebody else has it.
    static bool lock(int file, short type) noexcept {
        struct flock whole{};
        whole.l_type = type;
        whole.l_whence = SEEK_SET;
        return uninterrupted([&] { return ::fcntl(file, F_OFD_SETLK, &whole); }) == 0;
    }

    [[nodiscard]] result<void> write(std::string_view bytes) {
        if (const int code = Files::write(file_.get(), bytes, end_); code != 0) {
            return failed("write", code);
        }
        end_ += bytes.size();
        return {};
    }

    [[nodiscard]] failure failed(const char* what, int code) const {
        return system_failure(what, path_ + ".new", code);
    }

    int folder_;
    file_descriptor file_;
    fork_stamp born_{};
    std::string path_;
    journal_header header_;
    std::uint64_t end_ = journal_header::size;
    std::string frame_;
};

} // namespace podscope::backend_detail
