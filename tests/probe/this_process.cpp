// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/probe/this_process.hpp>
#include <podscope/probe/vantage.hpp>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

std::string text_of(const char* path) {
    std::ifstream file{path};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

} // namespace

TEST_CASE("this_process says boot and pid namespace and pid and start time") {
    const auto self = this_process();
    REQUIRE(self);
    CHECK(self->boot.to_text() + '\n' == text_of("/proc/sys/kernel/random/boot_id"));
    struct stat facts{};

    REQUIRE(::stat("/proc/self/ns/pid", &facts) == 0);
    CHECK(self->pid_namespace == facts.st_ino);
    CHECK(self->pid == ::getpid());
    CHECK_FALSE(self->is_nobody());

    // The start time is the 20th word after the command's name, which has no parenthesis here.
    const auto stat = text_of("/proc/self/stat");
    std::istringstream words{stat.substr(stat.find(')') + 1)};
    std::string word;
    for (int field = 3; field <= 22; ++field) {
        words >> word;
    }
    CHECK(std::to_string(self->start_time) == word);
}

TEST_CASE("this_process is the same from every thread", "[concurrent]") {
    result<process_identity> from_thread;
    std::thread{[&] { from_thread = this_process(); }}.join();
    REQUIRE(from_thread);
    CHECK(*from_thread == this_process().value());
}

TEST_CASE("F22 a forked copy is another process than the one it was copied from") {
    const auto parent = this_process().value();
    const child_process child{[](voice v) {
        v.say(this_process().value());
        hang();
    }};
    const auto identity = child.identity();
    CHECK(identity.pid == child.pid());
    CHECK(identity.boot == parent.boot);
    CHECK(identity.pid_namespace == parent.pid_namespace);
    CHECK(identity.start_time >= parent.start_time);
    CHECK(identity != parent);
    CHECK(identity_of(child.pid()).value() == identity);
}

TEST_CASE("an identity survives exec and a hostile command name") {
    const child_process child{[](voice v) {
        v.say(this_process().value());
        ::prctl(PR_SET_NAME, "x) Z 1 (2\n3) ");
        v.say(this_process().value());
        ::execl("/bin/sleep", "sleep", "1000", nullptr);
    }};
    const auto before = child.identity();
    const auto renamed = child.identity();
    CHECK(renamed == before);
    const auto comm = "/proc/" + std::to_string(child.pid()) + "/comm";
    REQUIRE(eventually([&] { return text_of(comm.c_str()) == "sleep\n"; }));
    CHECK(identity_of(child.pid()).value() == before);
}

TEST_CASE("a hostile command name moves no field of proc stat") {
    const auto stat = probe_detail::parse_stat(
        "7 (a) Z 1\n (b) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 42 18 4711 20\n");
    REQUIRE(stat);
    CHECK(stat->state == 'R');
    CHECK(stat->threads == 42);
    CHECK(stat->start_time == 4711);
    for (const auto* text : {"", "7", "7 (a)", "7 (a) R 1 2 3",
                             "7 (a) RR 1 2 3 4 5 6 7 8 9 10 11 "
                             "12 13 14 15 16 42 18 4711",
                             "7 (a) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 42 18 x"}) {
        CHECK_FALSE(probe_detail::parse_stat(text));
    }
}

TEST_CASE("identity_of refuses pids that no process has") {
    pid_t gone = 0;
    {
        child_process child{[](voice) {}};
        gone = child.pid();
        child.kill_and_reap();
    }
    for (const std::int64_t pid :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{gone}, std::int64_t{1} << 40}) {
        const auto refused = identity_of(pid);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().category == errc::io);
        CHECK(
            (refused.error().system.value() == ESRCH || refused.error().system.value() == ENOENT));
    }
}

