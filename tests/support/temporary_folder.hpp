// SPDX-License-Identifier: BSL-1.0
// A folder for one test, of this user alone, that goes away with everything in it.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <stdlib.h>

namespace podscope_test {

class temporary_folder {
public:
    temporary_folder() : temporary_folder{std::filesystem::temp_directory_path()} {}

    explicit temporary_folder(const std::filesystem::path& in) {
        std::string name = (in / "podscope-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
        path_ = std::move(name);
    }

    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    [[nodiscard]] std::string operator/(std::string_view name) const {
        return path_ + '/' + std::string{name};
    }

private:
    std::string path_;
};

} // namespace podscope_test
