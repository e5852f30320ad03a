// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "system_error.hpp"

#include <podscope/error.hpp>
#include <podscope/result.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace demo {

/// Makes a new folder for its owner only, where the system has temporary files, and gives its path.
/// @param name what its name begins with
[[nodiscard]] inline podscope::result<std::string> make_temporary_folder(std::string_view name) {
    std::error_code broken;
    const auto base = std::filesystem::temp_directory_path(broken);
    if (broken) {
        return podscope::fail({.category = podscope::errc::io,
                               .message = "there is no folder for temporary files",
                               .path = base.string(),
                               .system = broken});
    }
    auto path = (base / name).string() + "-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
        return system_said_no("cannot make a temporary folder", path);
    }
    return path;
}

/// Such a folder, removed at the end with all that is in it. Throws if there can be none.
class temporary_folder {
public:
    /// @param name what its name begins with
    explicit temporary_folder(std::string_view name) : path_{made(make_temporary_folder(name))} {}

    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    [[nodiscard]] static std::string made(podscope::result<std::string> path) {
        if (!path) {
            throw std::runtime_error{to_string(path.error())};
        }
        return *std::move(path);
    }

    std::string path_;
};

} // namespace demo
