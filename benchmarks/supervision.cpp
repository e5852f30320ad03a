// SPDX-License-Identifier: BSL-1.0
// How soon a child that is killed has lost its scope to its parent, against how soon anybody can
// know that a process has died.
#include "support/measure.hpp"
#include "support/must.hpp"

#include <podscope/pod/watcher.hpp>
#include <podscope/podscope.hpp>
#include <podscope/probe/vantage.hpp>

#include <csignal>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podscope_bench {
namespace {

namespace rules = podscope::rules;

// A process that does nothing, until it is killed. A program of its own: a forked copy of this one
// would take as long to go as there is memory to give back.
class idle_process {
public:
    idle_process() {
        std::string name{"sleep"};
        std::string time{"1000"};
        char* const arguments[]{name.data(), time.data(), nullptr};
        if (::posix_spawnp(&pid_, "sleep", nullptr, nullptr, arguments, environ) != 0) {
            throw std::runtime_error{"no process"};
        }
    }

    idle_process(const idle_process&) = delete;
    idle_process& operator=(const idle_process&) = delete;

    ~idle_process() {
        kill();
        ::waitpid(pid_, nullptr, 0);
    }

    [[nodiscard]] pid_t pid() const { return pid_; }

    void kill() const { ::kill(pid_, SIGKILL); }

    [[nodiscard]] podscope::process_identity identity() const {
        auto who = must(podscope::calling_process{}.self());
        const auto here = must(podscope::probe_detail::present_vantage());
        who.pid = pid_;
        who.start_time =
            here.shared_start_time(must(podscope::probe_detail::read_stat(std::to_string(pid_))));
        return who;
    }

private:
    pid_t pid_{};
};

void wait_for(int descriptor) {
    pollfd ready{descriptor, POLLIN, 0};
    if (::poll(&ready, 1, 10'000) != 1) {
        throw std::runtime_error{"nothing has happened"};
    }
}

// A parent and its children, each in the name of a process of its own.
class team {
public:
    using parts = podscope::runtime_parts<podscope::basic_memory<podscope::pod_schema>,
                                          podscope::memory_sessions,
                                          podscope::process_probe,
                                          podscope::queue_sink,
                                          podscope::lexical_path,
                                          podscope::reclaim_and_fence,
                                          podscope::system_clocks,
                                          podscope::given_process>;

    void add_child_of(const idle_process& process) {
        const auto given =
            must(planner_.delegate(podscope::manifest{"child"}.may(rules::write("/ws/child"))));
        child_ = std::make_unique<podscope::basic_pod<parts>>(
            must(runtime_of(process.identity()).adopt(given)));
    }

    // Until the watcher knows of it.
    void watch() {
        while (watcher_.size() != 1) {
            wait_for(watcher_.descriptor());
            must(watcher_.attend());
        }
    }

    void wait_until_reclaimed() {
        for (;;) {
            wait_for(watcher_.descriptor());
            if (must(watcher_.attend()).changed()) {
                return;
            }
        }
    }

private:
    [[nodiscard]] podscope::basic_runtime<parts> runtime_of(podscope::process_identity who) const {
        return podscope::basic_runtime<parts>{
            parts{backend_, sessions_, {}, {}, {}, {}, {}, {std::move(who)}}};
    }

    podscope::basic_memory<podscope::pod_schema> backend_{};
    podscope::memory_sessions sessions_{};
    podscope::basic_pod<parts> planner_{
        must(runtime_of(must(podscope::calling_process{}.self()))
                 .create(podscope::manifest{"planner"}.may(rules::write("/ws"))))};
    podscope::basic_watcher<parts> watcher_{must(podscope::basic_watcher<parts>::over(planner_))};
    std::unique_ptr<podscope::basic_pod<parts>> child_{};
};

const on_load here{[] {
    const std::string ours = "a killed child's scope is back, by a watcher";
    const std::string bare = "a killed process is known to be dead, by a bare pidfd";
    add_timed(ours, [](benchmark::State& state) {
        team all;
        for (auto _ : state) {
            state.PauseTiming();
            const idle_process child;
            all.add_child_of(child);
            all.watch();
            state.ResumeTiming();
            child.kill();
            all.wait_until_reclaimed();
        }
    });
    add_timed(bare, [](benchmark::State& state) {
        for (auto _ : state) {
            state.PauseTiming();
            const idle_process child;
            const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, child.pid(), 0U));
            state.ResumeTiming();
            child.kill();
            wait_for(descriptor);
            state.PauseTiming();
            ::close(descriptor);
            state.ResumeTiming();
        }
    });
    compare_time(ours + ", against a bare pidfd", ours, bare);
    add_row([ours](const costs& found) {
        return row{.name = ours, .unit = "ns", .value = found.time_of(ours), .limit = 10'000'000};
    });
}};

} // namespace
} // namespace podscope_bench
