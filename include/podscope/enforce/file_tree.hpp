// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/enforce/landlock_plan.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/resource.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace podscope::enforce {

/// The file system, whose places are absolute paths without links. A link that stands in the place
/// of a component is not followed: what it leads to is another place.
class file_tree {
public:
    using file_descriptor = os_detail::file_descriptor;

    /// Errors: `io`.
    [[nodiscard]] result<entry_kind> kind_of(const resource& place) const {
        auto opened = open(place);
        return opened ? result<entry_kind>{kind_of(*opened)} : fail(opened);
    }

    /// The names in a folder, in order. None if it is not there any more. Errors: `io`.
    [[nodiscard]] result<std::vector<std::string>> entries_of(const resource& place) const {
        return entries_of(path_of(place));
    }

    [[nodiscard]] static result<std::vector<std::string>> entries_of(const std::string& path) {
        std::vector<std::string> names;
        auto folder = open_without_links(path, O_RDONLY | O_DIRECTORY);
        if (!folder) {
            return is_absence(errno) ? result<std::vector<std::string>>{std::move(names)}
                                     : fail(failed("list", path, errno));
        }
        const std::unique_ptr<DIR, close_folder> listing{::fdopendir(folder.get())};
        if (!listing) {
            return fail(failed("list", path, errno));
        }
        (void)folder.release();
        for (;;) {
            errno = 0;
            const auto* const entry = ::readdir(listing.get());
            if (entry == nullptr) {
                break;
            }
            const std::string_view name{entry->d_name};
            if (name != "." && name != "..") {
                names.emplace_back(name);
            }
        }
        if (errno != 0) {
            return fail(failed("list", path, errno));
        }
        std::ranges::sort(names);
        return names;
    }

    /// The place, open for nothing but to be named by (O_PATH); none if it is not there. Errors:
    /// `io`.
    [[nodiscard]] result<file_descriptor> open(const resource& place) const {
        const auto path = path_of(place);
        auto opened = open_without_links(path, O_PATH);
        if (!opened && !is_absence(errno)) {
            return fail(failed("open", path, errno));
        }
        return opened;
    }

    /// What an open place is.
    [[nodiscard]] static entry_kind kind_of(const file_descriptor& opened) noexcept {
        struct stat facts{};
        if (!opened || ::fstat(opened.get(), &facts) != 0) {
            return entry_kind::missing;
        }
        return S_ISDIR(facts.st_mode) ? entry_kind::folder : entry_kind::file;
    }

    [[nodiscard]] static std::string path_of(const resource& place) {
        return lexical_path{}.display(place);
    }

private:
    struct close_folder {
        void operator()(DIR* folder) const noexcept { ::closedir(folder); }
    };

    // A link on the way means that the place is not there.
    static bool is_absence(int code) noexcept {
        return code == ENOENT || code == ENOTDIR || code == ELOOP;
    }

    static file_descriptor open_without_links(const std::string& path, int flags) noexcept {
        open_how how{};
        how.flags = static_cast<decltype(how.flags)>(flags | O_CLOEXEC);
        how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
        return file_descriptor{static_cast<int>(os_detail::uninterrupted(
            [&] { return ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how); }))};
    }

    static error failed(std::string_view what, const std::string& path, int code) {
        return {.category = errc::io,
                .message = "cannot " + std::string{what} + " " + path,
                .path = path,
                .system = std::error_code{code, std::generic_category()}};
    }
};

static_assert(tree_view<file_tree>);

} // namespace podscope::enforce
