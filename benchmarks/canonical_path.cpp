// SPDX-License-Identifier: BSL-1.0
// Finding the place that a path names, against realpath(3).
#include "support/measure.hpp"
#include "support/scratch.hpp"

#include <podscope/podscope.hpp>

#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace podscope_bench {
namespace {

// A file six folders deep, the third of which is a link.
std::string deep_file() {
    const std::filesystem::path root = scratch() + "/tree";
    std::filesystem::create_directories(root / "real/src/core/detail");
    std::error_code there_already;
    std::filesystem::create_directory_symlink("real", root / "link", there_already);
    std::ofstream{root / "link/src/core/detail/engine.cpp"} << "x";
    return root / "link/src/core/detail/engine.cpp";
}

const on_load here{[] {
    add_operation("realpath", [] {
        return [path = deep_file()] {
            std::array<char, PATH_MAX> found{};
            if (::realpath(path.c_str(), found.data()) == nullptr) {
                throw std::runtime_error{"realpath fails"};
            }
            return found[1];
        };
    });
    add_operation("canonical path of a file", [] {
        return [path = deep_file()] {
            return podscope::canonical_path{}.resolve(path).value().key().size();
        };
    });
    add_operation("canonical path of a new file", [] {
        return [path = deep_file() + ".new"] {
            return podscope::canonical_path{}.resolve(path).value().key().size();
        };
    });
    compare_time("canonical path of a file that is there", "canonical path of a file", "realpath",
                 1);
    compare_time("canonical path of a file that is not there yet", "canonical path of a new file",
                 "realpath");
}};

} // namespace
} // namespace podscope_bench
