// SPDX-License-Identifier: BSL-1.0
#include "support/report.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace podscope_bench {

namespace {

std::string processor() {
    std::ifstream in{"/proc/cpuinfo"};
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("model name")) {
            return line.substr(line.find(": ") + 2);
        }
    }
    return "an unknown processor";
}

std::string today() {
    const std::time_t now = std::time(nullptr);
    std::tm day{};
    ::gmtime_r(&now, &day);
    std::ostringstream out;
    out << std::put_time(&day, "%Y-%m-%d");
    return out.str();
}

// Three significant digits: more would be the noise of this run.
std::string shown(double value) {
    std::ostringstream out;
    const bool is_large = std::abs(value) >= 1000;
    out << std::setprecision(is_large ? 0 : 3);
    if (is_large) {
        out << std::fixed;
    }
    out << value;
    return out.str();
}

// What stands on the page from its first section on, with an empty line before it.
std::string sections_of_others(const std::string& file) {
    std::ifstream in{file};
    const std::string page{std::istreambuf_iterator<char>{in}, {}};
    const auto at = page.find("\n## ");
    return at == std::string::npos ? "" : page.substr(at);
}

void close(std::ofstream& out, const std::string& file) {
    out.close();
    if (!out) {
        throw std::runtime_error{"cannot write " + file};
    }
}

} // namespace

circumstances present_circumstances(bool quick) {
#if defined(__clang__)
    const std::string compiler = std::string{"clang "} + __clang_version__;
#else
    const std::string compiler = std::string{"GCC "} + __VERSION__;
#endif
    return {.processor = processor(),
            .cores = std::thread::hardware_concurrency(),
            .compiler = compiler,
            .date = today(),
            .quick = quick};
}

void write_json(const std::string& file, const std::vector<row>& rows) {
    auto list = nlohmann::ordered_json::array();
    for (const row& one : rows) {
        nlohmann::ordered_json object;
        object["name"] = one.name;
        object["value"] = one.value;
        object["unit"] = one.unit;
        object["reference"] = one.reference;
        object["reference_value"] = nullptr;
        object["ratio"] = nullptr;
        object["limit"] = nullptr;
        if (one.reference_value) {
            object["reference_value"] = *one.reference_value;
            object["ratio"] = one.compared();
        }
        if (one.limit) {
            object["limit"] = *one.limit;
        }
        object["holds"] = one.holds();
        list.push_back(std::move(object));
    }
    std::ofstream out{file};
    out << list.dump(2) << '\n';
    close(out, file);
}

void write_page(const std::string& file,
                const std::vector<row>& rows,
                const circumstances& taken_with) {
    const auto others = sections_of_others(file);
    std::ofstream out{file};
    out << "# Benchmarks\n\n"
           "`./dev bench` measures all of this and writes this page and\n"
           "`build/bench/report.json`. Each figure stands beside its reference, taken in the same\n"
           "run; where there is a reference the limit is one for the ratio, else for the value.\n"
           "Limits are what the project asks of itself; `./dev bench` ends with 1 where one does\n"
           "not hold. The plain scheme is one JSON table in a file behind a lock, which each\n"
           "change writes anew. Instructions are counted by callgrind and are the same on every\n"
           "run of one build.\n\n"
        << "Taken on " << taken_with.date << " on " << taken_with.processor << ", "
        << taken_with.cores << " cores, with " << taken_with.compiler << ", -O3"
        << (taken_with.quick ? ", in the quick mode, which has the wider error" : "") << ".\n\n"
        << "| what | value | reference | its value | ratio | limit | holds |\n"
           "| --- | ---: | --- | ---: | ---: | ---: | --- |\n";
    for (const row& one : rows) {
        out << "| " << one.name << " | " << shown(one.value) << ' ' << one.unit << " | "
            << (one.reference.empty() ? "" : one.reference) << " | "
            << (one.reference_value ? shown(*one.reference_value) : "") << " | "
            << (one.reference_value ? shown(one.compared()) : "") << " | "
            << (one.limit ? shown(*one.limit) : "") << " | "
            << (!one.limit    ? ""
                : one.holds() ? "yes"
                              : "**no**")
            << " |\n";
    }
    out << others;
    close(out, file);
}

} // namespace podscope_bench
