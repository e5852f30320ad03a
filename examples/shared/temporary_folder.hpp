// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace demo {

/// A new folder for its owner only, where the system has temporary files; removed at the end with
/// all that is in it. Throws what the system says if there can be none.
class temporary_folder {
public:
    /// @param name what its name begins with
    explicit temporary_folder(std::string_view name)
        : path_{(std::filesystem::temp_directory_path() / name).string() + "-XXXXXX"} {
        if (::mkdtemp(path_.data()) == nullptr) {
            throw std::system_error{errno, std::generic_category(),
                                    "cannot make the folder " + path_};
        }
    }

    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

} // namespace demo
