// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace podscope::os_detail {

/// Makes a folder's own name last, and answers 0 or the `errno` of what went wrong. A folder above
/// that may not be read can only be synced with its whole file system.
[[nodiscard]] inline int sync_entry_of(int folder) noexcept {
    const file_descriptor above{
        uninterrupted([&] { return ::openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
    if (!above && errno == EACCES) {
        return ::syncfs(folder) == 0 ? 0 : errno;
    }
    return above && uninterrupted([&] { return ::fsync(above.get()); }) == 0 ? 0 : errno;
}

} // namespace podscope::os_detail
