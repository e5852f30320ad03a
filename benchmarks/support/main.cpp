// SPDX-License-Identifier: BSL-1.0
// podscope_bench [--quick] [--only=TEXT] [--report=FILE] [--page=FILE]
//     measures every operation (or those with TEXT in their names), prints the rows, and writes
//     them; ends with 1 if one does not hold
// podscope_bench --count=OPERATION...
//     performs each as often as it says, for callgrind to count; what the first form starts
#include "support/measure.hpp"
#include "support/report.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podscope_bench {

namespace {

struct options {
    bool quick{};
    std::string only{};
    std::string report{};
    std::string page{};
    std::vector<std::string> count{};
};

options read(int argc, char** argv) {
    options given;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const auto equals = std::min(word.find('='), word.size());
        const std::string_view name = word.substr(0, equals);
        const std::string value{word.substr(std::min(equals + 1, word.size()))};
        if (word == "--quick") {
            given.quick = true;
        } else if (name == "--only") {
            given.only = value;
        } else if (name == "--report") {
            given.report = value;
        } else if (name == "--page") {
            given.page = value;
        } else if (name == "--count") {
            given.count.push_back(value);
        } else {
            throw std::runtime_error{"what is " + std::string{word} +
                                     "? known: --quick --only= --report= --page="};
        }
    }
    return given;
}

const detail::operation& find(std::string_view name) {
    for (const auto& one : detail::operations()) {
        if (one.name == name) {
            return one;
        }
    }
    throw std::runtime_error{"there is no operation " + std::string{name}};
}

// Keeps the least of each operation's repetitions, since whatever disturbs one only adds to it, and
// lets the usual lines be printed.
class collector : public benchmark::ConsoleReporter {
public:
    collector() : ConsoleReporter(OO_Tabular) {}

    void ReportRuns(const std::vector<Run>& runs) override {
        for (const auto& run : runs) {
            if (run.error_occurred) {
                throw std::runtime_error{run.benchmark_name() + ": " + run.error_message};
            }
            if (run.run_type == Run::RT_Iteration) {
                const double time = run.GetAdjustedRealTime();
                auto& least = found_.try_emplace(run.run_name.function_name, time).first->second;
                least = std::min(least, time);
            }
        }
        ConsoleReporter::ReportRuns(runs);
    }

    [[nodiscard]] double least_of(const std::string& name) const { return found_.at(name); }

private:
    std::map<std::string, double> found_{};
};

double total_in(const std::filesystem::path& file) {
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);) {
        for (const std::string_view label : {"summary: ", "totals: "}) {
            if (line.starts_with(label)) {
                return std::stod(line.substr(label.size()));
            }
        }
    }
    throw std::runtime_error{"callgrind has counted nothing"};
}

// Runs this program under callgrind for some operations: for all of them in one process, because
// what they need may take long to make. The mean of each.
std::map<std::string, double, std::less<>> count(const std::string& self,
                                                 const std::vector<std::string>& operations) {
    const auto out = std::filesystem::temp_directory_path() /
                     ("podscope_bench." + std::to_string(::getpid()) + ".callgrind");
    std::vector<std::string> words{"valgrind",
                                   "--tool=callgrind",
                                   "--instr-atstart=no",
                                   "-q",
                                   "--callgrind-out-file=" + out.string(),
                                   self};
    for (const auto& each : operations) {
        words.push_back("--count=" + each);
    }
    std::vector<char*> arguments;
    for (auto& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t child{};
    if (::posix_spawnp(&child, "valgrind", nullptr, nullptr, arguments.data(), environ) != 0) {
        throw std::runtime_error{"cannot start valgrind"};
    }
    int status{};
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw std::runtime_error{"counting instructions failed"};
    }
    std::map<std::string, double, std::less<>> found;
    for (std::size_t i = 0; i != operations.size(); ++i) {
        const std::filesystem::path dump = out.string() + '.' + std::to_string(i + 1);
        found[operations[i]] =
            total_in(dump) / static_cast<double>(find(operations[i]).times_counted);
        std::filesystem::remove(dump);
    }
    std::filesystem::remove(out);
    return found;
}

class found_costs : public costs {
public:
    found_costs(const collector& times, const std::string& self, std::string_view only)
        : times_{&times} {
        std::vector<std::string> wanted;
        for (const auto& name : detail::to_count()) {
            if (name.find(only) != std::string::npos) {
                wanted.push_back(name);
            }
        }
        if (!wanted.empty()) {
            counted_ = count(self, wanted);
        }
    }

    [[nodiscard]] double time_of(std::string_view operation) const override {
        return times_->least_of(std::string{operation});
    }

    [[nodiscard]] double instructions_of(std::string_view operation) const override {
        return counted_.at(std::string{operation});
    }

private:
    const collector* times_;
    std::map<std::string, double, std::less<>> counted_{};
};

int measure(const options& given, char* program) {
    for (const auto& one : detail::operations()) {
        if (one.name.find(given.only) == std::string::npos) {
            continue;
        }
        benchmark::RegisterBenchmark(one.name.c_str(), one.timed)
            ->Repetitions(given.quick ? 5 : 9)
            ->MinTime(given.quick ? 0.01 : 0.1)
            ->Threads(one.threads)
            ->UseRealTime();
    }
    // Mixed, so that a disturbance does not fall on all repetitions of one operation.
    std::string mixed = "--benchmark_enable_random_interleaving=true";
    std::array<char*, 2> words{program, mixed.data()};
    int word_count = words.size();
    benchmark::Initialize(&word_count, words.data());
    collector times;
    benchmark::RunSpecifiedBenchmarks(&times);

    const found_costs found{times, std::filesystem::absolute(program).string(), given.only};
    std::vector<row> rows;
    bool all_hold = true;
    for (const auto& make : detail::rows()) {
        try {
            rows.push_back(make(found));
        } catch (const std::out_of_range&) {
            // An operation of this row was not measured.
            if (given.only.empty()) {
                throw;
            }
            continue;
        }
        const row& one = rows.back();
        all_hold = all_hold && one.holds();
        std::cout << (one.holds() ? "" : "DOES NOT HOLD: ") << one.name << ": " << one.value << ' '
                  << one.unit;
        if (one.reference_value) {
            std::cout << ", " << one.compared() << " of " << one.reference;
        }
        if (one.limit) {
            std::cout << ", limit " << *one.limit;
        }
        std::cout << std::endl;
    }
    if (!given.report.empty()) {
        write_json(given.report, rows);
    }
    if (!given.page.empty()) {
        write_page(given.page, rows, present_circumstances(given.quick));
    }
    return all_hold ? 0 : 1;
}

} // namespace
} // namespace podscope_bench

int main(int argc, char** argv) {
    using namespace podscope_bench;
    try {
        const options given = read(argc, argv);
        if (given.count.empty()) {
            return measure(given, argv[0]);
        }
        for (const auto& name : given.count) {
            find(name).counted();
        }
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "podscope_bench: " << e.what() << '\n';
        return 2;
    }
}
