// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "probe/sockets.hpp"
#include "support/catch.hpp"

#include <podscope/probe/unix_socket.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

/// A process that says a text to each caller.
auto answering(const plain_socket& door, std::string text) {
    return [&door, text](voice) {
        for (;;) {
            door.answer(text);
        }
    };
}

template <class... Verdicts>
std::size_t count(const std::vector<verdict>& all, Verdicts... wanted) {
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](verdict v) { return ((v == wanted) || ...); }));
}

constexpr std::size_t many_sockets = 1'000;

/// Whether this process may have that many descriptors open from now on.
bool may_open(rlim_t descriptors) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur >= descriptors;
}

/// Sockets at which nobody answers, and who is to be asked there.
void open_many(const temporary_folder& folder,
               std::vector<plain_socket>& doors,
               std::vector<probe_subject>& subjects) {
    for (std::size_t i = 0; i < many_sockets; ++i) {
        doors.emplace_back(folder / std::to_string(i));
        subjects.push_back(at(folder / std::to_string(i)));
    }
}

} // namespace

TEST_CASE("a socket that greets as the subject is reachable and as another is missing") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const child_process server{answering(door, "podscope 1 p 7\n")};
    CHECK(ask(unix_socket_probe{}, at(folder / "s")) == verdict::reachable);
    CHECK(ask(unix_socket_probe{}, at(folder / "s", "p", 8)) == verdict::missing);
    CHECK(ask(unix_socket_probe{}, at(folder / "s", "q")) == verdict::missing);
}

TEST_CASE("a socket that says anything else or hangs up is unreachable at once") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const auto text = GENERATE(as<std::string>{}, "", "podscope 1 p", "hello\n", "hello");
    const child_process server{answering(door, text)};
    // It would wait for an hour otherwise, and the test would be stopped.
    CHECK(ask(unix_socket_probe{}, at(folder / "s"), in(1h)) == verdict::unreachable);
}

TEST_CASE("a later version of the greeting is unknown") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const child_process server{answering(door, "podscope 2 whatever\n")};
    CHECK(ask(unix_socket_probe{}, at(folder / "s")) == verdict::unknown);
}

TEST_CASE("a greeting that comes byte by byte is heard whole") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const child_process server{[&](voice) {
        const int caller = door.accept();
        for (const char c : std::string_view{"podscope 1 p 7\n"}) {
            // Not before the last one was taken, so that each is a reading of its own.
            int unread = 1;
            while (::ioctl(caller, TIOCOUTQ, &unread) == 0 && unread != 0) {
                ::sched_yield();
            }
            (void)::send(caller, &c, 1, MSG_NOSIGNAL);
        }
        hang();
    }};
    CHECK(ask(unix_socket_probe{}, at(folder / "s")) == verdict::reachable);
}

TEST_CASE("F20 a socket that is gone or that nobody listens at is unreachable at once") {
    const temporary_folder folder;
    const plain_socket deaf{folder / "deaf", plain_socket::kind::bound};
    { const plain_socket stale{folder / "stale"}; }
    std::ofstream{folder / "file"} << "no socket";
    const auto verdicts =
        ask_all(unix_socket_probe{},
                {at(folder / "gone"), at(folder / "deaf"), at(folder / "stale"),
                 at(folder / "file"), at(folder / "no/folder/s"), at(folder / "file/s")},
                in(1h));
    CHECK(verdicts == std::vector(6, verdict::unreachable));
}

TEST_CASE("F20 a socket that never answers is unreachable and one that answers late too") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const auto until = in(a_while);
    CHECK(ask(unix_socket_probe{}, at(folder / "s"), until) == verdict::unreachable);
    CHECK(std::chrono::steady_clock::now() >= until);
    // It answers now, too late for the first caller, and in time for the next.
    const child_process server{answering(door, "podscope 1 p 7\n")};
    CHECK(ask(unix_socket_probe{}, at(folder / "s")) == verdict::reachable);
}

TEST_CASE("an answer that came while the asker was held up is heard") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const auto until = in(3s);
    const child_process prober{
        [&](voice v) { v.say(ask(unix_socket_probe{}, at(folder / "s"), until)); }};
    REQUIRE(comes_to_wait(std::to_string(prober.pid())));
    prober.stop();
    door.answer("podscope 1 p 7\n");
    REQUIRE(eventually([&] { return std::chrono::steady_clock::now() > until; }));
    prober.resume();
    CHECK(prober.line() == "reachable");
}

TEST_CASE("F20 a socket that accepts and never answers is unreachable") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const child_process server{[&](voice) {
        const int caller = door.accept();
        (void)::send(caller, "podscope 1", 10, MSG_NOSIGNAL);
        hang();
    }};
    CHECK(ask(unix_socket_probe{}, at(folder / "s"), in(a_while)) == verdict::unreachable);
}

