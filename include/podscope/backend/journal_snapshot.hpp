// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/backend/journal_file.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/trusted_file.hpp>
#include <podscope/result.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace podscope::backend_detail {

/// A new file for a journal, written beside it and then put in its place: the old journal or the
/// new one stands there at every moment, and each is whole. Whoever makes one holds the lock.
class journal_snapshot {
public:
    /// Where it is written. A process that dies leaves it behind; `remove_stray` clears it away.
    static constexpr const char* temporary = "journal.new";

    static void remove_stray(int folder) noexcept { (void)::unlinkat(folder, temporary, 0); }

    /// Begins a file for the store with that id, as it stands after `sequence` transactions.
    [[nodiscard]] static result<journal_snapshot>
    start(int folder, const std::string& path, std::uint64_t store, std::uint64_t sequence) {
        journal_header header{.store = store, .sequence = sequence};
        if (const int code = make_id(header.file); code != 0) {
            return system_failure("get a random number for", path, code);
        }
        remove_stray(folder);
        auto file = open_trusted_file(folder, temporary, O_CREAT | O_EXCL, path + ".new");
        if (!file) {
            return fail(file);
        }
        return journal_snapshot{folder, *std::move(file), path, header};
    }

    journal_snapshot(journal_snapshot&&) = default;
    journal_snapshot& operator=(journal_snapshot&&) = delete;

    ~journal_snapshot() {
        if (file_) {
            remove_stray(folder_);
        }
    }

    /// To append operations to.
    [[nodiscard]] std::string& payload() noexcept { return frame_; }

    /// Call it between operations: frames stay of a moderate size.
    [[nodiscard]] result<void> flush_if_large() {
        constexpr std::size_t large = std::size_t{1} << 18;
        return frame_.size() < large ? result<void>{} : flush();
    }

    /// Completes the file and puts it in the journal's place. The folder is the caller's to sync.
    [[nodiscard]] result<journal_file> install(const char* name) {
        if (frame_.size() > frame_header::size) {
            if (auto flushed = flush(); !flushed) {
                return fail(flushed);
            }
        }
        const auto bytes = encode_header(header_);
        if (const int code = write_at(file_.get(), {bytes.data(), bytes.size()}, 0); code != 0) {
            return failed("write", code);
        }
        if (const int code = sync_all(file_.get()); code != 0) {
            return failed("sync", code);
        }
        if (::renameat(folder_, temporary, folder_, name) != 0) {
            return failed("rename", errno);
        }
        journal_file installed{std::move(file_), path_, header_};
        installed.pass_snapshot();
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

    [[nodiscard]] result<void> flush() {
        seal_frame(frame_, header_.file, header_.sequence, 0);
        if (const int code = write_at(file_.get(), frame_, header_.snapshot_end); code != 0) {
            return failed("write", code);
        }
        header_.snapshot_end += frame_.size();
        frame_.resize(frame_header::size);
        return {};
    }

    [[nodiscard]] failure failed(const char* what, int code) const {
        return system_failure(what, path_ + ".new", code);
    }

    int folder_;
    file_descriptor file_;
    std::string path_;
    journal_header header_;
    std::string frame_;
};

} // namespace podscope::backend_detail
