// SPDX-License-Identifier: BSL-1.0
// A delegation on SQLite, against a bare transaction that changes the same rows.
#if __has_include(<sqlite3.h>)

#include "reference/bare_sqlite.hpp"
#include "support/measure.hpp"
#include "support/population.hpp"
#include "support/scratch.hpp"

#include <podscope/backend/lifted.hpp>
#include <podscope/backend/sqlite.hpp>
#include <podscope/podscope.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace podscope_bench {
namespace {

using podscope::durability;
namespace rules = podscope::rules;

constexpr std::size_t live_pods = 1'000;

// As long as each other, so that one stands for another in a row.
std::string newcomer(std::size_t number) {
    auto digits = std::to_string(number);
    return "newcomer" + std::string(8 - digits.size(), '0') + digits;
}

podscope::manifest to_delegate(std::size_t number) {
    return podscope::manifest{newcomer(number)}.may(rules::write("/ws/new/" + newcomer(number)));
}

void replace_all(std::string& in, const std::string& what, const std::string& by) {
    for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + by.size())) {
        in.replace(at, what.size(), by);
    }
}

// The rows that a delegation changes.
template <durability Durable>
std::vector<row_change> changes_of_one() {
    using store = podscope::lifted<recording<podscope::basic_sqlite_backend<Durable>>>;
    const recording bytes{must(podscope::basic_sqlite_backend<Durable>::open(fresh("sqlite")))};
    basic_population<store> all{store{bytes}, live_pods};
    must(all.planner.delegate(to_delegate(0)));
    return bytes.last_changes();
}

template <durability Durable>
void add_for(const std::string& how) {
    const std::string ours = "delegate on SQLite, " + how;
    const std::string bare = "the same changes in a bare SQLite transaction, " + how;
    add_timed(ours, [](benchmark::State& state) {
        using store = podscope::sqlite_store<Durable>;
        basic_population<store> all{must(podscope::open_sqlite_store<Durable>(fresh("sqlite"))),
                                    live_pods};
        std::size_t number = 0;
        for (auto _ : state) {
            benchmark::DoNotOptimize(must(all.planner.delegate(to_delegate(++number))));
        }
    });
    add_timed(bare, [](benchmark::State& state) {
        const auto one = changes_of_one<Durable>();
        const std::string folder = fresh("sqlite");
        // Among as many rows.
        {
            using store = podscope::sqlite_store<Durable>;
            const basic_population<store> all{must(podscope::open_sqlite_store<Durable>(folder)),
                                              live_pods};
        }
        bare_sqlite database{folder + "/store.sqlite", Durable};
        std::size_t number = 0;
        for (auto _ : state) {
            state.PauseTiming();
            auto changes = one;
            const auto name = newcomer(++number);
            for (auto& each : changes) {
                replace_all(each.key, newcomer(0), name);
                replace_all(each.value, newcomer(0), name);
            }
            state.ResumeTiming();
            database.change(changes);
        }
    });
    const bool is_synced = Durable == durability::power;
    compare_time("delegate on SQLite against a bare SQLite transaction of the same size, " + how,
                 ours, bare, is_synced ? std::optional{2.0} : std::nullopt);
}

const on_load here{[] {
    add_for<durability::power>("power durability");
    add_for<durability::process>("process durability");
}};

} // namespace
} // namespace podscope_bench

#endif
