// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/os/flock_guard.hpp>
#include <podscope/probe/proc_file.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/unix_address.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::probe_detail {

/// Tells a file from any other, as long as somebody keeps it in use.
struct file_identity {
    dev_t device{};
    ino_t inode{};

    friend bool operator==(const file_identity&, const file_identity&) = default;
};

/// The folder of a listening socket, and what may be done in it.
///
/// Whoever makes or removes a socket holds a lock on the folder meanwhile, for a few system calls,
/// so that "is it stale?" and "then it goes" are one step: two successors of one dead predecessor
/// cannot both replace its file, the second taking the first one's.
class socket_folder {
public:
    /// Opens the folder of a socket's path, which must be such that only this user can change it.
    [[nodiscard]] static result<socket_folder> of(const std::string& path) {
        const auto name_begin = path.rfind('/') + 1;
        socket_folder folder;
        folder.path_ = path;
        folder.name_ = path.substr(name_begin);
        const auto folder_path = path.substr(0, std::max<std::size_t>(name_begin - 1, 1));
        folder.folder_ = os_detail::file_descriptor{
            ::open(folder_path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (!folder.folder_ && (errno == ENOTDIR || errno == ELOOP)) {
            return fail(unsafe("the socket's folder is a symbolic link or no folder; give the path "
                               "of a folder",
                               folder_path));
        }
        struct stat facts{};

        if (!folder.folder_ || ::fstat(folder.folder_.get(), &facts) != 0) {
            return fail(system_error(errno, "cannot open the socket's folder", folder_path));
        }
        if (facts.st_uid != ::geteuid() || (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
            return fail(unsafe("the socket's folder must belong to this user, and nobody else may "
                               "write to it",
                               folder_path));
        }
        return folder;
    }

    /// The folder's lock.
    using lock = os_detail::flock_guard;

    [[nodiscard]] result<lock> acquire(std::chrono::milliseconds patience) const {
        lock held;
        const int code = held.acquire(folder_.get(), patience);
        if (code == ETIMEDOUT) {
            return fail({.category = errc::timeout,
                         .message = "another process keeps the socket's folder locked; is it "
                                    "stopped?",
                         .path = path_});
        }
        if (code != 0) {
            return fail(system_error(code, "cannot lock the socket's folder", path_));
        }
        return held;
    }

    /// Removes what a dead predecessor left at the path. A file that is no socket, another user's,
    /// or in use stays, and is an error.
    [[nodiscard]] result<void> clear(const lock&) const {
        struct stat facts{};

        if (!look(facts)) {
            return errno == ENOENT
                       ? result<void>{}
                       : fail(system_error(errno, "cannot look at the socket's path", path_));
        }
        if (!S_ISSOCK(facts.st_mode) || facts.st_uid != ::geteuid()) {
            return fail(unsafe("at the socket's path lies another kind of file, or another user's; "
                               "remove it or choose another path",
                               path_));
        }
        auto stale = is_stale();
        if (!stale) {
            return fail(stale);
        }
        if (!*stale) {
            return fail({.category = errc::already_live,
                         .message = "a living process listens at the socket's path; choose another "
                                    "path",
                         .path = path_});
        }
        if (::unlinkat(folder_.get(), name_.c_str(), 0) != 0 && errno != ENOENT) {
            return fail(system_error(errno, "cannot remove a stale socket", path_));
        }
        return {};
    }

    /// Which file is at the path now.
    [[nodiscard]] result<file_identity> identify(const lock&) const {
        struct stat facts{};

        if (!look(facts)) {
            return fail(system_error(errno, "cannot look at the socket's path", path_));
        }
        return file_identity{facts.st_dev, facts.st_ino};
    }

    /// Lets this user alone connect. A strict umask takes away what that needs, too.
    [[nodiscard]] result<void> make_private(const lock&) const {
        if (::fchmodat(folder_.get(), name_.c_str(), S_IRUSR | S_IWUSR, 0) != 0) {
            return fail(system_error(errno, "cannot keep the socket to this user", path_));
        }
        return {};
    }

    /// Removes the file at the path if it is that one.
    void remove(const lock&, const file_identity& own) const noexcept {
        struct stat facts{};

        if (look(facts) && file_identity{facts.st_dev, facts.st_ino} == own) {
            ::unlinkat(folder_.get(), name_.c_str(), 0);
        }
    }

private:
    socket_folder() = default;

    [[nodiscard]] static error unsafe(const char* message, std::string path) {
        return {.category = errc::unsafe_file, .message = message, .path = std::move(path)};
    }

    [[nodiscard]] bool look(struct stat& facts) const noexcept {
        return ::fstatat(folder_.get(), name_.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
    }

    /// Whether nobody listens at the path, or nobody but what a dead process left behind: copies
    /// that it forked, or programs that got its descriptor.
    [[nodiscard]] result<bool> is_stale() const {
        const os_detail::file_descriptor caller{
            ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        const auto address = unix_address(path_);
        if (!caller || !address) {
            return fail(system_error(errno, "cannot open a socket", path_));
        }
        if (::connect(caller.get(), as_sockaddr(*address), sizeof *address) != 0) {
            if (errno == ECONNREFUSED || errno == ENOENT) {
                return true;
            }
            if (errno == EAGAIN) {
                return false; // a full backlog: somebody listens, and may only be busy
            }
            return fail(system_error(errno, "cannot find out who listens at the path", path_));
        }
        ucred listener{};
        socklen_t size = sizeof listener;
        // The process that called `listen`; pid 0 if it is in another pid namespace.
        const bool known =
            ::getsockopt(caller.get(), SOL_SOCKET, SO_PEERCRED, &listener, &size) == 0 &&
            listener.pid > 0;
        return known && surely_exited(listener.pid);
    }

    os_detail::file_descriptor folder_;
    std::string path_;
    std::string name_;
};

} // namespace podscope::probe_detail
