// SPDX-License-Identifier: BSL-1.0
// Where a benchmark may make files.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace podscope_bench {

/// A folder, made in another one, that goes with this.
struct scratch_folder {
    explicit scratch_folder(const std::filesystem::path& in) : path{in / "podscope_bench.XXXXXX"} {
        if (::mkdtemp(path.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
    }

    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;

    ~scratch_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }

    std::string path;
};

/// A folder that goes with the program.
inline const std::string& scratch() {
    static const scratch_folder only{std::filesystem::temp_directory_path()};
    return only.path;
}

/// A path there, or in another folder, that was not given before.
inline std::string fresh(const std::string& name, const std::string& folder = scratch()) {
    static int made = 0;
    return folder + "/" + name + std::to_string(++made);
}

} // namespace podscope_bench
