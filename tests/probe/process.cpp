// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "support/catch.hpp"

#include <podscope/probe/process.hpp>
#include <podscope/probe/this_process.hpp>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

verdict look(const process_identity& owner) {
    // Long past: this probe never waits, and so never needs the time.
    return ask(process_probe{}, {.pod = "p", .owner = owner}, deadline{});
}

/// Gives up every right of root, the group's among them: it sees what /proc hides.
bool become_nobody() {
    constexpr unsigned nobody = 65534;
    return ::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0;
}

/// Forks into a given pid; -1 with errno if it may not.
pid_t fork_as(pid_t pid) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    arguments.set_tid = reinterpret_cast<std::uintptr_t>(&pid);
    arguments.set_tid_size = 1;
    return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

std::int64_t ticks_since_boot() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const auto per_second = ::sysconf(_SC_CLK_TCK);
    return now.tv_sec * per_second + now.tv_nsec * per_second / 1'000'000'000;
}

} // namespace

TEST_CASE("a living process is reachable and a killed one is missing") {
    child_process child{[](voice v) {
        v.say(this_process().value());
        hang();
    }};
    const auto identity = child.identity();
    CHECK(look(identity) == verdict::reachable);
    CHECK(look(this_process().value()) == verdict::reachable);
    child.kill_and_reap();
    CHECK(look(identity) == verdict::missing);
}

TEST_CASE("F08 F21 a stopped process is alive") {
    const child_process child{[](voice v) {
        v.say(this_process().value());
        hang();
    }};
    const auto identity = child.identity();
    child.stop();
    CHECK(look(identity) == verdict::reachable);
}

TEST_CASE("F11 a process of another boot is missing") {
    auto identity = this_process().value();
    ++identity.boot.low;
    CHECK(look(identity) == verdict::missing);
    SECTION("even if its pid namespace is not this one") {
        ++identity.pid_namespace;
        CHECK(look(identity) == verdict::missing);
    }
    SECTION("but no boot at all says nothing") {
        identity.boot = {};
        CHECK(look(identity) == verdict::unknown);
    }
}

TEST_CASE("F17 a process whose start time differs is missing") {
    auto identity = this_process().value();
    ++identity.start_time;
    CHECK(look(identity) == verdict::missing);
    identity.start_time -= 2;
    CHECK(look(identity) == verdict::missing);
}

TEST_CASE("F17 a process whose pid was given to another is missing") {
    child_process first{[](voice v) {
        v.say(this_process().value());
        hang();
    }};
    const auto old = first.identity();
    first.kill_and_reap();
    REQUIRE(eventually(
        [&] { return ticks_since_boot() > static_cast<std::int64_t>(old.start_time) + 1; }));
    const auto again = fork_as(first.pid());
    if (again == 0) {
        hang();
    }
    if (again < 0) {
        PODSCOPE_SKIP("may not choose a pid: " + std::generic_category().message(errno));
    }
    REQUIRE(again == first.pid());
    const auto present = identity_of(again);
    const auto old_verdict = look(old);
    const auto new_verdict = present ? look(*present) : verdict::unknown;
    ::kill(again, SIGKILL);
    ::waitpid(again, nullptr, 0);
    CHECK(old_verdict == verdict::missing);
    CHECK(new_verdict == verdict::reachable);
}

TEST_CASE("F18 nobody and pids that no process can have are missing") {
    CHECK(look({}) == verdict::missing);
    for (const std::int64_t pid : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 32,
                                   (std::int64_t{1} << 32) + ::getpid()}) {
        auto identity = this_process().value();
        identity.pid = pid;
        CHECK(look(identity) == verdict::missing);
    }
}

TEST_CASE("F18 a zombie is missing") {
    const child_process child{[](voice v) { v.say(this_process().value()); }};
    const auto identity = child.identity();
    child.await_exit();
    CHECK(::kill(child.pid(), 0) == 0);
    CHECK(look(identity) == verdict::missing);
}

TEST_CASE("F18 a process whose first thread has ended and another goes on is alive") {
    const child_process child{[](voice v) {
        v.say(this_process().value());
        std::thread{[v] {
            const auto stat = "/proc/" + std::to_string(::getpid()) + "/stat";
            const bool ended = eventually([&] {
                const auto text = probe_detail::read_proc_file(stat);
                return text && text->find(") Z ") != std::string::npos;
            });
            v.say(std::string{ended ? "first thread is a zombie" : "it is not"});
            hang();
        }}.detach();
        // pthread_exit would unwind through the test; this ends the thread and nothing else.
        ::syscall(SYS_exit, 0);
    }};
    const auto identity = child.identity();
    REQUIRE(child.line() == "first thread is a zombie");
    CHECK(look(identity) == verdict::reachable);
}

TEST_CASE("F18 another user's process is alive") {
    const auto parent = this_process().value();
    const child_process child{[&](voice v) {
        if (!become_nobody()) {
            v.say(std::string{"refused"});
            return;
        }
        v.say(std::string{::kill(static_cast<pid_t>(parent.pid), 0) != 0 && errno == EPERM
                              ? "another user"
                              : "same user"});
        v.say(look(parent));
    }};
    if (child.line() != "another user") {
        PODSCOPE_SKIP("may not change the user");
    }
    CHECK(child.line() == "reachable");
}

