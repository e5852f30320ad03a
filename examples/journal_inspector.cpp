// SPDX-License-Identifier: BSL-1.0
// Looks into a journal without changing it: what is in it, and whether it is whole.
//
//     example_journal_inspector check FOLDER    ends with 0 if the journal in it is whole
//     example_journal_inspector dump FOLDER     prints every operation as well
//
// Without arguments it makes a small journal and dumps that.
#include "shared/temporary_folder.hpp"

#include <podscope/backend/journal_inspection.hpp>
#include <podscope/backend/record_text.hpp>
#include <podscope/podscope.hpp>

#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>

namespace {

std::string shown(std::string_view key) {
    std::string text;
    podscope::backend_detail::append_quoted(text, key);
    return text;
}

void print(const podscope::inspected_frame& frame) {
    std::cout << "@" << frame.offset << " #" << frame.sequence
              << (frame.transactions == 0 ? " snapshot" : "") << '\n';
    const bool whole = podscope::for_each_operation(
        frame.payload,
        [](bool is_put, std::string_view table, std::string_view key, std::string_view record) {
            std::cout << "  " << (is_put ? "put   " : "erase ") << table << ' ' << shown(key);
            if (is_put) {
                std::cout << ' ' << podscope::record_to_text(record);
            }
            std::cout << '\n';
        });
    if (!whole) {
        std::cout << "  (the rest cannot be read)\n";
    }
}

int inspect(const std::string& folder, bool dump) {
    const auto found = podscope::inspect_journal(folder + "/journal", [&](const auto& frame) {
        if (dump) {
            print(frame);
        }
    });
    if (!found) {
        std::cerr << to_string(found.error()) << '\n';
        return 1;
    }
    std::cout << "format " << found->version << ", " << found->frames << " frames with "
              << found->operations << " operations, snapshot of #" << found->snapshot_sequence
              << " up to byte " << found->snapshot_end << ", #" << found->sequence << " at byte "
              << found->end << " of " << found->size << '\n'
              << (found->is_torn ? "the end is torn: the next to open it will cut it off\n"
                                 : "whole\n");
    return 0;
}

int show_a_small_one() {
    const demo::temporary_folder folder{"podscope-inspected"};
    int code = 1;
    if (auto runtime = podscope::open_runtime(folder.path())) {
        auto planner =
            runtime->create(podscope::manifest{"planner"}.may(podscope::rules::write("/ws")));
        if (planner && planner->delegate(
                           podscope::manifest{"helper"}.may(podscope::rules::write("/ws/docs")))) {
            for (const auto& entry : std::filesystem::recursive_directory_iterator{folder.path()}) {
                if (entry.path().filename() == "journal") {
                    code = inspect(entry.path().parent_path().string(), true);
                }
            }
        }
    }
    return code;
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc > 1 ? argv[1] : "";
    if (argc == 1) {
        try {
            return show_a_small_one();
        } catch (const std::exception& thrown) {
            std::cerr << thrown.what() << '\n';
            return 1;
        }
    }
    if (argc != 3 || (what != "check" && what != "dump")) {
        std::cerr << "usage: " << argv[0] << " check|dump FOLDER\n";
        return 2;
    }
    return inspect(argv[2], what == "dump");
}
