// SPDX-License-Identifier: BSL-1.0
// F01: a process is killed at each system call of each operation in turn, one run for each, until
// no call is left. Whatever it leaves must open; be the state before the operation, after it, or
// between two of the commits that it is made of; be the state after if the process was told so;
// hold the invariants; and let others go on.
//
// strace kills, on the way into a call. So a run shows what all calls before that one have left.
#include "regimes/arguments.hpp"
#include "regimes/crash_board.hpp"
#include "regimes/crash_company.hpp"
#include "regimes/crash_judge.hpp"
#include "regimes/crash_operations.hpp"
#include "regimes/stores.hpp"
#include "regimes/system_calls.hpp"
#include "support/forked.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/json_writer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using namespace regimes;

// The process that is killed: `work STORE OPERATION FOLDER [STATES]`.
template <class Store>
void work(const std::string& operation, const std::string& folder, const std::string& states) {
    crash_board board{folder + "/board"};
    const auto& all = crash_operations<Store>::all();
    const auto wanted =
        std::ranges::find(all, operation, &crash_operations<Store>::operation::name);
    podscope_test::forked_process dying{[&] {
        crash_company<Store> company{folder, board};
        wanted->populate(company);
        ::_exit(0); // with all its pods
        return 0;
    }};
    if (dying.status() != 0) {
        throw std::runtime_error{"there is nothing to begin with"};
    }
    crash_company<Store> company{folder, board};
    wanted->prepare(company);
    company.begin(states);
    mark_system_calls();
    wanted->perform(company);
    company.report();
    mark_system_calls();
    company.end();
}

template <class Store>
class crash {
public:
    /// @param runs how many are wanted at most, about
    crash(std::uint64_t runs, std::uint64_t seed) : wanted_runs_{runs}, seed_{seed} {}

    [[nodiscard]] bool run() {
        std::vector<std::pair<std::string, call_ranges>> all;
        for (const auto& operation : crash_operations<Store>::all()) {
            all.emplace_back(operation.name, calls_of(operation.name));
            for (const auto& [name, range] : all.back().second) {
                calls_ += range.last - range.first + 1;
            }
        }
        const auto step = (calls_ - 1) / std::max<std::uint64_t>(wanted_runs_, 1) + 1;
        auto number = seed_;
        for (const auto& [operation, calls] : all) {
            const crash_judge<Store> judge{states_of(operation)};
            for (const auto& [name, range] : calls) {
                // Beyond those that were seen, until there is none: what chance has added is
                // killed as well.
                for (auto at = range.first; at <= range.last || step == 1; ++at) {
                    if (number++ % step == 0 && !kill_at(operation, name, at, judge) &&
                        at > range.last) {
                        break;
                    }
                }
            }
        }
        if (killed_ == 0 || 2 * early_ > runs_) {
            wrong_.emplace_back("hardly anything was killed in the middle of its operation");
        }
        for (const auto& one : wrong_) {
            std::fprintf(stderr, "%s: %s\n", Store::name, one.c_str());
        }
        return wrong_.empty();
    }

    void report(podscope::json_object_writer& figures) const {
        figures.number("operations", crash_operations<Store>::all().size())
            .number("calls", calls_)
            .number("runs", runs_)
            .number("early", early_)
            .number("killed", killed_)
            .number("changed", changed_)
            .number("unchanged", killed_ - changed_);
    }

private:
    [[nodiscard]] std::vector<std::string>
    program(const std::string& operation, const std::string& folder, const std::string& states) {
        return {std::filesystem::read_symlink("/proc/self/exe").string(),
                "work",
                Store::name,
                operation,
                folder,
                states};
    }

    [[nodiscard]] std::string fresh_folder() {
        auto path = folder_ / std::to_string(folders_++);
        std::filesystem::create_directory(path);
        return path;
    }

    [[nodiscard]] call_ranges calls_of(const std::string& operation) {
        const auto folder = fresh_folder();
        auto calls = traced_calls(program(operation, folder, {}), folder + "/calls");
        std::filesystem::remove_all(folder);
        return calls;
    }