TEST_CASE("a process that proc hides is unknown and a gone one missing") {
    const auto options = GENERATE(as<std::string>{}, "hidepid=1", "hidepid=2");
    const auto parent = this_process().value();
    child_process killed{[](voice v) {
        v.say(this_process().value());
        hang();
    }};
    const auto gone = killed.identity();
    killed.kill_and_reap();
    const child_process zombie{[](voice v) { v.say(this_process().value()); }};
    const auto exited = zombie.identity();
    zombie.await_exit();

    const child_process child{[&](voice v) {
        const bool ready = ::unshare(CLONE_NEWNS) == 0 &&
                           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                           ::mount("proc", "/proc", "proc", 0, options.c_str()) == 0 &&
                           become_nobody();
        const auto self = this_process();
        if (!ready || !self || probe_detail::read_stat(std::to_string(parent.pid))) {
            v.say(std::string{"refused"});
            return;
        }
        v.say(std::string{"hidden"});
        v.say(look(*self));
        v.say(look(parent));
        auto reused = parent;
        ++reused.start_time;
        v.say(look(reused));
        v.say(look(gone));
        v.say(look(exited));
    }};
    if (child.line() != "hidden") {
        PODSCOPE_SKIP("may not mount a proc that hides processes");
    }
    CHECK(child.line() == "reachable");
    CHECK(child.line() == "unknown");
    CHECK(child.line() == "unknown");
    CHECK(child.line() == "missing");
    CHECK(child.line() == "missing");
}

TEST_CASE("without a proc a living process is unknown and a gone one too") {
    const auto parent = this_process().value();
    const child_process child{[&](voice v) {
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", "/proc", "tmpfs", 0, nullptr) != 0) {
            v.say(std::string{"refused"});
            return;
        }
        v.say(
            std::string{this_process() ? "answered" : to_string(this_process().error().category)});
        v.say(look(parent));
        auto impossible = parent;
        impossible.pid = 0;
        v.say(look(impossible));
    }};
    if (const auto first = child.line(); first == "refused") {
        PODSCOPE_SKIP("may not mount");
    } else {
        CHECK(first == "io");
    }
    CHECK(child.line() == "unknown");
    CHECK(child.line() == "missing");
}

TEST_CASE("where a pidfd cannot be had the pid itself is asked for") {
    const child_process alive{[](voice) { hang(); }};
    child_process killed{[](voice) { hang(); }};
    killed.kill_and_reap();
    const child_process zombie{[](voice) {}};
    zombie.await_exit();
    const child_process child{[&](voice v) {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_NOFILE, &none);
        for (const auto pid : {alive.pid(), killed.pid(), zombie.pid()}) {
            v.say(std::string{probe_detail::surely_exited(pid) ? "exited" : "may live"});
        }
    }};
    CHECK(child.line() == "may live");
    CHECK(child.line() == "exited");
    CHECK(child.line() == "may live");
}

TEST_CASE("without descriptors a living process is unknown and never missing") {
    const auto parent = this_process().value();
    const child_process child{[&](voice v) {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_NOFILE, &none);
        v.say(look(parent));
    }};
    CHECK(child.line() == "unknown");
}

TEST_CASE("F53 a process of another pid namespace is unknown") {
    auto identity = this_process().value();
    ++identity.pid_namespace;
    CHECK(look(identity) == verdict::unknown);
    identity.pid = 1;
    CHECK(look(identity) == verdict::unknown);
}

TEST_CASE("F53 holders in real pid namespaces are unknown to each other") {
    const auto here = this_process().value();
    const child_process child{[&](voice v) {
        if (::unshare(CLONE_NEWPID) != 0) {
            v.say(std::string{"refused"});
            return;
        }
        v.say(std::string{"inside"});
        const child_process init{[&](voice) {
            v.say(this_process().value());
            v.say(look(here));
            // With the outer /proc, whose pids are others: nothing can be said of a neighbour
            // except that it has exited.
            child_process neighbour{[](voice w) {
                w.say(this_process().value());
                hang();
            }};
            const auto identity = neighbour.identity();
            v.say(look(identity));
            neighbour.kill_and_reap();
            v.say(look(identity));
            hang();
        }};
        hang();
    }};
    if (child.line() != "inside") {
        PODSCOPE_SKIP("may not make a pid namespace");
    }
    const auto inside = child.identity();
    CHECK(look(inside) == verdict::unknown);
    CHECK(child.line() == "unknown");
    CHECK(child.line() == "unknown");
    CHECK(child.line() == "missing");
}

TEST_CASE("each subject gets its own verdict") {
    const auto self = this_process().value();
    auto other = self;
    ++other.start_time;
    auto elsewhere = self;
    ++elsewhere.pid_namespace;
    const auto verdicts = ask_all(process_probe{}, {{.pod = "a", .owner = self},
                                                    {.pod = "b", .owner = other},
                                                    {.pod = "c", .owner = elsewhere},
                                                    {.pod = "d"},
                                                    {.pod = "e", .owner = self}});
    CHECK(verdicts == std::vector{verdict::reachable, verdict::missing, verdict::unknown,
                                  verdict::missing, verdict::reachable});
    CHECK(ask_all(process_probe{}, {}).empty());
}
