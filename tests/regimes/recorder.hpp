// SPDX-License-Identifier: BSL-1.0
// How a history is made: processes that do some operations each, while one of them may be killed or
// stopped, and note in memory that they share when each began and when it answered.
#pragma once

#include "regimes/fate.hpp"
#include "regimes/linearisability.hpp"
#include "support/forked.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace regimes {

enum class disturbance { none, kill, stop };

inline constexpr std::size_t most_processes = 4;
inline constexpr std::size_t most_of_each = 12;

/// What the processes share.
template <class Operation>
struct recording {
    static_assert(std::is_trivially_copyable_v<Operation>, "it lies in shared memory");

    struct entry {
        Operation what{};
        std::atomic<std::uint64_t> answered{interval::never};
        std::atomic<bool> refused{};
    };

    struct process_log {
        std::atomic<std::size_t> begun{};
        std::atomic<bool> done{};
        std::array<entry, most_of_each> entries{};
    };

    std::atomic<std::uint64_t> clock{1};
    std::atomic<std::size_t> ready{};
    std::atomic<bool> go{};
    std::array<process_log, most_processes> logs{};
};

/// Notes the operations of one process.
template <class Operation>
class recorder {
public:
    recorder(recording<Operation>& all, std::size_t process)
        : all_{&all},
          log_{&all.logs[process]} {}

    /// Waits for the others, so that nobody is done before all have begun.
    void meet() const {
        all_->ready.fetch_add(1);
        while (!all_->go.load()) {
            ::sched_yield();
        }
    }

    /// Runs `act(operation)`, which does it, fills in what came of it and gives its fate.
    template <class F>
    void record(Operation operation, F&& act) {
        const auto at = log_->begun.load();
        auto& entry = log_->entries.at(at);
        operation.when.begun = all_->clock.fetch_add(1);
        entry.what = operation;
        log_->begun.store(at + 1);
        const fate became = act(operation);
        if (became == fate::refused) {
            entry.refused.store(true);
        }
        if (became != fate::answered) {
            return;
        }
        operation.when = {.begun = entry.what.when.begun, .answered = interval::never};
        entry.what = operation;
        entry.answered.store(all_->clock.fetch_add(1));
    }

private:
    recording<Operation>* all_;
    typename recording<Operation>::process_log* log_;
};

/// A history as it was recorded.
template <class Operation>
struct history {
    std::vector<Operation> operations{};
    std::uint64_t next_stamp{}; ///< for what is done once all is over
    std::uint64_t refused{};    ///< operations that are left out, since they have not happened
    bool was_disturbed{};       ///< in the middle: the process had not done all it had to do
    bool was_struck{};          ///< in the middle, what they all use
};

/// Strikes what all processes use, such as a server. Empty for nothing.
using blow_to_all = std::function<void()>;

/// Runs `body(process, recorder)` in each of some processes.
template <class Operation, class Body>
[[nodiscard]] history<Operation> make_history(std::size_t processes,
                                              disturbance how,
                                              const blow_to_all& strike,
                                              std::mt19937_64& random,
                                              Body&& body) {
    const podscope_test::shared<recording<Operation>> all;
    std::vector<pid_t> pids;
    for (std::size_t process = 0; process != processes; ++process) {
        pids.push_back(::fork());
        if (pids.back() == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            try {
                recorder<Operation> notes{*all, process};
                body(process, notes);
                all->logs[process].done.store(true);
            } catch (const std::exception& e) {
                std::fprintf(stderr, "a process of a history gave up: %s\n", e.what());
                ::_exit(1);
            }
            ::_exit(0);
        }
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    std::size_t gone = 0;
    std::string in_vain;
    const auto reap = [&](int flags) {
        int status{};
        const auto pid = ::waitpid(-1, &status, flags);
        if (pid > 0) {
            ++gone;
            const bool was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
            if (!was_killed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
                in_vain = std::ranges::find(pids, pid) == pids.end() ? "what keeps the store"
                                                                     : "a process of a history";
                in_vain += " ended with status " + std::to_string(status);
            }
        }
        return pid > 0;
    };
    const auto await = [&](auto&& happened) {
        const auto begun = std::chrono::steady_clock::now();
        while (!happened()) {
            while (reap(WNOHANG)) {}
            if (gone == processes || !in_vain.empty()) {
                return;
            }
            const auto now = std::chrono::steady_clock::now();
            if (now > until) {
                in_vain = "a history has not ended in time";
                return;
            }
            if (now < begun + std::chrono::milliseconds{5}) {
                ::sched_yield();
            } else {
                ::usleep(200);
            }
        }
    };
    await([&] { return all->ready.load() == processes; });
    all->go.store(true);

    history<Operation> made;
    if (strike) {
        const auto begun = all->clock.load() + random() % (4 * processes);
        await([&] { return all->clock.load() > begun; });
        strike();
        made.was_struck = std::ranges::any_of(std::span{all->logs}.first(processes),
                                              [](const auto& log) { return !log.done.load(); });
    }
    if (how != disturbance::none) {
        const auto victim = random() % processes;
        auto& log = all->logs[victim];
        const auto moment = 1 + random() % 3;
        const auto delay = random() % 3'000;
        await([&] { return log.begun.load() >= moment; });
        for (std::uint64_t i = 0;
             i != delay && log.entries[moment - 1].answered.load() == interval::never; ++i) {}
        const auto clock_then = all->clock.load();
        ::kill(pids[victim], how == disturbance::kill ? SIGKILL : SIGSTOP);
        if (how == disturbance::stop) {
            // The others go on, as far as they come without it.
            const auto others = clock_then + 1 + random() % 12;
            const auto enough = std::chrono::steady_clock::now() + std::chrono::milliseconds{15};
            await([&] {
                return all->clock.load() >= others || std::chrono::steady_clock::now() > enough;
            });
            made.was_disturbed = !log.done.load();
            ::kill(pids[victim], SIGCONT);
        }
    }
    await([&] { return gone == processes; });
    for (const auto pid : pids) {
        if (gone != processes) {
            ::kill(pid, SIGKILL);
        }
    }
    while (gone != processes) {
        reap(0);
    }
    if (!in_vain.empty()) {
        throw std::runtime_error{in_vain};
    }
    for (std::size_t process = 0; process != processes; ++process) {
        auto& log = all->logs[process];
        for (std::size_t i = 0; i != log.begun.load(); ++i) {
            if (log.entries[i].refused.load()) {
                ++made.refused;
                continue;
            }
            auto one = log.entries[i].what;
            one.when.answered = log.entries[i].answered.load();
            made.operations.push_back(one);
        }
        made.was_disturbed = made.was_disturbed || !log.done.load();
    }
    made.next_stamp = all->clock.load();
    return made;
}

} // namespace regimes
