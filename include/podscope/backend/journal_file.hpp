// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/backend/file_window.hpp>
#include <podscope/backend/frame_reader.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/trusted_file.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/random.h>
#include <sys/stat.h>

namespace podscope::backend_detail {

/// The error of a journal whose bytes are not what was written.
[[nodiscard]] inline failure
corrupt_journal(std::string_view path, std::uint64_t offset, std::string_view what) {
    return fail({.category = errc::corrupt,
                 .message = std::string{path} + ": " + std::string{what} + " at byte " +
                            std::to_string(offset) +
                            "; it is left as it is: restore it from a copy, or move it away to "
                            "begin anew",
                 .path = std::string{path},
                 .offset = offset});
}

/// A number that no other store or file has, but for bad luck.
[[nodiscard]] inline int make_id(std::uint64_t& id) noexcept {
    const auto got = uninterrupted([&] { return ::getrandom(&id, sizeof id, 0); });
    return got == sizeof id ? 0 : got < 0 ? errno : EIO;
}

/// A journal as far as one process has read it. Whoever calls holds the journal's lock.
template <class Files>
class journal_file {
public:
    /// Opens a journal and checks its header. Nothing at all, for a file that is not there or is
    /// empty, is `std::nullopt`.
    [[nodiscard]] static result<std::optional<journal_file>>
    open(int folder, const char* name, const std::string& path) {
        struct stat status{};
        if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) {
                return std::nullopt;
            }
            return system_failure("examine", path, errno);
        }
        auto file = open_trusted_file(folder, name, 0, path);
        if (!file) {
            return fail(file);
        }
        if (const int code = status_of(file->get(), status); code != 0) {
            return system_failure("examine", path, code);
        }
        if (status.st_size == 0) {
            return std::nullopt;
        }
        journal_header_bytes bytes{};
        if (static_cast<std::uint64_t>(status.st_size) < bytes.size()) {
            return corrupt_journal(path, 0, "a journal's header is cut short");
        }
        if (const int code = Files::read(file->get(), bytes.data(), bytes.size(), 0); code != 0) {
            return system_failure("read", path, code);
        }
        const auto header = decode_header(bytes);
        if (!header) {
            return corrupt_journal(path, 0, "there is no whole header of a journal");
        }
        if (header->version > journal_version) {
            return fail({.category = errc::unsupported_version,
                         .message = path + " is a journal in format " +
                                    std::to_string(header->version) +
                                    ", this library reads up to " +
                                    std::to_string(journal_version) + ": use the newer library",
                         .path = path});
        }
        if (header->version == 0 || header->snapshot_end < journal_header::size) {
            return corrupt_journal(path, 0, "a journal's header makes no sense");
        }
        return journal_file{*std::move(file), path, *header};
    }

    journal_file(file_descriptor file, std::string path, const journal_header& header) noexcept
        : file_{std::move(file)},
          path_{std::move(path)},
          header_{header},
          sequence_{header.sequence} {}

    [[nodiscard]] int descriptor() const noexcept { return file_.get(); }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    [[nodiscard]] const journal_header& header() const noexcept { return header_; }

    /// Where the frames that were read or written end.
    [[nodiscard]] std::uint64_t end() const noexcept { return end_; }

    /// The sequence of the last of them.
    [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }

    /// Whether all that the file had when it got its name is among them.
    [[nodiscard]] bool is_whole() const noexcept {
        return end_ >= header_.snapshot_end && sequence_ >= header_.least_sequence();
    }

    /// How long the file is known to be, with the room behind the last frame.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    void set_size(std::uint64_t size) noexcept { size_ = size; }

    /// Goes to the end of the snapshot, and lets `follow` pass over the transactions up to `known`:
    /// for a caller who has them from another file.
    void pass_snapshot(std::uint64_t known) noexcept {
        end_ = header_.snapshot_end;
        known_ = known;
    }

    /// Goes to where the caller has written to.
    void pass_to(std::uint64_t end, std::uint64_t sequence) noexcept {
        end_ = end;
        sequence_ = sequence;
    }

    /// Reads the frames behind `end()` up to the file's size, and gives the payload of each to
    /// `apply`; a frame for which that fails counts as not read.
    ///
    /// Zeros to the end are room. What is no frame otherwise, with no frame behind it, is the trace
    /// of a writer that died in the middle: it is cut off. With a frame behind it, of whose like no
    /// loss of power can have been the cause, or among what the file had when it got its name, it
    /// is damage: `corrupt`, and nothing is changed.
    template <class Apply>
    [[nodiscard]] result<void> follow(since_written past, Apply&& apply) {
        file_window<Files> window{file_.get(), size_};
        auto all = read_frames(window, apply);
        if (!all) {
            return fail(all);
        }
        if (!*all) {
            return settle_tail(window, past);
        }
        return is_whole() ? result<void>{}
                          : corrupt_journal(path_, end_, "what was compacted is cut short");
    }

    /// The same up to `published`, up to which somebody says that he committed: what stands behind
    /// is not looked at, unless something is wrong before it.
    template <class Apply>
    [[nodiscard]] result<void>
    follow_to(std::uint64_t published, since_written past, Apply&& apply) {
        file_window<Files> window{file_.get(), published};
        auto all = read_frames(window, apply);
        if (!all) {
            return fail(all);
        }
        return *all && is_whole() ? result<void>{} : follow(past, std::forward<Apply>(apply));
    }

    /// How an append went. After a failure the file is as it was before, unless there is doubt.
    struct append_outcome {
        int code = 0; ///< 0, or the `errno` of what failed
        bool in_doubt = false;
    };

    /// What an append is told.
    struct append_terms {
        std::uint16_t transactions{}; ///< in the frame
        std::uint16_t unsynced{};     ///< before it, that are not known to be on the disk
        bool durable{};               ///< on the disk when the append returns, with all before it
        std::uint64_t room{};
    };

    /// Appends a frame, of which only the payload is filled in.
    ///
    /// Where the file is not long enough it is made longer to the next multiple of `room`, by
    /// zeros: a sync of bytes within a file costs little more than half of one that has to make a
    /// new length last as well. Without space for that only the frame is written.
    ///
    /// A failed sync leaves doubt whatever is done next: the kernel may have dropped the bytes from
    /// its cache as written, so that a second sync would succeed and mean nothing.
    [[nodiscard]] append_outcome append(std::string& frame, const append_terms& terms) noexcept {
        const auto& [transactions, unsynced, durable, room] = terms;
        seal_frame(frame, header_.file, sequence_ + transactions, transactions, unsynced);
        const std::size_t length = frame.size();
        std::uint64_t size = std::max(size_, end_ + length);
        int code = 0;
        bool is_written = false;
        if (room != 0 && end_ + length > size_ && pad(frame, (size + room - 1) / room * room)) {
            is_written = Files::write(file_.get(), frame, end_) == 0;
            size = is_written ? end_ + frame.size() : size;
            frame.resize(length);
        }
        if (!is_written) {
            code = Files::write(file_.get(), frame, end_);
            is_written = code == 0;
        }
        if (is_written && durable) {
            code = Files::sync_data(file_.get());
        }
        if (code != 0) {
            const bool is_undone = Files::cut(file_.get(), end_) == 0;
            size_ = is_undone ? end_ : size_;
            return {code, is_written || !is_undone};
        }
        size_ = size;
        end_ += length;
        sequence_ += transactions;
        return {};
    }

    /// Writes the bytes from `from` to `end()` once more and syncs them: whoever wrote them did not
    /// live to see them on the disk, or saw his sync fail. EIO if they are no frames any more: the
    /// system may have dropped them after that, and what is there now must not be made to last.
    [[nodiscard]] int write_again(std::uint64_t from) {
        file_window<Files> window{file_.get(), end_};
        std::optional<whole_frame> frame;
        for (auto at = from; at < end_; at += frame->size()) {
            if (const int code = read_frame(window, at, header_.file, frame); code != 0) {
                return code;
            }
            if (!frame) {
                return EIO;
            }
        }
        std::string bytes(static_cast<std::size_t>(end_ - from), '\0');
        int code = Files::read(file_.get(), bytes.data(), bytes.size(), from);
        if (code == 0) {
            code = Files::write(file_.get(), bytes, from);
        }
        return code == 0 ? Files::sync_data(file_.get()) : code;
    }

