// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pthread.h>

namespace podscope::backend_detail {

/// A shared mutex that lets a waiting writer go before further readers: std::shared_mutex of glibc
/// does not, and a few busy readers would keep a writer, and with it every other process that waits
/// for the journal's lock, out for ever. A thread must not take it twice.
class image_mutex {
public:
    image_mutex() noexcept {
        pthread_rwlockattr_t kind;
        ::pthread_rwlockattr_init(&kind);
        ::pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        ::pthread_rwlock_init(&lock_, &kind);
        ::pthread_rwlockattr_destroy(&kind);
    }

    image_mutex(const image_mutex&) = delete;
    image_mutex& operator=(const image_mutex&) = delete;

    ~image_mutex() { ::pthread_rwlock_destroy(&lock_); }

    void lock() noexcept { ::pthread_rwlock_wrlock(&lock_); }

    void unlock() noexcept { ::pthread_rwlock_unlock(&lock_); }

    void lock_shared() noexcept { ::pthread_rwlock_rdlock(&lock_); }

    /// Answers false too while a writer waits.
    [[nodiscard]] bool try_lock_shared() noexcept {
        return ::pthread_rwlock_tryrdlock(&lock_) == 0;
    }

    void unlock_shared() noexcept { ::pthread_rwlock_unlock(&lock_); }

private:
    pthread_rwlock_t lock_;
};

} // namespace podscope::backend_detail
