// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/trusted_file.hpp>
#include <podscope/result.hpp>

#include <algorithm>
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

/// Reads a file from front to back through a buffer, so that a small frame costs no system call.
class file_window {
public:
    file_window(int file, std::uint64_t size) noexcept : file_{file}, size_{size} {}

    /// The bytes from `offset` on: as many as are asked for or, at the end of the file, fewer.
    /// Valid until the next call. Answers the `errno` of a failed read.
    [[nodiscard]] int view(std::uint64_t offset, std::size_t wanted, std::string_view& bytes) {
        wanted = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, size_ - offset));
        if (offset < base_ || offset + wanted > base_ + buffer_.size()) {
            const auto length = static_cast<std::size_t>(
                std::min<std::uint64_t>(std::max(wanted, chunk), size_ - offset));
            buffer_.resize(length);
            base_ = offset;
            if (const int code = read_at(file_, buffer_.data(), length, offset); code != 0) {
                buffer_.clear();
                return code;
            }
        }
        bytes = std::string_view{buffer_}.substr(static_cast<std::size_t>(offset - base_), wanted);
        return 0;
    }

private:
    static constexpr std::size_t chunk = std::size_t{1} << 18;

    int file_;
    std::uint64_t size_;
    std::uint64_t base_ = 0;
    std::string buffer_;
};

/// A journal as far as one process has read it. Whoever calls holds the journal's lock.
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
        if (const int code = read_at(file->get(), bytes.data(), bytes.size(), 0); code != 0) {
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

    /// Whether the whole snapshot is among them.
    [[nodiscard]] bool has_read_snapshot() const noexcept { return end_ >= header_.snapshot_end; }

    /// Goes to the end of the snapshot: for a caller that has its state from elsewhere.
    void pass_snapshot() noexcept { end_ = header_.snapshot_end; }

    /// Reads the frames behind `end()` up to `size`, the size of the file, and gives the payload of
    /// each to `apply`; a frame for which that fails counts as not read.
    ///
    /// What is no frame, with no frame behind it, is the trace of a writer that died in the middle:
    /// it is cut off. With a frame behind it, or inside the snapshot, it is damage: `corrupt`, and
    /// nothing is changed.
    template <class Apply>
    [[nodiscard]] result<void> follow(std::uint64_t size, Apply&& apply) {
        file_window window{file_.get(), size};
        while (end_ < size) {
            std::string_view bytes;
            if (const int code = window.view(end_, frame_header::size, bytes); code != 0) {
                return system_failure("read", path_, code);
            }
            const auto frame = decode_frame_header(bytes, header_.file);
            if (!frame || frame->length > size - end_ - frame_header::size) {
                return settle_tail(window, size);
            }
            if (const int code = window.view(end_, frame_header::size + frame->length, bytes);
                code != 0) {
                return system_failure("read", path_, code);
            }
            const auto payload = bytes.substr(frame_header::size);
            if (crc32c(payload) != frame->payload_crc) {
                return settle_tail(window, size);
            }
            const bool in_snapshot = end_ < header_.snapshot_end;
            if (frame->sequence != sequence_ + frame->transactions ||
                in_snapshot != (frame->transactions == 0)) {
                return corrupt_journal(path_, end_, "a transaction is not the next one");
            }
            result<void> applied = apply(payload);
            if (!applied) {
                error& e = applied.error();
                e.path = path_;
                e.offset = end_;
                return applied;
            }
            end_ += bytes.size();
            sequence_ = frame->sequence;
        }
        if (end_ < header_.snapshot_end) {
            return corrupt_journal(path_, end_, "the snapshot is cut short");
        }
        return {};
    }

    /// How an append went. After a failure the file is as it was before, unless there is doubt.
    struct append_outcome {
        int code = 0; ///< 0, or the `errno` of what failed
        bool in_doubt = false;
    };

    /// Appends a frame, of which only the payload is filled in, that holds `transactions`
    /// transactions; on the disk, if it shall be `durable`, when this returns.
    ///
    /// A failed sync leaves doubt whatever is done next: the kernel may have dropped the bytes from
    /// its cache as written, so that a second sync would succeed and mean nothing.
    [[nodiscard]] append_outcome
    append(std::string& frame, std::uint32_t transactions, bool durable) noexcept {
        seal_frame(frame, header_.file, sequence_ + transactions, transactions);
        int code = write_at(file_.get(), frame, end_);
        const bool written = code == 0;
        if (written && durable) {
            code = sync_data(file_.get());
        }
        if (code != 0) {
            const bool undone = cut_at(file_.get(), end_) == 0;
            return {code, written || !undone};
        }
        end_ += frame.size();
        sequence_ += transactions;
        return {};
    }

    /// Writes the bytes from `from` to `end()` once more and syncs them: whoever wrote them did not
    /// live to see them on the disk, or saw his sync fail.
    [[nodiscard]] int write_again(std::uint64_t from) {
        std::string bytes(static_cast<std::size_t>(end_ - from), '\0');
        int code = read_at(file_.get(), bytes.data(), bytes.size(), from);
        if (code == 0) {
            code = write_at(file_.get(), bytes, from);
        }
        return code == 0 ? sync_data(file_.get()) : code;
    }

private:
    // What stands at `end_` is no whole frame.
    [[nodiscard]] result<void> settle_tail(file_window& window, std::uint64_t size) {
        if (end_ < header_.snapshot_end) {
            return corrupt_journal(path_, end_, "the snapshot is damaged");
        }
        constexpr std::size_t step = 4096;
        for (std::uint64_t at = end_ + 1; at < size; at += step) {
            std::string_view bytes;
            if (const int code = window.view(at, step + frame_header::size - 1, bytes); code != 0) {
                return system_failure("read", path_, code);
            }
            for (std::size_t i = bytes.find(frame_header::magic); i < step;
                 i = bytes.find(frame_header::magic, i + 1)) {
                const auto later = decode_frame_header(bytes.substr(i), header_.file);
                if (later && later->sequence > sequence_) {
                    return corrupt_journal(path_, end_, "a transaction is damaged");
                }
            }
        }
        if (const int code = cut_at(file_.get(), end_); code != 0) {
            return system_failure("cut the unfinished end off", path_, code);
        }
        return {};
    }

    file_descriptor file_;
    std::string path_;
    journal_header header_;
    std::uint64_t end_ = journal_header::size;
    std::uint64_t sequence_;
};

} // namespace podscope::backend_detail
