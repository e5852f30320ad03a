// SPDX-License-Identifier: BSL-1.0
// A delegation and its end on a journal, against a JSON table behind a lock; neither waits for the
// disk.
#include "reference/plain_scheme.hpp"

#include "support/measure.hpp"
#include "support/population.hpp"
#include "support/scratch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/podscope.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace podscope_bench {
namespace {

namespace rules = podscope::rules;

using journal = podscope::basic_journal<podscope::pod_schema, podscope::durability::process>;

std::string among(const std::string& what, std::size_t size) {
    return what + " among " + std::to_string(size);
}

// A path for each repetition.
std::string fresh(const std::string& name) {
    static int made = 0;
    return scratch() + "/" + name + std::to_string(++made);
}

void require(plain_outcome found) {
    if (found != plain_outcome::done) {
        throw std::runtime_error{"the plain scheme refuses what the library accepts"};
    }
}

const char* const ours = "delegate and reclaim on a journal";
const char* const plain = "delegate and reclaim by the plain scheme";

void add_for(std::size_t size) {
    add_timed(among(ours, size), [size](benchmark::State& state) {
        basic_population<journal> all{journal::open(fresh("journal")).value(), size};
        const auto wanted = podscope::manifest{"newcomer"}.may(rules::write("/ws/new/place"));
        for (auto _ : state) {
            must(all.planner.delegate(wanted));
            benchmark::DoNotOptimize(must(all.planner.reclaim("newcomer")).ended.size());
        }
    });
    add_timed(among(plain, size), [size](benchmark::State& state) {
        plain_scheme table{fresh("table"), plain_scheme::sync::none};
        require(table.register_pod("planner", "", {{"/ws"}}));
        for (std::size_t i = 0; i != size; ++i) {
            require(table.delegate("planner", "child" + std::to_string(i), {{place_of(i)}}));
        }
        for (auto _ : state) {
            require(table.delegate("planner", "newcomer", {{"/ws/new/place"}}));
            require(table.reclaim("newcomer"));
        }
    });
    compare_time(std::string{ours} + ", " + std::to_string(size) + " live pods", among(ours, size),
                 among(plain, size));
}

const on_load here{[] {
    for (const std::size_t size : {10U, 100U, 1'000U}) {
        add_for(size);
    }
}};

} // namespace
} // namespace podscope_bench
