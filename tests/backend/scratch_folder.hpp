// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace backend_test {

/// A folder for one test, whose path can be gone on from.
class scratch_folder : public podscope_test::temporary_folder {
public:
    [[nodiscard]] std::filesystem::path path() const { return temporary_folder::path(); }
};

[[nodiscard]] inline std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

inline void set_bytes(const std::filesystem::path& file, std::string_view bytes) {
    std::ofstream out{file, std::ios::binary | std::ios::trunc};
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

} // namespace backend_test