private:
    [[nodiscard]] bool pad(std::string& frame, std::uint64_t size) const noexcept {
        try {
            frame.resize(static_cast<std::size_t>(size - end_), '\0');
            return true;
        } catch (...) {
            return false;
        }
    }

    // Reads frames as long as they are whole: true at the end of the window, false if what stands
    // at `end_` is none.
    template <class Apply>
    [[nodiscard]] result<bool> read_frames(file_window<Files>& window, Apply& apply) {
        for (std::optional<whole_frame> frame; end_ < window.end();) {
            if (const int code = read_frame(window, end_, header_.file, frame); code != 0) {
                return system_failure("read", path_, code);
            }
            if (!frame) {
                return false;
            }
            const auto& [header, payload] = *frame;
            const bool in_snapshot = end_ < header_.snapshot_end;
            if (header.sequence != sequence_ + header.transactions ||
                in_snapshot != (header.transactions == 0)) {
                return corrupt_journal(path_, end_, "a transaction is not the next one");
            }
            if (in_snapshot || header.sequence > known_) {
                result<void> applied = apply(payload);
                if (!applied) {
                    error& e = applied.error();
                    e.path = path_;
                    e.offset = end_;
                    return fail(applied);
                }
            }
            end_ += frame->size();
            sequence_ = header.sequence;
        }
        return true;
    }

    // What stands at `end_` is no whole frame.
    [[nodiscard]] result<void> settle_tail(file_window<Files>& window, since_written past) {
        if (!is_whole()) {
            return corrupt_journal(path_, end_, "what was compacted is damaged");
        }
        file_tail tail;
        if (const int code = read_tail(window, end_, header_.file, sequence_, past, tail);
            code != 0) {
            return system_failure("read", path_, code);
        }
        if (tail.is_damage) {
            return corrupt_journal(path_, end_, "a transaction is damaged");
        }
        if (tail.is_all_zeros) {
            return {};
        }
        if (const int code = Files::cut(file_.get(), end_); code != 0) {
            return system_failure("cut the unfinished end off", path_, code);
        }
        size_ = end_;
        return {};
    }

    file_descriptor file_;
    std::string path_;
    journal_header header_;
    std::uint64_t end_ = journal_header::size;
    std::uint64_t sequence_;
    std::uint64_t known_ = 0;
    std::uint64_t size_ = 0;
};

} // namespace podscope::backend_detail
