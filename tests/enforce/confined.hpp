// SPDX-License-Identifier: BSL-1.0
// Plain system calls, made by a process that is confined, and what the kernel said to each.
#pragma once

#include "support/catch.hpp"
#include "support/forked.hpp"
#include "support/results.hpp"

#include <podscope/enforce/landlock_ruleset.hpp>
#include <podscope/enforce/prepared_confinement.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/scope.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podscope_test {

inline constexpr int abi_needed = 3;

/// What the kernel says to a system call: 0, or the `errno`.
[[nodiscard]] inline int code_of(long answer) {
    return answer < 0 ? errno : 0;
}

[[nodiscard]] inline int try_open(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0600);
    const int code = code_of(fd);
    if (fd >= 0) {
        ::close(fd);
    }
    return code;
}

[[nodiscard]] inline int try_write(const std::string& path) {
    return try_open(path, O_WRONLY | O_CREAT);
}

[[nodiscard]] inline int try_read(const std::string& path) {
    return try_open(path, O_RDONLY);
}

[[nodiscard]] inline int try_make_folder(const std::string& path) {
    return code_of(::mkdir(path.c_str(), 0700));
}

using deed = std::function<int()>;

/// Runs the deeds one after the other in a forked process, and gives what each returned. What must
/// come before them, as a confinement, is `first`: a process for which that gives another number
/// than 0 does nothing.
template <class First>
[[nodiscard]] std::vector<int> codes_after(First&& first, const std::vector<deed>& deeds) {
    struct answers {
        int first;
        std::array<int, 64> codes;
    };

    REQUIRE(deeds.size() <= answers{}.codes.size());
    const shared<answers> given;
    forked_process process{[&] {
        given->first = first();
        for (std::size_t i = 0; given->first == 0 && i != deeds.size(); ++i) {
            given->codes[i] = deeds[i]();
        }
        return 0;
    }};
    REQUIRE(process.status() == 0);
    REQUIRE(given->first == 0);
    return {given->codes.begin(), given->codes.begin() + static_cast<std::ptrdiff_t>(deeds.size())};
}

[[nodiscard]] inline std::vector<int>
codes_within(const podscope::enforce::prepared_confinement& walls, const std::vector<deed>& deeds) {
    return codes_after([&] { return walls.restrict_self(); }, deeds);
}

/// A rule, of a path.
[[nodiscard]] inline podscope::scope_rule
rule_at(const std::string& path, podscope::permission access, bool recursive = true) {
    return {must(podscope::lexical_path{}.resolve(path)), access, recursive};
}

[[nodiscard]] inline podscope::scope_rule may_write(const std::string& path) {
    return rule_at(path, podscope::permission::write);
}

[[nodiscard]] inline podscope::scope_rule may_read(const std::string& path) {
    return rule_at(path, podscope::permission::read);
}

[[nodiscard]] inline podscope::scope scope_of(std::vector<podscope::scope_rule> allow,
                                              const std::vector<podscope::scope_rule>& deny = {}) {
    std::vector<podscope::deny_layer> layers;
    for (const auto& rule : deny) {
        layers.push_back({rule, {}});
    }
    return podscope::scope{std::move(allow), layers};
}

} // namespace podscope_test

/// Leaves a test case where the kernel here cannot confine.
#define NEEDS_LANDLOCK()                                                          \
    do {                                                                          \
        if (podscope::enforce::landlock::abi() < podscope_test::abi_needed) {     \
            PODSCOPE_SKIP("the kernel here has no Landlock with ABI 3 or later"); \
        }                                                                         \
    } while (false)
