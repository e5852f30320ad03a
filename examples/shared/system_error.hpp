// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace demo {

/// What the operating system has just answered by errno.
[[nodiscard]] inline podscope::failure system_said_no(std::string sentence, std::string path = {}) {
    const int code = errno;
    return podscope::fail({.category = podscope::errc::io,
                           .message = std::move(sentence),
                           .path = std::move(path),
                           .system = std::error_code{code, std::generic_category()}});
}

} // namespace demo
