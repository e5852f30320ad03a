// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/fork_stamp.hpp>
#include <podscope/result.hpp>

#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace plugged {

using podscope::errc;
using podscope::fail;
using podscope::result;

/// What a transaction puts, or erases (nothing), by key.
using change_map = std::map<std::string, std::optional<std::string>, std::less<>>;

/// An open LevelDB. Its lock keeps everybody else out of the folder, in this process and in others.
class leveldb_database {
public:
    /// Opens the database in a folder, which is made if it is not there.
    ///
    /// Errors: `io`, also if the folder is open already; `corrupt`; `unavailable`.
    [[nodiscard]] static result<std::shared_ptr<leveldb_database>> open(const std::string& folder) {
        std::shared_ptr<leveldb_database> made{new leveldb_database{folder}};
        leveldb::Options options;
        options.create_if_missing = true;
        leveldb::DB* opened = nullptr;
        const auto status = leveldb::DB::Open(options, folder, &opened);
        made->db_.reset(opened);
        if (auto checked = made->check(status); !checked) {
            return fail(checked);
        }
        return made;
    }

    [[nodiscard]] leveldb::DB& db() const noexcept { return *db_; }

    /// Held by a writer from before its first read until after its commit.
    [[nodiscard]] std::mutex& writing() noexcept { return writing_; }

    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

    /// Makes all of the changes. After a failure no later commit is tried: what LevelDB appends
    /// behind a write that was cut short may be lost when it reads its log again.
    [[nodiscard]] result<void> commit(const change_map& made) {
        if (last_commit_.ok() && !made.empty()) {
            leveldb::WriteBatch batch;
            for (const auto& [key, value] : made) {
                value ? batch.Put(key, *value) : batch.Delete(key);
            }
            leveldb::WriteOptions options;
            options.sync = true;
            last_commit_ = db_->Write(options, &batch);
            ++generation_;
        }
        return check(last_commit_);
    }

    [[nodiscard]] result<void> check(const leveldb::Status& status) const {
        if (status.ok()) {
            return {};
        }
        const bool is_of_system = status.IsIOError() || status.IsNotFound();
        return fail({.category = status.IsCorruption() ? errc::corrupt
                                 : is_of_system        ? errc::io
                                                       : errc::unavailable,
                     .message = "LevelDB says: " + status.ToString(),
                     .path = folder_});
    }

    /// A forked copy of a process has LevelDB's files, but neither its lock nor its thread.
    [[nodiscard]] result<void> check_process() const {
        if (opened_in_.is_current()) {
            return {};
        }
        return fail({.category = errc::forked,
                     .message = "this process was forked when the database was open already",
                     .path = folder_});
    }

private:
    explicit leveldb_database(std::string folder) : folder_{std::move(folder)} {}

    std::string folder_;
    podscope::fork_stamp opened_in_{};
    std::unique_ptr<leveldb::DB> db_{};
    std::mutex writing_{};
    leveldb::Status last_commit_{};
    std::atomic<std::uint64_t> generation_{0};
};

} // namespace plugged
