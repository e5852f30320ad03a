// SPDX-License-Identifier: BSL-1.0
// Where a target keeps the files of one input.
#pragma once

#include "support/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace fuzz {

[[nodiscard]] inline std::string bytes_of(const std::string& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// Writes a file that nobody but this user may read.
inline void set_bytes(const std::string& file, std::string_view bytes) {
    std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
    std::filesystem::permissions(file, std::filesystem::perms::owner_read |
                                           std::filesystem::perms::owner_write);
}

/// A folder of this process, emptied for each input.
class scratch {
public:
    [[nodiscard]] std::string fresh() const {
        const auto folder = all_ / "input";
        std::filesystem::remove_all(folder);
        std::filesystem::create_directory(folder);
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
        return folder;
    }

private:
    podscope_test::temporary_folder all_{};
};

} // namespace fuzz
