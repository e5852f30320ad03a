// SPDX-License-Identifier: BSL-1.0
// The system calls of a process, by strace: which there are, and a process killed at one of them.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace regimes {

/// What the process calls before and after what it is watched at: nobody else does.
inline void mark_system_calls() {
    (void)::getsid(0);
}

/// The first and the last of some calls of one name, counted from 1 since the process began.
struct call_range {
    std::uint64_t first{};
    std::uint64_t last{};
};

using call_ranges = std::map<std::string, call_range>;

/// How a process ended.
enum class ending { done, failed, killed };

/// Runs a program and waits for it.
[[nodiscard]] inline ending run_program(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (auto& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    const auto pid = ::fork();
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    int status{};
    while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    // strace ends as what it watched has ended.
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL         ? ending::killed
           : pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ending::done
                                                                      : ending::failed;
}

/// Whether strace is there, and may watch a process.
[[nodiscard]] inline bool can_trace() {
    return run_program({"strace", "-qq", "-o", "/dev/null", "true"}) == ending::done;
}

/// The calls that a program makes after one mark up to another one, which is the last of them. Its
/// forked copies are not watched.
[[nodiscard]] inline call_ranges traced_calls(const std::vector<std::string>& program,
                                              const std::string& report) {
    std::vector<std::string> words{"strace", "-qq", "-o", report};
    words.insert(words.end(), program.begin(), program.end());
    if (run_program(std::move(words)) != ending::done) {
        throw std::runtime_error{"a process failed that was only watched"};
    }
    std::map<std::string, std::uint64_t> counts;
    call_ranges between;
    std::ifstream lines{report};
    for (std::string line; std::getline(lines, line);) {
        // What else there is are signals: "--- SIGCHLD {…} ---".
        const auto name = line.substr(0, line.find('('));
        if (name.empty() || name.front() == '-' || name.size() == line.size()) {
            continue;
        }
        const auto number = ++counts[name];
        const auto marks = counts["getsid"];
        if (name == "getsid" ? marks == 2 : marks == 1) {
            between.try_emplace(name, call_range{number, number}).first->second.last = number;
        }
    }
    if (counts["getsid"] != 2) {
        throw std::runtime_error{"a process was watched and made no marks"};
    }
    return between;
}

/// Runs a program and kills it on its way into the call of that name and number, before the system
/// does anything for it.
[[nodiscard]] inline ending run_and_kill(const std::vector<std::string>& program,
                                         const std::string& name,
                                         std::uint64_t number) {
    std::vector<std::string> words{
        "strace", "-qq",
        "-o",     "/dev/null",
        "-e",     "trace=" + name,
        "-e",     "inject=" + name + ":signal=SIGKILL:when=" + std::to_string(number)};
    words.insert(words.end(), program.begin(), program.end());
    return run_program(std::move(words));
}

} // namespace regimes
