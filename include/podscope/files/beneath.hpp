// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace podscope::files {

/// How the folder is found to which a relative path leads from an open folder, through no link and
/// at no moment above it.
///
/// `open` answers 0 and opens it for nothing but to be named by (O_PATH), or the `errno` of its
/// failure: EXDEV for a path that leads out, ELOOP for one through a link, of whatever kind. An
/// empty path is the open folder itself.
template <class R>
concept beneath_resolver =
    requires(const R& how, int root, const std::string& path, os_detail::file_descriptor& folder) {
        { how.open(root, path, folder) } noexcept -> std::same_as<int>;
    };

/// In one call of the kernel's, openat2 of Linux 5.6.
struct by_kernel {
    [[nodiscard]] int
    open(int root, const std::string& path, os_detail::file_descriptor& folder) const noexcept {
        open_how how{};
        how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
        how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
        // A `..` is not answered while anything is renamed or mounted anywhere: EAGAIN.
        constexpr int attempts = 64;
        int code = EAGAIN;
        for (int i = 0; i != attempts && (code == EAGAIN || code == EINTR); ++i) {
            const auto fd =
                ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
            if (fd >= 0) {
                folder = os_detail::file_descriptor{static_cast<int>(fd)};
                return 0;
            }
            code = errno;
        }
        return code;
    }
};

/// In a call for each component, none of which follows a link; for kernels without openat2. A `..`
/// goes back to where the path came from, by its text, as there is no link that it could have come
/// through.
struct by_walk {
    [[nodiscard]] int
    open(int root, const std::string& path, os_detail::file_descriptor& folder) const noexcept {
        try {
            std::vector<std::string> names;
            for (std::size_t at = 0; at < path.size();) {
                const auto end = std::min(path.find('/', at), path.size());
                const auto component = path.substr(at, end - at);
                at = end + 1;
                if (component == "..") {
                    // What it leaves has to be there.
                    if (const int code = walk(root, names, folder); code != 0) {
                        return code;
                    }
                    if (names.empty()) {
                        return EXDEV;
                    }
                    names.pop_back();
                } else if (!component.empty() && component != ".") {
                    names.push_back(component);
                }
            }
            return walk(root, names, folder);
        } catch (...) {
            return ENOMEM;
        }
    }

private:
    [[nodiscard]] static int walk(int root,
                                  const std::vector<std::string>& names,
                                  os_detail::file_descriptor& folder) noexcept {
        int code = step(root, ".", folder);
        for (const auto& name : names) {
            if (code != 0) {
                break;
            }
            os_detail::file_descriptor next;
            code = step(folder.get(), name.c_str(), next);
            folder = std::move(next);
        }
        return code;
    }

    [[nodiscard]] static int
    step(int from, const char* name, os_detail::file_descriptor& folder) noexcept {
        const int fd = os_detail::uninterrupted(
            [&] { return ::openat(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); });
        if (fd >= 0) {
            folder = os_detail::file_descriptor{fd};
            return 0;
        }
        const int code = errno;
        char unused{};
        // Of a link it is only said that it is no folder.
        return code == ENOTDIR && ::readlinkat(from, name, &unused, 1) >= 0 ? ELOOP : code;
    }
};

/// By the kernel, and by a walk where the kernel does not know that call or does not let this
/// process use it: the default.
struct by_kernel_or_walk {
    [[nodiscard]] int
    open(int root, const std::string& path, os_detail::file_descriptor& folder) const noexcept {
        const int code = by_kernel{}.open(root, path, folder);
        // EPERM is a filter of system calls that was written before this one was.
        return code == ENOSYS || code == EPERM ? by_walk{}.open(root, path, folder) : code;
    }
};

static_assert(beneath_resolver<by_kernel> && beneath_resolver<by_walk> &&
              beneath_resolver<by_kernel_or_walk>);

} // namespace podscope::files
