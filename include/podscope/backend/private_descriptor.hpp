// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/result.hpp>

#include <atomic>
#include <mutex>
#include <utility>

#include <pthread.h>
#include <unistd.h>

namespace podscope::backend_detail {

/// A descriptor that a forked copy of the process does not keep.
///
/// An open file description lock belongs to all copies of its descriptor: a child that kept one
/// would go on holding the lock of a dead parent, and could release that of a living one. So it is
/// closed in the child, before fork(2) returns there, and knows that it was. (Not in a child made
/// by a bare clone(2) or _Fork(), which run no handlers; after vfork(2) only exec may follow.)
class private_descriptor {
public:
    /// None yet. `guard_forks` must have succeeded before.
    private_descriptor() noexcept {
        const std::lock_guard lock{all.mutex};
        next_ = std::exchange(all.first, this);
        if (next_ != nullptr) {
            next_->previous_ = this;
        }
    }

    private_descriptor(const private_descriptor&) = delete;
    private_descriptor& operator=(const private_descriptor&) = delete;

    ~private_descriptor() {
        const std::lock_guard lock{all.mutex};
        (previous_ != nullptr ? previous_->next_ : all.first) = next_;
        if (next_ != nullptr) {
            next_->previous_ = previous_;
        }
        file_descriptor{fd_};
    }

    /// Takes what `opening()` opens. No fork takes place between the two, which would leave the
    /// copy with a descriptor that it does not know of; one that is due waits.
    template <class Opening>
    [[nodiscard]] result<void> open(Opening&& opening) {
        const std::lock_guard lock{all.mutex};
        result<file_descriptor> opened = std::forward<Opening>(opening)();
        if (!opened) {
            return fail(opened);
        }
        fd_ = opened->release();
        return {};
    }

    /// Installs the handlers, once in a process; false if there is no memory for them.
    [[nodiscard]] static bool guard_forks() noexcept {
        static const bool guarded = ::pthread_atfork(before_fork, in_parent, in_child) == 0;
        return guarded;
    }

    [[nodiscard]] int get() const noexcept { return fd_; }

    /// Whether this is the copy of the descriptor's owner in a forked process. One load.
    [[nodiscard]] bool is_in_forked_copy() const noexcept {
        return forked_.load(std::memory_order_relaxed);
    }

private:
    struct list {
        std::mutex mutex{};
        private_descriptor* first = nullptr;
    };

    static void before_fork() noexcept { all.mutex.lock(); }

    static void in_parent() noexcept { all.mutex.unlock(); }

    static void in_child() noexcept {
        for (auto* each = all.first; each != nullptr; each = each->next_) {
            file_descriptor{std::exchange(each->fd_, -1)};
            each->forked_.store(true, std::memory_order_relaxed);
        }
        all.mutex.unlock();
    }

    static list all;

    int fd_ = -1;
    std::atomic<bool> forked_{false};
    private_descriptor* next_ = nullptr;
    private_descriptor* previous_ = nullptr;
};

inline constinit private_descriptor::list private_descriptor::all{};

} // namespace podscope::backend_detail
