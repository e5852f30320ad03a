// SPDX-License-Identifier: BSL-1.0
// The model of a disk, by what it says of files that there were before the recording began.
#include "support/catch.hpp"

#include <podscope/verify/power_cut.hpp>
#include <podscope/verify/recorded_files.hpp>

#include <map>
#include <string>
#include <utility>

#include <sys/types.h>

using podscope::verify::chance;
using podscope::verify::file_event;
using podscope::verify::power_cut;
using kind = podscope::verify::file_event::kind;

namespace {

constexpr ino_t folder = 1;
constexpr ino_t made_file = 2;

// A file that was made, written and synced, and its folder.
power_cut disk_with(const std::string& name) {
    power_cut disk{folder};
    disk.happen({.what = kind::made, .file = made_file, .name = name, .folder = folder});
    disk.happen({.what = kind::written, .file = made_file, .bytes = "new"});
    disk.happen({.what = kind::synced, .file = made_file});
    disk.happen({.what = kind::synced, .file = folder});
    return disk;
}

std::map<std::string, std::string> left_by(power_cut& disk, chance luck) {
    return disk.left([luck] { return luck; });
}

using files = std::map<std::string, std::string>;

} // namespace

TEST_CASE("F03 a file from before a recording has no part in what it leaves") {
    power_cut empty{folder};
    empty.happen({.what = kind::renamed, .name = "old", .other_name = "older", .folder = folder});
    empty.happen({.what = kind::removed, .name = "older", .folder = folder});
    CHECK(left_by(empty, chance::kept).empty());

    auto disk = disk_with("new");
    disk.happen({.what = kind::renamed, .name = "old", .other_name = "older", .folder = folder});
    CHECK(left_by(disk, chance::kept) == files{{"new", "new"}});
}

TEST_CASE("F03 a file from before a recording that takes a name takes it away") {
    auto disk = disk_with("new");
    disk.happen({.what = kind::renamed, .name = "old", .other_name = "new", .folder = folder});
    CHECK(left_by(disk, chance::kept).empty());
    CHECK(left_by(disk, chance::dropped) == files{{"new", "new"}});
}

TEST_CASE("F03 what was not synced is there, or lost, or as long as it was") {
    auto disk = disk_with("a");
    disk.happen({.what = kind::written, .file = made_file, .bytes = "N"});
    disk.happen({.what = kind::written, .file = made_file, .at = 3, .bytes = "er"});
    CHECK(left_by(disk, chance::kept) == files{{"a", "Newer"}});
    CHECK(left_by(disk, chance::dropped) == files{{"a", "new"}});
    CHECK(left_by(disk, chance::zeros) == files{{"a", {"new\0\0", 5}}});
    disk.happen({.what = kind::cut, .file = made_file, .at = 1});
    CHECK(disk.questions() == 3);
    CHECK(left_by(disk, chance::kept) == files{{"a", "N"}});
    disk.happen({.what = kind::marked, .at = 7});
    CHECK(disk.acknowledged() == 7);
    // Nobody looks at another folder.
    disk.happen({.what = kind::made, .file = 9, .name = "b", .folder = 8});
    disk.happen({.what = kind::removed, .name = "a", .folder = 8});
    CHECK(disk.questions() == 3);
}

TEST_CASE("F03 a name that was lost with its file is removed for nothing") {
    power_cut disk{folder};
    disk.happen({.what = kind::made, .file = made_file, .name = "a", .folder = folder});
    disk.happen({.what = kind::removed, .name = "a", .folder = folder});
    bool is_first = true;
    CHECK(disk.left([&] { return std::exchange(is_first, false) ? chance::dropped : chance::kept; })
              .empty());
}

TEST_CASE("F03 what is done to a file from before a recording leaves nothing") {
    power_cut disk{folder};
    for (const auto what : {kind::written, kind::cut, kind::synced}) {
        disk.happen({.what = what, .file = 99, .bytes = "old"});
    }
    CHECK(disk.questions() == 0);
    CHECK(left_by(disk, chance::kept).empty());
}

TEST_CASE("F03 a name that its file has not come to is not taken from who has it") {
    constexpr ino_t second_file = 3;
    auto disk = disk_with("a");
    disk.happen({.what = kind::made, .file = second_file, .name = "b", .folder = folder});
    disk.happen({.what = kind::synced, .file = folder});
    disk.happen({.what = kind::renamed, .name = "b", .other_name = "a", .folder = folder});
    disk.happen({.what = kind::removed, .name = "a", .folder = folder});
    // The first change of a name is lost, and the second one not.
    bool is_first = true;
    CHECK(disk.left([&] {
        return std::exchange(is_first, false) ? chance::dropped : chance::kept;
    }) == files{{"a", "new"}, {"b", ""}});
}

TEST_CASE("F03 a file that is renamed over one from before a recording has its name") {
    auto disk = disk_with("new");
    disk.happen({.what = kind::renamed, .name = "new", .other_name = "old", .folder = folder});
    CHECK(left_by(disk, chance::kept) == files{{"old", "new"}});
    CHECK(left_by(disk, chance::dropped) == files{{"new", "new"}});
}