    // The states before an operation and after each of its changes, by running it undisturbed.
    [[nodiscard]] std::vector<std::string> states_of(const std::string& operation) {
        const auto folder = fresh_folder();
        if (run_program(program(operation, folder, folder + "/state-")) != ending::done) {
            throw std::runtime_error{operation + " fails by itself"};
        }
        std::vector<std::string> states;
        for (std::size_t level = 0;; ++level) {
            std::ifstream file{folder + "/state-" + std::to_string(level)};
            if (!file) {
                break;
            }
            states.emplace_back(std::istreambuf_iterator<char>{file},
                                std::istreambuf_iterator<char>{});
        }
        std::filesystem::remove_all(folder);
        return states;
    }

    // Whether the process was killed before its operation was over.
    bool kill_at(const std::string& operation,
                 const std::string& name,
                 std::uint64_t number,
                 const crash_judge<Store>& judge) {
        const auto folder = fresh_folder();
        const auto end = run_and_kill(program(operation, folder, {}), name, number);
        ++runs_;
        bool was_killed = false;
        crash_verdict found;
        try {
            crash_board board{folder + "/board"};
            was_killed = end == ending::killed && board.has_begun() && !board.is_over();
            if (end == ending::failed) {
                throw std::runtime_error{"the process failed before it was killed"};
            }
            if (board.has_begun()) {
                found = judge.look_at(folder, board);
            } else {
                // A slow process looks at its files more often while it prepares.
                ++early_;
            }
        } catch (const std::exception& e) {
            found.wrong.emplace_back(e.what());
        }
        killed_ += was_killed ? 1 : 0;
        changed_ += was_killed && found.is_changed ? 1 : 0;
        for (const auto& one : found.wrong) {
            wrong_.push_back(operation + " at " + name + ' ' + std::to_string(number) + ": " + one);
        }
        std::filesystem::remove_all(folder);
        return was_killed;
    }

    podscope_test::temporary_folder folder_{};
    std::uint64_t wanted_runs_;
    std::uint64_t seed_;
    std::uint64_t folders_ = 0;
    std::vector<std::string> wrong_{};
    std::uint64_t calls_ = 0;
    std::uint64_t runs_ = 0;
    std::uint64_t early_ = 0; // of which: killed before the operation
    std::uint64_t killed_ = 0;
    std::uint64_t changed_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 6 && std::string_view{argv[1]} == "work") {
            return over_stores(argv[2],
                               [&]<class Store>() {
                                   work<Store>(argv[3], argv[4], argv[5]);
                                   return true;
                               })
                       ? 0
                       : 1;
        }
        const auto told = read_arguments(argc, argv, "runs");
        const auto runs =
            told.amount.value_or(told.is_long ? std::numeric_limits<std::uint64_t>::max() : 300);
        // In memory, if there is such a file system and no other was asked for: a killed process
        // loses nothing that was written, so no run need wait for a disk.
        if (std::filesystem::is_directory("/dev/shm")) {
            ::setenv("TMPDIR", "/dev/shm", 0);
        }
        if (!can_trace()) {
            std::fprintf(stderr, "strace is missing, or may not watch a process here: nothing was "
                                 "killed\n");
            return 1;
        }
        std::string figures;
        podscope::json_object_writer line{figures};
        line.text("regime", "crash");
        const bool kept_all = over_stores(told.store, [&]<class Store>() {
            crash<Store> one{runs, told.seed};
            const bool kept = one.run();
            std::string own;
            podscope::json_object_writer figures_of_store{own};
            one.report(figures_of_store);
            figures_of_store.close();
            line.raw(Store::name, own);
            return kept;
        });
        line.number("seed", told.seed).text("lost", kept_all ? "nothing" : "something").close();
        std::printf("%s\n", figures.c_str());
        return kept_all ? 0 : 1;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "the regime gave up: %s\n", e.what());
        return 1;
    }
}
