// SPDX-License-Identifier: BSL-1.0
// A commit that a loss of power cannot take back, against what the disk alone asks for it.
#include "support/filled_journal.hpp"
#include "support/measure.hpp"
#include "support/population.hpp"
#include "support/scratch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/podscope.hpp>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace podscope_bench {
namespace {

using journal = podscope::basic_journal<podscope::pod_schema>;

constexpr std::size_t live_pods = 1'000;

// As long as what a delegation adds to the journal.
std::size_t bytes_of_one() {
    const auto path = fresh("measured");
    basic_population<journal> all{journal::open(path, {.room = 0}).value(), 0};
    const auto before = std::filesystem::file_size(path + "/journal");
    must(all.planner.delegate(newcomer(0)));
    return std::filesystem::file_size(path + "/journal") - before;
}

class appended_file {
public:
    explicit appended_file(std::size_t length)
        : file_{::open(fresh("raw").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)},
          bytes_(length, 'x') {}

    appended_file(const appended_file&) = delete;
    appended_file& operator=(const appended_file&) = delete;

    ~appended_file() { ::close(file_); }

    void append() {
        if (::pwrite(file_, bytes_.data(), bytes_.size(), end_) < 0 || ::fdatasync(file_) != 0) {
            throw std::runtime_error{"the disk does not write"};
        }
        end_ += static_cast<off_t>(bytes_.size());
    }

private:
    int file_;
    std::string bytes_;
    off_t end_ = 0;
};

std::atomic<std::size_t> number{0};

// As many threads as will be at work, so that the journal has learnt how many come together.
void warm_up(basic_population<journal>& all, int threads) {
    std::vector<std::thread> crew;
    for (int i = 0; i != threads; ++i) {
        crew.emplace_back([&all] {
            for (int times = 0; times != 8; ++times) {
                must(all.planner.delegate(newcomer(++number)));
            }
        });
    }
    for (auto& one : crew) {
        one.join();
    }
}

// Each time another child.
void delegate_by_threads(benchmark::State& state) {
    static std::shared_ptr<basic_population<journal>> common;
    if (state.thread_index() == 0) {
        common = filled_journal<journal>(fresh("journal"), live_pods);
        warm_up(*common, state.threads());
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(must(common->planner.delegate(newcomer(++number))));
    }
    if (state.thread_index() == 0) {
        common.reset();
    }
}

const on_load here{[] {
    const std::string raw = "an append of as many bytes to a file, with a sync";
    add_timed(raw, [](benchmark::State& state) {
        appended_file file{bytes_of_one()};
        for (auto _ : state) {
            file.append();
        }
    });
    const std::string by_one = "delegate on a journal, power durability";
    const std::string by_eight = by_one + ", 8 threads";
    add_timed(by_one, delegate_by_threads);
    add_timed(by_eight, delegate_by_threads, 8);
    compare_time(by_one, by_one, raw, 1.15);
    compare_time(by_eight, by_eight, by_one, 1.0 / 3);
}};

} // namespace
} // namespace podscope_bench
