// SPDX-License-Identifier: BSL-1.0
// How long a journal takes to open, against reading its file and making nothing of it.
#include "support/measure.hpp"
#include "support/population.hpp"
#include "support/scratch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/podscope.hpp>

#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace podscope_bench {
namespace {

using journal = podscope::basic_journal<podscope::pod_schema, podscope::durability::process>;

constexpr std::size_t live_claims = 1'000'000;

// The folder of a journal with that many, made once.
const std::string& filled() {
    static const std::string folder = [] {
        auto made = fresh("journal");
        const basic_population<journal> all{must(journal::open(made)), live_claims};
        return made;
    }();
    return folder;
}

std::size_t read_whole(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    std::vector<char> piece(std::size_t{1} << 20);
    std::size_t sum = 0;
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) ||
           file.gcount() != 0) {
        sum += static_cast<std::size_t>(file.gcount());
    }
    if (sum == 0) {
        throw std::runtime_error{"there is nothing in " + path};
    }
    return sum;
}

const on_load here{[] {
    const std::string ours = "open a journal of 1 000 000 live claims";
    const std::string plain = "read the file of 1 000 000 live claims";
    add_timed(ours, [](benchmark::State& state) {
        const auto& folder = filled();
        for (auto _ : state) {
            benchmark::DoNotOptimize(must(journal::open(folder)).generation());
        }
    });
    add_timed(plain, [](benchmark::State& state) {
        const auto file = filled() + "/journal";
        for (auto _ : state) {
            benchmark::DoNotOptimize(read_whole(file));
        }
    });
    compare_time(ours + ", against a plain read of its file", ours, plain);
}};

} // namespace
} // namespace podscope_bench
