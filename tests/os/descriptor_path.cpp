// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/os/descriptor_path.hpp>
#include <podscope/os/file_descriptor.hpp>

#include <filesystem>
#include <string>

#include <fcntl.h>
#include <unistd.h>

using podscope::os_detail::file_descriptor;
using podscope::os_detail::path_of_descriptor;

TEST_CASE("A descriptor is followed to where its file stands now", "[os]") {
    const podscope_test::temporary_folder root;
    const auto open = [](const std::string& path, int flags) {
        return file_descriptor{::open(path.c_str(), flags | O_CLOEXEC, 0600)};
    };
    std::filesystem::create_directory(root / "folder");
    std::filesystem::create_directory_symlink("folder", root / "link");
    const auto file = open(root / "link/file", O_RDWR | O_CREAT);
    CHECK(path_of_descriptor(file.get()) == root / "folder/file");
    const auto folder = open(root / "link", O_PATH | O_DIRECTORY);
    std::filesystem::rename(root / "folder", root / "moved");
    CHECK(path_of_descriptor(file.get()) == root / "moved/file");
    CHECK(path_of_descriptor(folder.get()) == root / "moved");

    std::filesystem::remove_all(root / "moved");
    CHECK(path_of_descriptor(file.get()).empty());
    CHECK(path_of_descriptor(folder.get()).empty());
    CHECK(path_of_descriptor(-1).empty());
    const auto deleted = open(root / "file (deleted)", O_RDWR | O_CREAT);
    CHECK(path_of_descriptor(deleted.get()) == root / "file (deleted)");
    const auto removed = open(root / "file", O_RDWR | O_CREAT);
    std::filesystem::create_hard_link(root / "file", root / "second");
    std::filesystem::remove(root / "file");
    CHECK(path_of_descriptor(removed.get()).empty()); // and no other's, though one looks like it

    std::filesystem::remove(root / "file (deleted)");
    CHECK(path_of_descriptor(removed.get()).empty());
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const file_descriptor reading{ends[0]};
    const file_descriptor writing{ends[1]};
    CHECK(path_of_descriptor(reading.get()).empty());

    const auto nameless = open(root.path(), O_TMPFILE | O_RDWR);
    if (nameless) {
        CHECK(path_of_descriptor(nameless.get()).empty());
    }
}
