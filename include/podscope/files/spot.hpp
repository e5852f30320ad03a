// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/descriptor_path.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/invalid_target.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/shown_text.hpp>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace podscope::files {

/// What the system said, as an error: of a path that leads where none may, `invalid_target`.
[[nodiscard]] inline error refusal(std::string_view what, std::string_view path, int code) {
    error e;
    switch (code) {
    case EXDEV: e = invalid_target(path, "leads out of the folder that it begins in"); break;
    case ELOOP: e = invalid_target(path, "leads through a symbolic link"); break;
    case ENOTDIR: e = invalid_target(path, "leads through something that is not a folder"); break;
    default:
        e = {.category = errc::io,
             .message = "cannot " + std::string{what} + " '" + shown_text(path) + "'",
             .subject = shown_text(path)};
    }
    e.path = path;
    e.system = std::error_code{code, std::generic_category()};
    return e;
}

[[nodiscard]] inline error moved(std::string_view path) {
    return invalid_target(path, "leads elsewhere by now: what it led to was moved or removed");
}

[[nodiscard]] inline result<void> said(std::string_view what, std::string_view path, int answer) {
    return answer == 0 ? result<void>{} : result<void>{fail(refusal(what, path, errno))};
}

/// A relative path in two: the folder, and a name in it; or the folder alone, with a dot as the
/// name.
struct split_path {
    std::string folder{};
    std::string name{};
};

/// Errors: `invalid_target`.
[[nodiscard]] inline result<split_path> split(std::string_view path) {
    if (path.empty()) {
        return fail(invalid_target(path, "is empty"));
    }
    if (path.size() > lexical_path::max_length) {
        return fail(invalid_target(path, "is longer than 4095 bytes"));
    }
    if (path.find('\0') != std::string_view::npos) {
        return fail(invalid_target(path, "contains a NUL byte"));
    }
    if (path.front() == '/') {
        return fail(invalid_target(path, "is absolute, and is to begin in an open folder"));
    }
    while (path.back() == '/') {
        path.remove_suffix(1);
    }
    const auto last = path.rfind('/') + 1; // of no slash, 0
    const auto name = path.substr(last);
    if (name == "." || name == "..") {
        return split_path{std::string{path}, "."};
    }
    return split_path{std::string{path.substr(0, last)}, std::string{name}};
}

/// A name in an open folder, and the place that this was when it was looked at.
struct spot {
    os_detail::file_descriptor folder;
    std::string name;
    resource place;

    /// Errors: `invalid_target` if the folder has no path, `io` if there is no /proc to ask.
    [[nodiscard]] static result<spot>
    in(os_detail::file_descriptor folder, std::string name, std::string_view shown) {
        const auto path = os_detail::path_of_descriptor(folder.get());
        if (path.empty()) {
            return ::access("/proc/self/fd", F_OK) == 0 ? result<spot>{fail(moved(shown))}
                                                        : fail(refusal("find", shown, errno));
        }
        auto place = lexical_path{}.resolve(path + "/" + name);
        if (!place) {
            return fail(place);
        }
        return spot{std::move(folder), std::move(name), *std::move(place)};
    }

    [[nodiscard]] bool has_name() const { return name != "."; }

    [[nodiscard]] std::string path() const { return lexical_path{}.display(place); }

    /// Whether the folder is still where it was.
    [[nodiscard]] bool still_stands() const {
        const auto now = os_detail::path_of_descriptor(folder.get());
        const auto same = lexical_path{}.resolve(now + "/" + name);
        return !now.empty() && same && *same == place;
    }

    /// Whether a folder has the name now.
    [[nodiscard]] bool is_folder() const noexcept {
        struct stat facts{};
        return ::fstatat(folder.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISDIR(facts.st_mode);
    }
};

} // namespace podscope::files