TEST_CASE("endpoints that are no path of a socket are unknown") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    for (const std::string& endpoint :
         {std::string{}, folder / "s", "unix:" + std::string{"s"}, std::string{"unix:"},
          "unix:/" + std::string(200, 'x'), "tcp:/" + (folder / "s"), "UNIX:" + (folder / "s"),
          "unix:" + (folder / "s") + std::string(1, '\0')}) {
        CAPTURE(endpoint);
        CHECK(ask(unix_socket_probe{}, {.pod = "p", .endpoint = endpoint}, in(1h)) ==
              verdict::unknown);
    }
}

TEST_CASE("the longest path that fits is asked") {
    const temporary_folder folder;
    const auto path = folder / std::string(107 - folder.path().size() - 1, 'x');
    REQUIRE(path.size() == max_unix_path_length);
    const plain_socket door{path};
    const child_process server{answering(door, "podscope 1 p 7\n")};
    CHECK(ask(unix_socket_probe{}, at(path)) == verdict::reachable);
}

TEST_CASE("a socket that may not be connected to is unknown") {
    const temporary_folder folder;
    ::chmod(folder.path().c_str(), 0755);
    const plain_socket door{folder / "s"};
    ::chmod((folder / "s").c_str(), 0600);
    const child_process other{[&](voice v) {
        if (::setuid(65534) != 0) {
            v.say(std::string{"refused"});
            return;
        }
        v.say(ask(unix_socket_probe{}, at(folder / "s"), in(1h)));
    }};
    const auto said = other.line();
    if (said == "refused") {
        PODSCOPE_SKIP("may not change the user");
    }
    CHECK(said == "unknown");
}

TEST_CASE("F23 a thousand are asked before anybody is waited for") {
    if (!may_open(3 * many_sockets)) {
        PODSCOPE_SKIP("too few descriptors");
    }
    const temporary_folder folder;
    std::vector<plain_socket> doors;
    std::vector<probe_subject> subjects;
    open_many(folder, doors, subjects);
    const auto before = open_descriptors();
    running_probe probe{unix_socket_probe{}, subjects, patience};
    CHECK(probe.waits());
    // A connection to each, and one that watches them all.
    CHECK(open_descriptors().size() == before.size() + many_sockets + 1);
    doors.clear(); // hang up
    CHECK(probe.verdicts() == std::vector(many_sockets, verdict::unreachable));
}

TEST_CASE("F23 a thousand that hang cost one deadline and hide nobody else") {
    if (!may_open(3 * many_sockets)) {
        PODSCOPE_SKIP("too few descriptors");
    }
    const temporary_folder folder;
    std::vector<plain_socket> doors;
    std::vector<probe_subject> subjects;
    open_many(folder, doors, subjects);
    const plain_socket awake{folder / "awake"};
    const child_process server{answering(awake, "podscope 1 p 7\n")};
    subjects.push_back(at(folder / "awake"));
    subjects.push_back(at(folder / "gone"));

    const auto before = open_descriptors();
    const auto until = in(3s);
    const auto verdicts = ask_all(unix_socket_probe{}, subjects, until);
    CHECK(std::chrono::steady_clock::now() >= until);
    CHECK(std::vector(verdicts.begin(), verdicts.begin() + many_sockets) ==
          std::vector(many_sockets, verdict::unreachable));
    CHECK(verdicts[many_sockets] == verdict::reachable);
    CHECK(verdicts[many_sockets + 1] == verdict::unreachable);
    CHECK(open_descriptors() == before);
}

TEST_CASE("F23 with too few descriptors those without a turn are unknown") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const plain_socket awake{folder / "awake"};
    const child_process server{answering(awake, "podscope 1 p 7\n")};
    const child_process prober{[&](voice v) {
        const rlimit few{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &few);
        std::vector<probe_subject> subjects(200, at(folder / "s"));
        subjects.push_back(at(folder / "gone"));
        subjects.push_back(at(folder / "awake"));
        const auto verdicts = ask_all(unix_socket_probe{}, subjects, in(2s));
        const std::vector hung(verdicts.begin(), verdicts.begin() + 200);
        const auto unreachable = count(hung, verdict::unreachable);
        // 64 descriptors less 8 for others and those that the test has open anyhow.
        v.say(std::string{unreachable > 30 && unreachable <= 56 ? "some" : "not some"});
        v.say(std::to_string(unreachable + count(hung, verdict::unknown)));
        v.say(verdicts[200]);
        v.say(verdicts[201]);
        v.say(std::to_string(open_descriptors().size() < 20));
    }};
    CHECK(prober.line() == "some");
    CHECK(prober.line() == "200");
    CHECK(prober.line() == "unreachable");
    CHECK(prober.line() == "unknown");
    CHECK(prober.line() == "1");
}

