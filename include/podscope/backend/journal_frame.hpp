// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/journal_format.hpp>
#include <podscope/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace podscope::backend_detail {

/// The bytes of the frame that is being made, whose memory is kept for the next one.
class journal_frame {
public:
    /// Begins an empty one: what transactions put goes behind `frame_header::size` bytes that stay
    /// empty.
    [[nodiscard]] std::string& begin() {
        constexpr std::size_t worth_keeping = std::size_t{1} << 20;
        if (bytes_.capacity() > worth_keeping) {
            bytes_ = {};
        }
        bytes_.assign(frame_header::size, '\0');
        return bytes_;
    }

    [[nodiscard]] std::string& bytes() noexcept { return bytes_; }

    /// Whether it is no longer than one may be that goes into the file at `path`.
    [[nodiscard]] result<void> check_length(std::string_view path) const {
        if (bytes_.size() - frame_header::size > frame_header::max_payload) {
            return fail({.category = errc::io,
                         .message = "a transaction of more than 1 GiB is too large for a journal",
                         .path = std::string{path},
                         .system = std::make_error_code(std::errc::file_too_large)});
        }
        return {};
    }

private:
    std::string bytes_{};
};

} // namespace podscope::backend_detail
