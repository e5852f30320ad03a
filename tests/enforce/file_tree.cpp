// SPDX-License-Identifier: BSL-1.0
#include "enforce/confined.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/enforce/file_tree.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace podscope_test;
using namespace podscope::enforce;

TEST_CASE("What is gone, or behind a file or a link, is no place with entries", "[enforce]") {
    const temporary_folder root;
    std::filesystem::create_directories(root / "folder/b");
    std::filesystem::create_directories(root / "folder/a");
    std::ofstream{root / "file"} << "x";
    std::filesystem::create_directory_symlink("folder", root / "link");
    const file_tree tree;
    const auto place = [&](const std::string& path) {
        return must(podscope::lexical_path{}.resolve(root / path));
    };
    CHECK(must(tree.entries_of(place("folder"))) == std::vector<std::string>{"a", "b"});
    CHECK(must(tree.kind_of(place("folder"))) == entry_kind::folder);
    CHECK(must(tree.kind_of(place("file"))) == entry_kind::file);
    for (const auto* path : {"none", "none/a", "file/a", "link", "link/a"}) {
        CAPTURE(path);
        CHECK(must(tree.entries_of(place(path))).empty());
        CHECK(must(tree.kind_of(place(path))) == entry_kind::missing);
    }
    CHECK(must(tree.entries_of(place("file"))).empty());
}