TEST_CASE("F14 without any descriptor everybody is unknown") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const child_process prober{[&](voice v) {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_NOFILE, &none);
        v.say(ask(unix_socket_probe{}, at(folder / "s"), in(1h)));
        v.say(ask(unix_socket_probe{}, at(folder / "gone"), in(1h)));
    }};
    CHECK(prober.line() == "unknown");
    CHECK(prober.line() == "unknown");
}

TEST_CASE("a window of one gives everybody a turn") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const child_process server{answering(door, "podscope 1 p 7\n")};
    const std::vector<probe_subject> subjects(50, at(folder / "s"));
    CHECK(ask_all(unix_socket_probe{1}, subjects) == std::vector(50, verdict::reachable));
    CHECK(ask_all(unix_socket_probe{0}, subjects) == std::vector(50, verdict::reachable));
}

TEST_CASE("a window that hung ones fill leaves the others unknown") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const std::vector<probe_subject> subjects(10, at(folder / "s"));
    const auto verdicts = ask_all(unix_socket_probe{3}, subjects, in(a_while));
    CHECK(count(verdicts, verdict::unreachable) == 3);
    CHECK(count(verdicts, verdict::unknown) == 7);
}

TEST_CASE("F49 a full backlog is unknown") {
    const temporary_folder folder;
    const plain_socket door{folder / "s", plain_socket::kind::listening, 0};
    const crowd crowd{folder / "s"};
    CHECK(ask(unix_socket_probe{}, at(folder / "s"), in(a_while)) == verdict::unknown);
}

TEST_CASE("F49 a backlog that empties before the deadline is tried again", "[concurrent]") {
    const temporary_folder folder;
    const plain_socket door{folder / "s", plain_socket::kind::listening, 0};
    const crowd crowd{folder / "s"};
    running_probe probe{unix_socket_probe{}, {at(folder / "s")}, patience};
    REQUIRE(probe.waits());
    const child_process server{answering(door, "podscope 1 p 7\n")};
    CHECK(probe.verdicts() == std::vector{verdict::reachable});
}

TEST_CASE("a deadline that has passed decides only what needs no waiting") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    for (const auto until : {deadline{}, deadline::min(), std::chrono::steady_clock::now()}) {
        const auto verdicts =
            ask_all(unix_socket_probe{}, {at(folder / "s"), at(folder / "gone")}, until);
        CHECK(verdicts == std::vector{verdict::unknown, verdict::unreachable});
    }
}

TEST_CASE("a deadline at the end of time is no overflow") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const child_process server{answering(door, "podscope 1 p 7\n")};
    CHECK(ask(unix_socket_probe{}, at(folder / "s"), deadline::max()) == verdict::reachable);
    CHECK(ask(unix_socket_probe{}, at(folder / "gone"), deadline::max()) == verdict::unreachable);
    CHECK(ask_all(unix_socket_probe{}, {}, deadline::max()).empty());
}

TEST_CASE("F54 descriptors of a probe are closed on exec", "[concurrent]") {
    const temporary_folder folder;
    std::optional<plain_socket> door{folder / "s"};
    const auto before = open_descriptors();
    running_probe probe{unix_socket_probe{}, {at(folder / "s"), at(folder / "s")}, patience};
    REQUIRE(probe.waits());
    auto during = open_descriptors();
    std::erase_if(during, [&](int fd) { return std::ranges::count(before, fd) > 0; });
    CHECK(during.size() == 3); // two connections and what watches them
    for (const int fd : during) {
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    door.reset(); // hangs up
    CHECK(probe.verdicts() == std::vector(2, verdict::unreachable));
}

TEST_CASE("one probe may be asked from several threads at once", "[concurrent]") {
    const temporary_folder folder;
    const plain_socket door{folder / "s"};
    const child_process server{answering(door, "podscope 1 p 7\n")};
    const unix_socket_probe probe;
    std::vector<std::vector<verdict>> heard(4);
    std::vector<std::thread> threads;
    for (auto& mine : heard) {
        threads.emplace_back([&] {
            const std::vector<probe_subject> subjects(100, at(folder / "s"));
            mine = ask_all(probe, subjects);
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(heard == std::vector(4, std::vector(100, verdict::reachable)));
}

TEST_CASE("F20 at a socket of another kind nobody listens") {
    const temporary_folder folder;
    const int other = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(folder / "s");
    REQUIRE(::bind(other, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(ask(unix_socket_probe{}, at(folder / "s"), in(1h)) == verdict::unreachable);
    ::close(other);
}
