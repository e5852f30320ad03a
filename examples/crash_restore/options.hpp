// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace demo {

inline constexpr const char* help =
    R"(usage: crash_restore [--json] [--enforce] [--folder DIR] [--keep] [--help]

A planner and six pods below it, each a process of its own, share one workspace.
One child is killed, one is stopped, one loses its row in the registry, one is
killed while its own child lives on, one stays healthy; then the planner is
killed. Another process restores it, everybody who lives tries to write
everywhere, and the library's invariants are checked.

  --json        print one JSON document and nothing else: before, crashed, after,
                notifications, may_write, checks, ok
  --enforce     have the kernel confine each child to its scope as soon as it has it;
                each then tries to write everywhere without asking anybody
  --folder DIR  work in DIR, which must be empty or not there yet; otherwise in a
                new folder in $TMPDIR
  --keep        leave that folder as it is at the end
  --help        print this

Exit status: 0 if all checks hold, 1 if one failed, 2 if the demo could not be
run, 3 if it was to enforce and the kernel cannot. Process ids, times and the
folder's name differ from run to run, and nothing else.
)";

struct options {
    bool json{};
    bool keep{};
    bool enforce{};
    bool help{};
    std::string folder{};
};

/// Errors: `invalid_entry`, for what is no option.
[[nodiscard]] inline podscope::result<options> read_options(std::span<const std::string> given) {
    options read;
    for (std::size_t i = 0; i < given.size(); ++i) {
        const auto& word = given[i];
        if (word == "--json") {
            read.json = true;
        } else if (word == "--enforce") {
            read.enforce = true;
        } else if (word == "--keep") {
            read.keep = true;
        } else if (word == "--help" || word == "-h") {
            read.help = true;
        } else if (word == "--folder" && i + 1 < given.size() && !given[i + 1].empty()) {
            read.folder = given[++i];
        } else {
            return podscope::fail(
                {.category = podscope::errc::invalid_entry,
                 .message = word == "--folder"
                                ? "--folder needs the name of a folder"
                                : "there is no option '" + word + "'; --help lists them",
                 .subject = word});
        }
    }
    return read;
}

} // namespace demo
