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
    compare_instructions_each(std::move(name), {std::move(operation), 1}, {std::move(reference), 1},
                              limit);
}

void compare_instructions_each(std::string name,
                               std::pair<std::string, std::size_t> operation,
                               std::pair<std::string, std::size_t> reference,
                               std::optional<double> limit) {
    for (const auto& one : {operation, reference}) {
        auto& all = detail::to_count();
        if (std::ranges::find(all, one.first) == all.end()) {
            all.push_back(one.first);
        }
    }
    add_row([=](const costs& found) {
        const auto each = [&](const auto& one) {
            return found.instructions_of(one.first) / static_cast<double>(one.second);
        };
        return row{.name = name,
                   .unit = "instructions",
                   .value = each(operation),
                   .reference = reference.first,
                   .reference_value = each(reference),
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