TEST_CASE("start times agree across time namespaces") {
    const auto parent = this_process().value();
    const child_process child{[&](voice v) {
        if (::unshare(CLONE_NEWTIME) != 0) {
            v.say(std::string{"refused"});
            return;
        }
        std::ofstream{"/proc/self/timens_offsets"} << "boottime 5000 0\n";
        // This process is not in the namespace that it made; only its children are.
        v.say(
            std::string{this_process() ? "answered" : to_string(this_process().error().category)});
        const child_process inside{[&](voice) {
            v.say(identity_of(parent.pid).value());
            v.say(this_process().value());
            hang();
        }};
        hang();
    }};
    const auto first = child.line();
    if (first == "refused") {
        PODSCOPE_SKIP("no time namespaces here");
    }
    CHECK(first == "unavailable");
    CHECK(child.identity() == parent);
    const auto inside = child.identity();
    CHECK(identity_of(inside.pid).value() == inside);
}

TEST_CASE("F53 a process that kept the proc of an outer pid namespace knows itself and no other") {
    const child_process child{[](voice v) {
        if (::unshare(CLONE_NEWPID) != 0) {
            v.say(std::string{"refused"});
            return;
        }
        const child_process inside{[&](voice) {
            v.say(std::string{"inside"});
            v.say(this_process().value());
            const auto other = identity_of(1);
            v.say(std::string{other ? "answered" : to_string(other.error().category)});
        }};
        hang();
    }};
    if (child.line() != "inside") {
        PODSCOPE_SKIP("may not make a pid namespace");
    }
    const auto here = this_process().value();
    const auto inside = child.identity();
    CHECK(inside.pid == 1);
    CHECK(inside.pid_namespace != here.pid_namespace);
    CHECK(inside.boot == here.boot);
    CHECK(inside.start_time >= here.start_time);
    CHECK(child.line() == "unavailable");
}

TEST_CASE("F18 a process has exited once all of its threads are gone") {
    const auto has_exited = [](char state, std::uint64_t threads) {
        return probe_detail::process_stat{state, threads, 1}.has_exited();
    };
    for (const char gone : {'Z', 'X', 'x'}) {
        CAPTURE(gone);
        CHECK(has_exited(gone, 1));
        CHECK_FALSE(has_exited(gone, 2));
    }
    for (const char there : {'R', 'S', 'D', 'T', 't', 'I', 'P'}) {
        CAPTURE(there);
        CHECK_FALSE(has_exited(there, 1));
    }
}

TEST_CASE("F53 where proc does not say who a process is nobody is taken for it") {
    struct forgery {
        const char* file;
        const char* text;
    };

    const auto forged = GENERATE(
        forgery{"status", "Name:\tx\n"}, forgery{"status", "NSpid:\n"}, forgery{"status", ""},
        forgery{"stat", "no stat\n"}, forgery{"timens_offsets", "monotonic 0 0\n"},
        forgery{"timens_offsets", "boottime x 0\n"}, forgery{"timens_offsets", "boottime 0 x\n"},
        forgery{"timens_offsets", "boottime 0 1\n"},
        forgery{"timens_offsets", "boottime 9223372036854775807 0\n"},
        forgery{"timens_offsets", "boottime -9223372036854775808 0\n"});
    CAPTURE(forged.file, forged.text);
    const temporary_folder folder;
    const auto path = folder / "forged";
    std::ofstream{path} << forged.text;
    const child_process child{[&](voice v) {
        const auto over = std::string{"/proc/self/"} + forged.file;
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount(path.c_str(), over.c_str(), nullptr, MS_BIND, nullptr) != 0) {
            v.say(std::string{"refused"});
            return;
        }
        const auto self = this_process();
        v.say(std::string{self ? "answered" : to_string(self.error().category)});
        v.say(self ? "" : self.error().path);
    }};
    const auto said = child.line();
    if (said == "refused") {
        PODSCOPE_SKIP("may not mount over a file of proc");
    }
    CHECK(said == "unavailable");
    CHECK(child.line() == std::string{"/proc/self/"} + forged.file);
}
