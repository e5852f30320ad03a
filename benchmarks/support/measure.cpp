// SPDX-License-Identifier: BSL-1.0
#include "support/measure.hpp"

#include <valgrind/callgrind.h>

#include <algorithm>

namespace podscope_bench {

namespace detail {

std::vector<operation>& operations() {
    static std::vector<operation> all;
    return all;
}

std::vector<std::function<row(const costs&)>>& rows() {
    static std::vector<std::function<row(const costs&)>> all;
    return all;
}

std::vector<std::string>& to_count() {
    static std::vector<std::string> all;
    return all;
}

void start_counting() {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

void stop_counting() {
    CALLGRIND_DUMP_STATS;
    CALLGRIND_STOP_INSTRUMENTATION;
}

} // namespace detail

void compare_time(std::string name,
                  std::string operation,
                  std::string reference,
                  std::optional<double> limit) {
    add_row([=](const costs& found) {
        return row{.name = name,
                   .unit = "ns",
                   .value = found.time_of(operation),
                   .reference = reference,
                   .reference_value = found.time_of(reference),
                   .limit = limit};
    });
}

void compare_instructions(std::string name,
                          std::string operation,
                          std::string reference,
                          std::optional<double> limit) {
    for (const auto& one : {operation, reference}) {
        auto& all = detail::to_count();
        if (std::ranges::find(all, one) == all.end()) {
            all.push_back(one);
        }
    }
    add_row([=](const costs& found) {
        return row{.name = name,
                   .unit = "instructions",
                   .value = found.instructions_of(operation),
                   .reference = reference,
                   .reference_value = found.instructions_of(reference),
                   .limit = limit};
    });
}

void state(std::string name,
           std::string unit,
           std::function<double()> value,
           std::optional<double> limit) {
    add_row([=](const costs&) {
        return row{.name = name, .unit = unit, .value = value(), .limit = limit};
    });
}

} // namespace podscope_bench
