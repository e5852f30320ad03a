// SPDX-License-Identifier: BSL-1.0
// The C library's names of the calls, which a program may define itself: what is compiled into this
// one calls these.
#include "backend/system_faults.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace backend_test {
namespace {

thread_local system_faults::decision* deciding = nullptr;
thread_local std::vector<podscope::verify::file_event>* tracing = nullptr;
thread_local std::optional<std::uint32_t> file_system;

// The event is made only where somebody wants it: a call must not allocate otherwise.
template <class Make>
void take_down(bool happened, Make make) {
    if (happened && tracing != nullptr) {
        tracing->push_back(make());
    }
}

ino_t inode_of(int fd) {
    struct stat status{};
    return tracing != nullptr && ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

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
    case fate::kind::stops_short: size = std::min(size, met.length); break;
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

file_system_seen::file_system_seen(std::uint32_t magic) noexcept {
    file_system = magic;
}

file_system_seen::~file_system_seen() {
    file_system.reset();
}

system_trace::system_trace() {
    tracing = &events_;
}

system_trace::~system_trace() {
    tracing = nullptr;
}

void system_trace::mark(std::uint64_t number) {
    events_.push_back({.what = podscope::verify::file_event::kind::marked, .at = number});
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

using backend_test::file_system;
using backend_test::file_system_seen;
using backend_test::inode_of;
using backend_test::meet_fate;
using backend_test::plain;
using backend_test::system_call;
using backend_test::take_down;
using podscope::verify::file_event;

extern "C" {

ssize_t pwrite(int fd, const void* from, size_t size, off_t offset) {
    const ssize_t written = meet_fate(
        system_call::write, size, [&] { return ::syscall(SYS_pwrite64, fd, from, size, offset); });
    take_down(written > 0, [&] {
        return file_event{.what = file_event::kind::written,
                          .file = inode_of(fd),
                          .at = static_cast<std::uint64_t>(offset),
                          .bytes{static_cast<const char*>(from),
                                 static_cast<size_t>(std::max<ssize_t>(written, 0))}};
    });
    return written;
}

// Of a file that was opened to append.
ssize_t write(int fd, const void* from, size_t size) {
    const ssize_t written = ::syscall(SYS_write, fd, from, size);
    take_down(written > 0, [&] {
        struct stat status{};
        const bool is_known = ::fstat(fd, &status) == 0;
        return file_event{.what = file_event::kind::written,
                          .file = is_known ? status.st_ino : 0,
                          .at = static_cast<std::uint64_t>(status.st_size - written),
                          .bytes{static_cast<const char*>(from), static_cast<size_t>(written)}};
    });
    return written;
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
    const bool is_new = ::faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    const int fd = plain(system_call::open, SYS_openat, folder, name, flags, mode);
    take_down(fd >= 0 && is_new, [&] {
        return file_event{.what = file_event::kind::made,
                          .file = inode_of(fd),
                          .name = name,
                          .folder = inode_of(folder)};
    });
    return fd;
}

int ftruncate(int fd, off_t size) noexcept {
    const int answer = plain(system_call::cut, SYS_ftruncate, fd, size);
    take_down(answer == 0, [&] {
        return file_event{.what = file_event::kind::cut,
                          .file = inode_of(fd),
                          .at = static_cast<std::uint64_t>(size)};
    });
    return answer;
}

int fdatasync(int fd) {
    const int answer = plain(system_call::sync, SYS_fdatasync, fd);
    take_down(answer == 0,
              [&] { return file_event{.what = file_event::kind::synced, .file = inode_of(fd)}; });
    return answer;
}

int fsync(int fd) {
    const int answer = plain(system_call::sync, SYS_fsync, fd);
    take_down(answer == 0,
              [&] { return file_event{.what = file_event::kind::synced, .file = inode_of(fd)}; });
    return answer;
}

int renameat(int old_folder, const char* old_name, int folder, const char* name) noexcept {
    const int answer = plain(system_call::rename, SYS_renameat, old_folder, old_name, folder, name);
    take_down(answer == 0, [&] {
        return file_event{.what = file_event::kind::renamed,
                          .name = old_name,
                          .other_name = name,
                          .folder = inode_of(folder)};
    });
    return answer;
}

int unlinkat(int folder, const char* name, int flags) noexcept {
    const int answer = plain(system_call::unlink, SYS_unlinkat, folder, name, flags);
    take_down(answer == 0, [&] {
        return file_event{
            .what = file_event::kind::removed, .name = name, .folder = inode_of(folder)};
    });
    return answer;
}

int fstatfs(int fd, struct statfs* status) noexcept {
    const auto answer = static_cast<int>(::syscall(SYS_fstatfs, fd, status));
    if (answer != 0 || !file_system) {
        return answer;
    }
    if (*file_system == file_system_seen::cannot_be_told) {
        errno = EIO;
        return -1;
    }
    status->f_type = *file_system;
    return 0;
}

} // extern "C"
