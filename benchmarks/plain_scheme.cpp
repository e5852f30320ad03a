// SPDX-License-Identifier: BSL-1.0
// A delegation and its end on a journal, against a JSON table behind a lock: where both wait for
// the disk, where neither does, and on a file system in memory.
#include "reference/plain_scheme.hpp"

#include "support/filled_journal.hpp"
#include "support/measure.hpp"
#include "support/population.hpp"
#include "support/scratch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/podscope.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace podscope_bench {
namespace {

std::string among(const std::string& what, std::size_t size) {
    return what + " among " + std::to_string(size);
}

constexpr const char* memory_file_system = "/dev/shm";

// A folder that goes with the program, on that file system.
const std::string& scratch_in_memory() {
    static const podscope_test::temporary_folder only{memory_file_system};
    return only.path();
}

struct setting {
    std::string name{};
    bool in_memory{};

    [[nodiscard]] std::string fresh(const std::string& what) const {
        return podscope_bench::fresh(what, in_memory ? scratch_in_memory() : scratch());
    }
};

void require(plain_outcome found) {
    if (found != plain_outcome::done) {
        throw std::runtime_error{"the plain scheme refuses what the library accepts"};
    }
}

std::shared_ptr<plain_scheme> filled_table(const std::string& file, bool syncs, std::size_t size) {
    auto table = std::make_shared<plain_scheme>(file, syncs ? plain_scheme::sync::data
                                                            : plain_scheme::sync::none);
    require(table->register_pod("planner", "", {{"/ws"}}));
    std::vector<std::pair<std::string, plain_rule>> children;
    for (std::size_t i = 0; i != size; ++i) {
        children.emplace_back("child" + std::to_string(i), plain_rule{place_of(i)});
    }
    require(table->delegate_all("planner", std::move(children)));
    return table;
}

template <podscope::durability Durable>
void add_for(const setting& at, std::size_t size, std::optional<double> limit) {
    using journal = podscope::basic_journal<podscope::pod_schema, Durable>;
    constexpr bool syncs = Durable == podscope::durability::power;
    const auto ours = among("delegate and reclaim on a journal" + at.name, size);
    const auto plain = among("delegate and reclaim by the plain scheme" + at.name, size);
    // Filled once for all repetitions: thousands take their time.
    add_timed(ours, [=, all = std::shared_ptr<basic_population<journal>>{}](
                        benchmark::State& state) mutable {
        if (!all) {
            all = filled_journal<journal>(at.fresh("journal"), size);
        }
        const auto wanted = newcomer(0);
        for (auto _ : state) {
            must(all->planner.delegate(wanted));
            benchmark::DoNotOptimize(must(all->planner.reclaim("newcomer0")).ended.size());
            benchmark::DoNotOptimize(all->sink.drain().size());
        }
    });
    add_timed(plain, [=, table = std::shared_ptr<plain_scheme>{}](benchmark::State& state) mutable {
        if (!table) {
            table = filled_table(at.fresh("table"), syncs, size);
        }
        for (auto _ : state) {
            require(table->delegate("planner", "newcomer", {{"/ws/new/place"}}));
            require(table->reclaim("newcomer"));
        }
    });
    compare_time("delegate and reclaim on a journal" + at.name + ", " + std::to_string(size) +
                     " live pods",
                 ours, plain, limit);
}

const on_load here{[] {
    using podscope::durability;
    for (const std::size_t size : {10U, 100U, 1'000U}) {
        add_for<durability::process>({"", false}, size, std::nullopt);
    }
    const setting syncing{", power durability", false};
    add_for<durability::power>(syncing, 1'000, 1.0 / 12);
    add_for<durability::power>(syncing, 10'000, 1.0 / 100);
    if (std::filesystem::is_directory(memory_file_system)) {
        add_for<durability::process>({", in memory", true}, 1'000, 1.0 / 100);
    }
}};

} // namespace
} // namespace podscope_bench
