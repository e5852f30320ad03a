// SPDX-License-Identifier: BSL-1.0
// The C library's names of the calls, which a program may define itself: what is compiled into this
// one calls these.
#include "backend/system_faults.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace backend_test {
namespace {

thread_local system_faults::decision* deciding = nullptr;

template <class Call>
auto meet_fate(system_call which, std::size_t& size, Call call) -> decltype(call()) {
    if (deciding == nullptr) {
        return call();
    }
    // What decides may make such calls itself.
    auto* const decide = std::exchange(deciding, nullptr);
    const fate met = (*decide)(which);
    deciding = decide;
    switch (met.what) {
    case fate::kind::fails: errno = met.error; return -1;
    case fate::kind::stops_short: size = size > 1 ? 1 : size; break;
    case fate::kind::killed_before: ::kill(::getpid(), SIGKILL); break;
    case fate::kind::killed_after:
        (void)call();
        ::kill(::getpid(), SIGKILL);
        break;
    case fate::kind::goes_through: break;
    }
    return call();
}

template <class... Arguments>
int plain(system_call which, long number, Arguments... arguments) {
    std::size_t none = 0;
    return meet_fate(which, none,
                     [&] { return static_cast<int>(::syscall(number, arguments...)); });
}

} // namespace

system_faults::system_faults(decision decide) {
    deciding = new decision{std::move(decide)};
}

system_faults::~system_faults() {
    delete std::exchange(deciding, nullptr);
}

system_faults::decision at_call(int number, fate then, bool* reached) {
    return [number, then, reached, next = 0](system_call) mutable {
        if (next++ != number) {
            return fate{};
        }
        if (reached != nullptr) {
            *reached = true;
        }
        return then;
    };
}

} // namespace backend_test

using backend_test::meet_fate;
using backend_test::plain;
using backend_test::system_call;

extern "C" {

ssize_t pwrite(int fd, const void* from, size_t size, off_t offset) {
    return meet_fate(system_call::write, size,
                     [&] { return ::syscall(SYS_pwrite64, fd, from, size, offset); });
}

ssize_t pread(int fd, void* to, size_t size, off_t offset) {
    return meet_fate(system_call::read, size,
                     [&] { return ::syscall(SYS_pread64, fd, to, size, offset); });
}

int openat(int folder, const char* name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return plain(system_call::open, SYS_openat, folder, name, flags, mode);
}

int ftruncate(int fd, off_t size) noexcept {
    return plain(system_call::cut, SYS_ftruncate, fd, size);
}

int fdatasync(int fd) {
    return plain(system_call::sync, SYS_fdatasync, fd);
}

int fsync(int fd) {
    return plain(system_call::sync, SYS_fsync, fd);
}

int renameat(int old_folder, const char* old_name, int folder, const char* name) noexcept {
    return plain(system_call::rename, SYS_renameat, old_folder, old_name, folder, name);
}

int unlinkat(int folder, const char* name, int flags) noexcept {
    return plain(system_call::unlink, SYS_unlinkat, folder, name, flags);
}

} // extern "C"
