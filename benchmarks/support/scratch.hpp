// SPDX-License-Identifier: BSL-1.0
// Where a benchmark may make files.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace podscope_bench {

/// A folder that goes with the program.
inline const std::string& scratch() {
    struct folder {
        folder() : path{std::filesystem::temp_directory_path() / "podscope_bench.XXXXXX"} {
            if (::mkdtemp(path.data()) == nullptr) {
                throw std::runtime_error{"no temporary folder"};
            }
        }

        folder(const folder&) = delete;
        folder& operator=(const folder&) = delete;

        ~folder() {
            std::error_code ignored;
            std::filesystem::remove_all(path, ignored);
        }

        std::string path;
    };

    static const folder only;
    return only.path;
}

} // namespace podscope_bench
