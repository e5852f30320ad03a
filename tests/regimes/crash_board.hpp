// SPDX-License-Identifier: BSL-1.0
// What a process that is to be killed tells those who judge what it leaves: in memory that outlives
// it, since a system call for that would be one more to be killed at.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace regimes {

class crash_board {
public:
    /// Makes the file that holds it, or opens it if it is there.
    explicit crash_board(const std::string& path) {
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        void* const memory =
            file >= 0 && ::ftruncate(file, sizeof(contents)) == 0
                ? ::mmap(nullptr, sizeof(contents), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                : MAP_FAILED;
        ::close(file);
        if (memory == MAP_FAILED) {
            throw std::runtime_error{"no memory to share"};
        }
        // All of it is of no bytes but zeros at first.
        all_ = static_cast<contents*>(memory);
    }

    crash_board(const crash_board&) = delete;
    crash_board& operator=(const crash_board&) = delete;

    ~crash_board() { ::munmap(all_, sizeof(contents)); }

    void begin() noexcept { all_->has_begun = 1; }

    void end() noexcept { all_->is_over = 1; }

    /// Notes that all up to the `level`th change was reported as done.
    void report(std::uint64_t level) noexcept { all_->reported = level; }

    /// Notes what a sink has taken.
    void tell(std::string_view notification) {
        const std::size_t at = all_->told_size;
        if (at + notification.size() + 1 > sizeof(all_->told)) {
            throw std::runtime_error{"too much was told"};
        }
        *std::ranges::copy(notification, all_->told + at).out = '\n';
        all_->told_size = at + notification.size() + 1;
    }

    [[nodiscard]] bool has_begun() const noexcept { return all_->has_begun != 0; }

    [[nodiscard]] bool is_over() const noexcept { return all_->is_over != 0; }

    [[nodiscard]] std::uint64_t reported() const noexcept { return all_->reported; }

    [[nodiscard]] std::set<std::string> told() const {
        std::set<std::string> all;
        std::string_view left{all_->told, all_->told_size};
        while (!left.empty()) {
            const auto length = left.find('\n');
            all.emplace(left.substr(0, length));
            left.remove_prefix(length + 1);
        }
        return all;
    }

private:
    struct contents {
        std::atomic<std::uint64_t> has_begun;
        std::atomic<std::uint64_t> is_over;
        std::atomic<std::uint64_t> reported;
        std::atomic<std::size_t> told_size;
        char told[8192];
    };

    contents* all_;
};

} // namespace regimes
