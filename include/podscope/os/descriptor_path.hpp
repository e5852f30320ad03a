// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <climits>
#include <cstddef>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace podscope::os_detail {

/// The path at which an open file or folder stands now, as the kernel keeps it: absolute, through
/// no link. Empty if it has none, as its name was removed or it lies outside of this process's
/// root; or if there is no /proc.
[[nodiscard]] inline std::string path_of_descriptor(int fd) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    std::array<char, PATH_MAX> path;
    const auto length = ::readlink(link.c_str(), path.data(), path.size());
    struct stat facts{};
    if (length <= 0 || static_cast<std::size_t>(length) == path.size() || path.front() != '/' ||
        ::fstat(fd, &facts) != 0 || facts.st_nlink == 0) {
        return {};
    }
    std::string found{path.data(), static_cast<std::size_t>(length)};
    if (!found.ends_with(" (deleted)")) {
        return found;
    }
    // So the kernel marks a name that was removed, of a file that may have a second one; or that is
    // its name.
    struct stat there{};
    const bool is_named_so = ::lstat(found.c_str(), &there) == 0 && there.st_dev == facts.st_dev &&
                             there.st_ino == facts.st_ino;
    return is_named_so ? found : std::string{};
}

} // namespace podscope::os_detail
