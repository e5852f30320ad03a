// SPDX-License-Identifier: BSL-1.0
// What this process has open.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>

namespace podscope_test {

/// The open descriptors of this process.
[[nodiscard]] inline std::vector<int> open_descriptors() {
    std::vector<int> open;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        open.push_back(std::stoi(entry.path().filename().string()));
    }
    // One of them was the listing itself.
    std::erase_if(open, [](int fd) { return ::fcntl(fd, F_GETFD) < 0; });
    return open;
}

/// What a descriptor leads to, if that has a path.
[[nodiscard]] inline std::string target_of(int fd) {
    std::error_code gone;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), gone).string();
}

/// Those that lead to something whose path begins so.
[[nodiscard]] inline std::vector<int> descriptors_below(std::string_view path) {
    auto open = open_descriptors();
    std::erase_if(open, [&](int fd) { return !target_of(fd).starts_with(path); });
    return open;
}

[[nodiscard]] inline bool closes_on_exec(int fd) {
    return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

} // namespace podscope_test
