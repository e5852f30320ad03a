// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/database_folder.hpp>
#include <podscope/fork_stamp.hpp>

#include <mutex>

#include <pthread.h>

namespace podscope::backend_detail {

/// A note that this process has a database open, which a forked copy of it inherits.
///
/// SQLite keeps one list of the files that a process has open and of the locks that it has on them.
/// A fork copies that list, but not the locks. If the copy opened one of these files, even anew,
/// SQLite would take the locks for held and would not ask the system: sooner or later somebody else
/// would reset the log under it, and commits would be lost. So it is refused there. (After vfork(2)
/// only exec may follow; a bare clone(2) runs no handlers and is not noticed.)
class sqlite_presence {
public:
    /// `guard_forks` must have succeeded before.
    explicit sqlite_presence(const file_identity& file) noexcept : file_{file} {
        const std::lock_guard lock{all.mutex};
        next_ = all.first;
        all.first = this;
        if (next_ != nullptr) {
            next_->previous_ = this;
        }
    }

    sqlite_presence(const sqlite_presence&) = delete;
    sqlite_presence& operator=(const sqlite_presence&) = delete;

    /// Not to be called in a forked copy, where the note has to stay.
    ~sqlite_presence() {
        const std::lock_guard lock{all.mutex};
        (previous_ != nullptr ? previous_->next_ : all.first) = next_;
        if (next_ != nullptr) {
            next_->previous_ = previous_;
        }
    }

    /// Installs the handlers, once in a process; false if there is no memory for them.
    [[nodiscard]] static bool guard_forks() noexcept {
        static const bool guarded =
            ::pthread_atfork([] { all.mutex.lock(); }, [] { all.mutex.unlock(); },
                             [] { all.mutex.unlock(); }) == 0;
        return guarded;
    }

    /// Whether a process that this one was forked from had the file open then.
    [[nodiscard]] static bool is_inherited(const file_identity& file) noexcept {
        const std::lock_guard lock{all.mutex};
        for (const auto* each = all.first; each != nullptr; each = each->next_) {
            if (each->file_ == file && !each->opened_in_.is_current()) {
                return true;
            }
        }
        return false;
    }

private:
    struct list {
        std::mutex mutex{};
        sqlite_presence* first = nullptr;
    };

    static list all;

    file_identity file_;
    const fork_stamp opened_in_{};
    sqlite_presence* next_ = nullptr;
    sqlite_presence* previous_ = nullptr;
};

inline constinit sqlite_presence::list sqlite_presence::all{};

} // namespace podscope::backend_detail
