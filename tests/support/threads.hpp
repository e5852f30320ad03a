// SPDX-License-Identifier: BSL-1.0
// What the kernel says of the threads of this process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace podscope_test {

/// All threads, as their folders in /proc.
[[nodiscard]] inline std::set<std::string> threads() {
    std::set<std::string> all;
    for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
        all.insert(task.path());
    }
    return all;
}

/// The signals that a thread has blocked: bit 0 for signal 1. None of a thread that is gone.
[[nodiscard]] inline std::uint64_t blocked_by(const std::string& thread) {
    const std::string wanted{"SigBlk:"};
    std::ifstream status{thread + "/status"};
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(wanted)) {
            return std::stoull(line.substr(wanted.size()), nullptr, 16);
        }
    }
    return 0;
}

/// Whether a thread waits for something.
[[nodiscard]] inline bool is_asleep(const std::string& thread) {
    std::ifstream about{thread + "/stat"};
    const std::string said{std::istreambuf_iterator<char>{about}, {}};
    return said.find(") S ") != std::string::npos;
}

/// The same of one of this process, by its number (gettid).
[[nodiscard]] inline bool is_asleep(int thread) {
    return is_asleep("/proc/self/task/" + std::to_string(thread));
}

} // namespace podscope_test
