// SPDX-License-Identifier: BSL-1.0
// Processes that are forked from a test to do something side by side, and what they share.
#pragma once

#include "support/catch.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <new>
#include <stdexcept>
#include <vector>

#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podscope_test {

/// An object in memory that forked processes share.
template <class T>
class shared {
public:
    shared() {
        void* const memory =
            ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            throw std::runtime_error{"no shared memory"};
        }
        object_ = ::new (memory) T{};
    }

    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;

    ~shared() { ::munmap(object_, sizeof(T)); }

    T& operator*() const { return *object_; }

    T* operator->() const { return object_; }

private:
    T* object_;
};

/// Where several processes wait for each other.
class meeting_point {
public:
    void expect(unsigned processes) {
        pthread_barrierattr_t attributes{};
        ::pthread_barrierattr_init(&attributes);
        ::pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        ::pthread_barrier_init(&barrier_, &attributes, processes);
        ::pthread_barrierattr_destroy(&attributes);
    }

    void wait() { ::pthread_barrier_wait(&barrier_); }

private:
    pthread_barrier_t barrier_{};
};

/// Forks processes that each run a function with their number, and waits until all are done. Each
/// must end with success. One that dies before its time would leave the others waiting: they are
/// killed, and the test fails.
template <class F>
void run_processes(unsigned count, F&& function) {
    std::vector<pid_t> pids;
    for (unsigned number = 0; number != count; ++number) {
        const auto pid = ::fork();
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            int code = 99;
            try {
                code = function(number);
            } catch (...) {}
            ::_exit(code);
        }
        pids.push_back(pid);
    }
    bool failed = false;
    for (std::size_t left = pids.size(); left != 0;) {
        int status{};
        const auto pid = ::wait(&status);
        if (pid < 0 && errno == EINTR) {
            continue;
        }
        --left;
        std::erase(pids, pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            UNSCOPED_INFO("status " << status);
            failed = true;
            for (const auto other : pids) {
                ::kill(other, SIGKILL);
            }
        }
    }
    REQUIRE_FALSE(failed);
}

/// One process that runs a function, which gives its exit code, until it is done or killed.
class forked_process {
public:
    template <class F>
    explicit forked_process(F&& function) : pid_{::fork()} {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            int code = 99;
            try {
                code = function();
            } catch (...) {}
            ::_exit(code);
        }
    }

    forked_process(const forked_process&) = delete;
    forked_process& operator=(const forked_process&) = delete;

    ~forked_process() {
        if (pid_ > 0) {
            kill();
        }
    }

    /// Kills it and returns once it is gone.
    void kill() {
        ::kill(pid_, SIGKILL);
        (void)status();
    }

    /// Waits for its end. What waitpid has to say of it.
    int status() {
        int how{};
        while (::waitpid(pid_, &how, 0) < 0 && errno == EINTR) {}
        pid_ = -1;
        return how;
    }

private:
    pid_t pid_;
};

} // namespace podscope_test
