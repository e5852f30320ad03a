// SPDX-License-Identifier: BSL-1.0
// The processes with which the kits try stores: what becomes of one that cannot be had, that is
// gone, or that is disturbed by signals.
#include "support/catch.hpp"
#include "support/failing_calls.hpp"

#include <podscope/verify/conformance/other_process.hpp>
#include <podscope/verify/conformance/shared_value.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace podscope_test;
using podscope::verify::conformance::other_process;
using podscope::verify::conformance::shared_number;

namespace {

using line = other_process::line;

constexpr int has_thrown = 2;

std::array<int, 2> connected() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    return ends;
}

call_failure when_made(std::uint64_t number, const std::uint64_t* arguments) {
    switch (number) {
    case SYS_socketpair: return EMFILE;
    case SYS_clone:
    case SYS_clone3: return EAGAIN;
    case SYS_mmap: return (arguments[3] & MAP_SHARED) != 0 ? call_failure{ENOMEM} : std::nullopt;
    default: return std::nullopt;
    }
}

call_failure by_signals(std::uint64_t number, const std::uint64_t*) {
    switch (number) {
    case SYS_poll:
    case SYS_ppoll:
    case SYS_read:
    case SYS_wait4: return EINTR;
    default: return std::nullopt;
    }
}

} // namespace

TEST_CASE("parent and child tell each other how far they are") {
    other_process child{[](const line& parent) {
        parent.wait();
        parent.tell();
        return 7;
    }};
    child.stop();
    child.go_on();
    child.tell();
    CHECK(child.wait());
    CHECK_FALSE(child.wait());
    CHECK(child.exit_code() == 7);
}

TEST_CASE("a child that throws or is killed has an exit code of its own") {
    CHECK(other_process{[](const line&) -> int { throw 1; }}.exit_code() == 99);
    CHECK(other_process{[](const line&) { return ::raise(SIGKILL); }}.exit_code() == -1);
}

TEST_CASE("who tells something to one that is gone learns that, by no signal") {
    other_process child{[](const line&) { return 0; }};
    CHECK_FALSE(child.wait());
    CHECK_THROWS_AS(child.tell(), std::runtime_error);
    CHECK_THROWS_AS(child.stop(), std::runtime_error);
    CHECK(child.pid() == -1);
    CHECK_THROWS_AS(child.go_on(), std::runtime_error);

    other_process killed{[](const line&) { return ::raise(SIGKILL); }};
    CHECK_FALSE(killed.wait());
    CHECK_THROWS_AS(killed.stop(), std::runtime_error);

    const shared_number told;
    other_process deaf{[&](const line& parent) {
        while (*told == 0) {
            std::this_thread::yield();
        }
        parent.tell();
        return 0;
    }};
    deaf.tell(); // which nobody reads
    ++*told;
    CHECK(deaf.wait());
    CHECK_FALSE(deaf.wait());

    const auto ends = connected();
    other_process orphan{[&](const line&) {
        ::close(ends[1]);
        line{ends[0]}.wait();
        line{ends[0]}.tell();
        return 0;
    }};
    for (const int end : ends) {
        ::close(end);
    }
    CHECK(orphan.exit_code() == 98);
}

TEST_CASE("how a child has ended is no success where nobody is told") {
    other_process ignoring{[](const line&) {
        ::signal(SIGCHLD, SIG_IGN);
        return other_process{[](const line&) { return 0; }}.exit_code() == -1 ? 0 : 1;
    }};
    CHECK(ignoring.exit_code() == 0);
}

TEST_CASE("a child that says nothing is waited for no longer than one has patience") {
    other_process child{[](const line& parent) {
        parent.wait();
        return 0;
    }};
    CHECK_THROWS_AS(child.wait(std::chrono::milliseconds{0}), std::runtime_error);
    child.tell();
    CHECK_FALSE(child.wait(std::chrono::milliseconds::max()));
}

TEST_CASE("who gets no child is told so") {
    PODSCOPE_NEEDS_PTRACE();
    std::vector<int> ends;
    fail_each_call(
        when_made,
        [] {
            mark_deed();
            int code = has_thrown;
            try {
                const shared_number shared;
                other_process child{[&](const line&) { return ++*shared == 1 ? 0 : 1; }};
                code = child.exit_code() == 0 && *shared == 1 ? 0 : 1;
            } catch (const std::runtime_error&) {}
            mark_deed();
            return code;
        },
        [&](int code) { ends.push_back(code); });
    // The memory, the sockets, the process; and then nothing fails.
    CHECK(ends == std::vector{has_thrown, has_thrown, has_thrown, 0});
}

TEST_CASE("who cannot wait for a child is told so") {
    PODSCOPE_NEEDS_PTRACE();
    std::vector<int> ends;
    const auto fails = [](std::uint64_t number, const std::uint64_t*) {
        return number == SYS_poll || number == SYS_ppoll ? call_failure{ENOMEM} : std::nullopt;
    };
    const auto deed = [] {
        mark_deed();
        const other_process child{[](const line& parent) {
            parent.tell();
            return 0;
        }};
        int code = has_thrown;
        try {
            code = child.wait() ? 0 : 1;
        } catch (const std::runtime_error&) {}
        mark_deed();
        return code;
    };
    fail_each_call(fails, deed, [&](int code) { ends.push_back(code); });
    CHECK(ends == std::vector{has_thrown, 0});
}

TEST_CASE("F14 a signal that comes while one waits for the other process is no matter") {
    PODSCOPE_NEEDS_PTRACE();
    const auto interrupted = fail_each_call(by_signals, [] {
        const auto ends = connected();
        mark_deed();
        other_process child{[](const line& parent) {
            parent.tell();
            return 7;
        }};
        const bool is_told = child.wait();
        const bool is_right = child.exit_code() == 7;
        (void)::write(ends[0], "+", 1);
        line{ends[1]}.wait();
        mark_deed();
        // What was told is not there any more.
        char left{};
        return is_told && is_right && ::recv(ends[1], &left, 1, MSG_DONTWAIT) < 0 ? 0 : 1;
    });
    CHECK(interrupted >= 3);
}
