// SPDX-License-Identifier: BSL-1.0
// What a delegation costs among few and among many.
#include "support/measure.hpp"
#include "support/population.hpp"

#include <podscope/podscope.hpp>

#include <cstddef>
#include <string>

namespace podscope_bench {
namespace {

using podscope::permission;
namespace rules = podscope::rules;

std::string among(const std::string& what, std::size_t size) {
    return what + " among " + std::to_string(size);
}

void add_for(std::size_t size) {
    add_operation(among("delegate and reclaim", size), [size] {
        auto& all = population_of(size);
        const auto wanted = podscope::manifest{"newcomer"}.may(rules::write("/ws/new/place"));
        return [&all, wanted] {
            must(all.planner.delegate(wanted));
            return must(all.planner.reclaim("newcomer")).ended.size();
        };
    });
    add_operation(among("conflict search", size), [size] {
        auto& all = population_of(size);
        return [&all, name = "child" + std::to_string(size / 2)] {
            return must(all.backend_.read(
                            [&](auto& txn) { return podscope::conflict_search{txn}.of(name); }))
                .size();
        };
    });
}

const on_load here{[] {
    for (const std::size_t size : {1'000U, 100'000U, 1'000'000U}) {
        add_for(size);
    }
    for (const std::string what : {"delegate and reclaim", "conflict search"}) {
        const auto few = among(what, 1'000);
        const auto many = among(what, 1'000'000);
        compare_instructions(what + ", 1 000 000 live claims against 1 000", many, few, 2);
        compare_time(what + ", 1 000 000 live claims against 1 000", many, few, 6);
    }
}};

} // namespace
} // namespace podscope_bench
