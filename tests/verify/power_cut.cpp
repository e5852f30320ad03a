// SPDX-License-Identifier: BSL-1.0
// The model of a disk, by what it says of files that there were before the recording began.
#include "support/catch.hpp"

#include <podscope/verify/power_cut.hpp>
#include <podscope/verify/recorded_files.hpp>

#include <map>
#include <string>

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

TEST_CASE("F03 a file that is renamed over one from before a recording has its name") {
    auto disk = disk_with("new");
    disk.happen({.what = kind::renamed, .name = "new", .other_name = "old", .folder = folder});
    CHECK(left_by(disk, chance::kept) == files{{"old", "new"}});
    CHECK(left_by(disk, chance::dropped) == files{{"new", "new"}});
}
