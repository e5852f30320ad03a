// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/descriptor_path.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/resource.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace podscope::scope_detail {

/// Opens a path for nothing but asking where it lies; none if the system will not, for whatever
/// reason. A link in it that is none in the file system, as there are in /proc, is not followed.
[[nodiscard]] inline os_detail::file_descriptor open_place(const std::string& path,
                                                           std::uint64_t flags = 0) noexcept {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC | flags;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    return os_detail::file_descriptor{
        static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how))};
}

/// Whether the kernel reads a path as `canonical_path` promises to: it does but for a `..` in the
/// text, which it lets lead above the root.
[[nodiscard]] inline bool reads_alike(std::string_view text) noexcept {
    for (std::string_view rest = text; !rest.empty();) {
        if (take_component(rest) == "..") {
            return false;
        }
    }
    return true;
}

/// The place that a path names, found by the kernel in one walk instead of a call for each of its
/// components: of what is there, or lacks nothing but its last component. Nothing for any other
/// path, and wherever the kernel is not sure or not to be asked; whoever walks the path then finds
/// out why.
///
/// No cache could answer faster and be right: nothing tells a process that a folder above was
/// renamed or a link replaced.
[[nodiscard]] inline std::optional<resource> place_by_kernel(std::string_view text) {
    if (!reads_alike(text)) {
        return std::nullopt;
    }
    std::string path{text};
    std::string missing;
    auto place = open_place(path);
    if (!place && errno == ENOENT) {
        const auto last = path.rfind('/') + 1;
        missing = path.substr(last);
        path.resize(last);
        place = open_place(path, O_DIRECTORY);
        // A link to what is not there is itself there.
        std::array<char, 1> unused;
        if (!place ||
            ::readlinkat(place.get(), missing.c_str(), unused.data(), unused.size()) >= 0 ||
            errno != ENOENT) {
            return std::nullopt;
        }
    }
    if (!place) {
        return std::nullopt;
    }
    std::string found = os_detail::path_of_descriptor(place.get());
    if (found.empty()) {
        return std::nullopt;
    }
    if (!missing.empty()) {
        found += '/' + missing;
    }
    auto resolved = lexical_path{}.resolve(found);
    return resolved ? std::optional{*std::move(resolved)} : std::nullopt;
}

} // namespace podscope::scope_detail
