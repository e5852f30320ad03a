// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/result.hpp>
#include <podscope/shown_text.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::pod_detail {

/// The whole content of a regular file. Errors: `io`, also for what is no regular file; and
/// `invalid_manifest` for a file of more than `most` bytes.
[[nodiscard]] inline result<std::string> read_text_file(const std::string& path, std::size_t most) {
    const auto refuse = [&](errc category, std::string_view reason, int code) {
        std::string message = "'" + shown_text(path) + "' ";
        message += reason;
        return fail({.category = category,
                     .message = std::move(message),
                     .path = path,
                     .system = {code, std::generic_category()}});
    };
    // Does not wait for a writer if it is a FIFO.
    const os_detail::file_descriptor file{
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    struct stat about{};
    if (!file || ::fstat(file.get(), &about) != 0) {
        return refuse(errc::io, "cannot be opened", errno);
    }
    if (!S_ISREG(about.st_mode)) {
        return refuse(errc::io, "is not a regular file", 0);
    }
    // One byte more than there should be, so that a file that is longer by now is noticed too.
    std::string text(std::min(static_cast<std::size_t>(about.st_size), most) + 1, '\0');
    std::size_t filled = 0;
    for (;;) {
        if (filled == text.size()) {
            if (filled > most) {
                return refuse(errc::invalid_manifest, "is too large", 0);
            }
            text.resize(std::min(text.size() * 2, most + 1));
        }
        const auto got = os_detail::uninterrupted(
            [&] { return ::read(file.get(), text.data() + filled, text.size() - filled); });
        if (got < 0) {
            return refuse(errc::io, "cannot be read", errno);
        }
        if (got == 0) {
            text.resize(filled);
            return text;
        }
        filled += static_cast<std::size_t>(got);
    }
}

/// The folder in which a file lies, as an absolute path; empty if that cannot be told.
[[nodiscard]] inline std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
    if (path.starts_with('/')) {
        return folder.empty() ? "/" : folder;
    }
    std::array<char, PATH_MAX> here{};
    if (::getcwd(here.data(), here.size()) == nullptr) {
        return {};
    }
    return folder.empty() ? std::string{here.data()} : here.data() + ("/" + folder);
}

} // namespace podscope::pod_detail
