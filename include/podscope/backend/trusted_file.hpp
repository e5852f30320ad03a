// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/file.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/// Opening what others may have put in the way: a folder or file is used only if nobody but its
/// owner, this user or root, can change it or what its name stands for.
namespace podscope::backend_detail {

[[nodiscard]] inline failure untrusted(std::string_view path, std::string_view why) {
    return fail({.category = errc::unsafe_file,
                 .message = std::string{path} + " is not used: " + std::string{why},
                 .path = std::string{path}});
}

[[nodiscard]] inline result<void>
check_trust(const struct stat& status, mode_t kind, std::string_view path) {
    if ((status.st_mode & S_IFMT) != kind) {
        return untrusted(path, kind == S_IFDIR ? "it is not a folder" : "it is not a regular file");
    }
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
        return untrusted(path, "it belongs to another user");
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return untrusted(path, "others than its owner may write it; chmod go-w, if they have not");
    }
    return {};
}

// A link, a socket or a folder in a file's place makes open(2) fail in several ways. What stands
// there is asked only to word the error.
[[nodiscard]] inline failure
refused_open(int folder, const char* name, std::string_view path, mode_t kind, int code) {
    struct stat status{};
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISLNK(status.st_mode)) {
            return untrusted(path, "it is a symbolic link");
        }
        if (auto trust = check_trust(status, kind, path); !trust) {
            return fail(trust);
        }
    }
    return system_failure("open", path, code);
}

/// Opens a folder, making it (0700) if its parent is there and it is not. Its last component must
/// not be a symbolic link.
[[nodiscard]] inline result<file_descriptor> open_trusted_folder(std::string path) {
    // open(2) follows a link whose name has a slash behind it.
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    if (path.empty() || path.find('\0') != std::string::npos) {
        return fail({.category = errc::io,
                     .message = "the path of a folder must not be empty or hold a NUL",
                     .system = std::make_error_code(std::errc::invalid_argument)});
    }
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return system_failure("make the folder", path, errno);
    }
    file_descriptor folder;
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    if (const int code = open_at(AT_FDCWD, path.c_str(), flags, folder); code != 0) {
        return refused_open(AT_FDCWD, path.c_str(), path, S_IFDIR, code);
    }
    struct stat status{};
    if (const int code = status_of(folder.get(), status); code != 0) {
        return system_failure("examine", path, code);
    }
    if (auto trust = check_trust(status, S_IFDIR, path); !trust) {
        return fail(trust);
    }
    return folder;
}

/// Opens a regular file to read and write, with O_CREAT and the like in `flags`. Nothing is read
/// from, written to or waited for in whatever else stands in its place.
[[nodiscard]] inline result<file_descriptor>
open_trusted_file(int folder, const char* name, int flags, std::string_view path) {
    file_descriptor file;
    constexpr int careful = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    if (const int code = open_at(folder, name, flags | careful, file); code != 0) {
        return refused_open(folder, name, path, S_IFREG, code);
    }
    struct stat status{};
    if (const int code = status_of(file.get(), status); code != 0) {
        return system_failure("examine", path, code);
    }
    if (auto trust = check_trust(status, S_IFREG, path); !trust) {
        return fail(trust);
    }
    return file;
}

} // namespace podscope::backend_detail
