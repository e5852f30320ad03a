// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace podscope::backend_detail {

/// Reads a file from front to back through a buffer, so that a small frame costs no system call.
template <class Files>
class file_window {
public:
    /// Nothing at or behind `end` is looked at.
    file_window(int file, std::uint64_t end) noexcept : file_{file}, end_{end} {}

    [[nodiscard]] std::uint64_t end() const noexcept { return end_; }

    /// The bytes from `offset` on: as many as are asked for or, at the end, fewer. Valid until the
    /// next call. Answers the `errno` of a failed read.
    [[nodiscard]] int view(std::uint64_t offset, std::size_t wanted, std::string_view& bytes) {
        wanted = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, end_ - offset));
        if (offset < base_ || offset + wanted > base_ + buffer_.size()) {
            const auto length = static_cast<std::size_t>(
                std::min<std::uint64_t>(std::max(wanted, chunk), end_ - offset));
            buffer_.resize(length);
            base_ = offset;
            if (const int code = Files::read(file_, buffer_.data(), length, offset); code != 0) {
                buffer_.clear();
                return code;
            }
        }
        bytes = std::string_view{buffer_}.substr(static_cast<std::size_t>(offset - base_), wanted);
        return 0;
    }

private:
    static constexpr std::size_t chunk = std::size_t{1} << 18;

    int file_;
    std::uint64_t end_;
    std::uint64_t base_ = 0;
    std::string buffer_{};
};

} // namespace podscope::backend_detail
