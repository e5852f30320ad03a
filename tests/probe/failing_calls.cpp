// SPDX-License-Identifier: BSL-1.0
// Each system call of what tells who lives fails once: nobody is dead because of that, and what
// fails says so.
#include "support/failing_calls.hpp"

#include "probe/processes.hpp"
#include "probe/sockets.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/probe/exit_watch.hpp>
#include <podscope/probe/heartbeat.hpp>
#include <podscope/probe/lease.hpp>
#include <podscope/probe/lease_holder.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/responder.hpp>
#include <podscope/probe/this_process.hpp>
#include <podscope/probe/unix_socket.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

constexpr epoch granted{7};

// Exit codes of a deed.
constexpr int is_sound = 0;
constexpr int is_taken_for_dead = 1;
constexpr int is_unexplained = 2;
constexpr int is_spoilt = 3;

template <class T>
bool is_explained(const result<T>& given) {
    return given || !given.error().message.empty();
}

} // namespace

TEST_CASE("F09 F16 a process lives on though any call fails by which it is looked at", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const child_process child{[](voice v) {
        v.say(this_process().value());
        hang();
    }};
    const auto identity = child.identity();
    const auto deed = [&] {
        mark_deed();
        const auto seen = ask(process_probe{}, {.pod = "p", .owner = identity});
        const auto self = this_process();
        const auto other = identity_of(identity.pid);
        mark_deed();
        return seen == verdict::missing || seen == verdict::unreachable ? is_taken_for_dead
               : !is_explained(self) || !is_explained(other)            ? is_unexplained
               : other && *other != identity                            ? is_spoilt
               : this_process()                                         ? is_sound
                                                                        : is_spoilt;
    };
    CHECK(fail_each_call(for_want, deed) > 5);
    (void)fail_each_call(by_signal, deed);
}

TEST_CASE("F09 F18 a responder answers, or says that it cannot, though any call fails", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder folder;
    const auto deed = [&] {
        const std::string path = folder / "s";
        const auto open = [&] { return responder::open(path, "a pod", granted); };
        mark_deed();
        auto opened = open();
        auto served = opened ? opened->serve_ready() : result<void>{};
        mark_deed();
        if (!is_explained(opened) || !is_explained(served)) {
            return is_unexplained;
        }
        auto again = opened ? std::move(opened) : open();
        return again && again->run_in_thread() &&
                       ask(unix_socket_probe{}, {.pod = "a pod",
                                                 .owner = {},
                                                 .endpoint = again->endpoint(),
                                                 .granted = granted}) == verdict::reachable
                   ? is_sound
                   : is_spoilt;
    };
    CHECK(fail_each_call(for_want, deed) > 10);
    (void)fail_each_call(by_signal, deed);
}

TEST_CASE("F09 F18 who asks at a socket takes no failure of his own for another's death",
          "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder folder;
    const child_process child{[&](voice v) {
        auto door = responder::open(folder / "s", "a pod", granted);
        const bool serves = door && door->run_in_thread();
        v.say(serves ? door->endpoint() : std::string{"no responder"});
        hang();
    }};
    const auto endpoint = child.line();
    const auto ask_there = [&] {
        return ask(unix_socket_probe{},
                   {.pod = "a pod", .owner = {}, .endpoint = endpoint, .granted = granted});
    };
    REQUIRE(ask_there() == verdict::reachable);
    const auto watched_by = [&](auto is_fit) {
        return [&, is_fit] {
            mark_deed();
            const auto seen = ask_there();
            mark_deed();
            return is_fit(seen) ? is_sound : is_taken_for_dead;
        };
    };
    CHECK(fail_each_call(for_want, watched_by([](verdict seen) {
                             return seen == verdict::reachable || seen == verdict::unknown;
                         })) > 5);
    CHECK(fail_each_call(by_signal,
                         watched_by([](verdict seen) { return seen == verdict::reachable; })) > 0);
}

TEST_CASE("F09 F20 a heart beats, or says that it cannot, though any call fails", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder folder;
    const auto deed = [&] {
        const auto begin = [&] { return heartbeat::at(folder / "beat", "a pod", granted); };
        const auto look = [&](const heartbeat& at) {
            return ask(
                heartbeat_probe{patience},
                {.pod = "a pod", .owner = {}, .endpoint = at.endpoint(), .granted = granted});
        };
        mark_deed();
        auto heart = begin();
        const auto beaten = heart ? heart->beat() : result<void>{};
        const auto seen = heart ? look(*heart) : verdict::unknown;
        mark_deed();
        if (!is_explained(heart) || !is_explained(beaten)) {
            return is_unexplained;
        }
        if (seen == verdict::missing || seen == verdict::unreachable) {
            return is_taken_for_dead;
        }
        auto again = heart ? std::move(heart) : begin();
        return again && again->beat() && look(*again) == verdict::reachable ? is_sound : is_spoilt;
    };
    CHECK(fail_each_call(for_want, deed) > 5);
    (void)fail_each_call(by_signal, deed);
}

TEST_CASE("F12 a heartbeat that cannot be opened leaves what beats there as it is", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder folder;
    const std::string path = folder / "beat";
    const auto heart = heartbeat::at(path, "a pod", granted).value();
    const auto deed = [&] {
        mark_deed();
        const auto second = heartbeat::at(path, "a pod", granted);
        mark_deed();
        return ask(heartbeat_probe{patience}, {.pod = "a pod",
                                               .owner = {},
                                               .endpoint = heart.endpoint(),
                                               .granted = granted}) == verdict::reachable
                   ? is_sound
                   : is_taken_for_dead;
    };
    CHECK(fail_each_call(for_want, deed) > 3);
}

TEST_CASE("F09 F16 who waits for a process's end misses none though any call fails", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const auto deed = [] {
        const child_process child{[](voice v) {
            v.say(this_process().value());
            hang();
        }};
        const auto identity = child.identity();
        mark_deed();
        auto exits = exit_watch::open();
        const auto begun = exits ? exits->add(1, identity) : verdict::unknown;
        mark_deed();
        if (!is_explained(exits)) {
            return is_unexplained;
        }
        if (begun == verdict::missing || begun == verdict::unreachable) {
            return is_taken_for_dead;
        }
        return is_sound;
    };
    CHECK(fail_each_call(for_want, deed) > 3);
}

TEST_CASE("F09 F20 a lease is held, or not at all, though any call fails", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const auto deed = [] {
        const basic_memory<lease_schema> store;
        const probe_subject subject{
            .pod = "a pod", .owner = {}, .endpoint = {}, .granted = granted};
        const auto look = [&] { return ask(lease_probe{store}, subject); };
        mark_deed();
        auto held = take_lease(store, "a pod", granted, patience);
        const auto seen = look();
        mark_deed();
        if (!is_explained(held)) {
            return is_unexplained;
        }
        return seen == verdict::missing || seen == verdict::unreachable   ? is_taken_for_dead
               : look() == (held ? verdict::reachable : verdict::unknown) ? is_sound
                                                                          : is_spoilt;
    };
    CHECK(fail_each_call(for_want, deed) > 3);
}

TEST_CASE("F09 F16 a stale socket is replaced, or stays, though any call fails", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const bool is_listening = GENERATE(false, true);
    const temporary_folder folder;
    const std::string path = folder / "s";
    const auto deed = [&] {
        std::filesystem::remove(path);
        const plain_socket old{path, is_listening ? plain_socket::kind::listening
                                                  : plain_socket::kind::bound};
        mark_deed();
        auto opened = responder::open(path, "a pod", granted);
        mark_deed();
        if (!is_explained(opened)) {
            return is_unexplained;
        }
        if (is_listening) {
            return !opened && std::filesystem::exists(path) ? is_sound : is_taken_for_dead;
        }
        return opened || responder::open(path, "a pod", granted) ? is_sound : is_spoilt;
    };
    CHECK(fail_each_call(for_want, deed) > 5);
}

TEST_CASE("F16 a stale socket that somebody else removes at any moment is replaced", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const auto before = GENERATE(std::uint64_t{SYS_connect}, std::uint64_t{SYS_unlinkat});
    const temporary_folder folder;
    const std::string path = folder / "s";
    { const plain_socket stale{path}; }
    std::size_t removed = 0;
    const auto remove_then = [&](std::uint64_t number, const std::uint64_t*) {
        removed += number == before && std::filesystem::remove(path) ? 1U : 0U;
        return call_failure{};
    };
    const auto deed = [&] {
        mark_deed();
        const auto opened = responder::open(path, "a pod", granted);
        mark_deed();
        return opened ? is_sound : is_unexplained;
    };
    (void)fail_each_call(remove_then, deed);
    CHECK(removed == 1);
}

TEST_CASE("F18 what a call that has failed means is what the kernel says by it", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();

    struct answer {
        std::uint64_t call;
        int code;
        verdict means;
    };

    const auto given = GENERATE(answer{SYS_connect, EINTR, verdict::reachable},
                                answer{SYS_connect, ENOMEM, verdict::reachable},
                                answer{SYS_connect, ENOTDIR, verdict::unreachable},
                                answer{SYS_connect, EPERM, verdict::unknown},
                                answer{SYS_recvfrom, EINTR, verdict::reachable},
                                answer{SYS_recvfrom, ECONNRESET, verdict::unreachable},
                                answer{SYS_recvfrom, ETIMEDOUT, verdict::unreachable},
                                answer{SYS_recvfrom, EIO, verdict::unknown});
    CAPTURE(given.call, given.code);
    const temporary_folder folder;
    auto door = responder::open(folder / "s", "a pod", granted).value();
    REQUIRE(door.run_in_thread());
    const auto fails = [&](std::uint64_t number, const std::uint64_t*) {
        return number == given.call ? call_failure{given.code} : std::nullopt;
    };
    std::size_t so_meant = 0;
    const auto deed = [&] {
        mark_deed();
        const auto seen =
            ask(unix_socket_probe{},
                {.pod = "a pod", .owner = {}, .endpoint = door.endpoint(), .granted = granted});
        mark_deed();
        return seen == given.means ? is_sound : seen == verdict::reachable ? 10 : is_spoilt;
    };
    // A first read finds nothing yet, or all; and in the last run nothing fails.
    const auto failed = fail_each_call(fails, deed, [&](int code) {
        REQUIRE((code == is_sound || code == 10));
        so_meant += code == is_sound ? 1 : 0;
    });
    CHECK(failed > 0);
    CHECK(so_meant >= failed);
}

TEST_CASE("F23 those who wait for a turn get one though any call fails", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder folder;
    auto door = responder::open(folder / "s", "a pod", granted).value();
    REQUIRE(door.run_in_thread());
    const std::vector<probe_subject> subjects(
        3, {.pod = "a pod", .owner = {}, .endpoint = door.endpoint(), .granted = granted});
    constexpr int cannot_listen = 10;
    const auto deed = [&] {
        mark_deed();
        const auto seen = ask_all(unix_socket_probe{1}, subjects);
        mark_deed();
        const auto reachable = std::ranges::count(seen, verdict::reachable);
        return reachable + std::ranges::count(seen, verdict::unknown) != 3 ? is_taken_for_dead
               : reachable < 2                                             ? cannot_listen
                                                                           : is_sound;
    };
    std::size_t found_none = 0;
    const auto failed = fail_each_call(for_want, deed, [&](int code) {
        REQUIRE((code == is_sound || code == cannot_listen));
        found_none += code == cannot_listen ? 1 : 0;
    });
    CHECK(failed > 10);
    CHECK(found_none <= 1); // without the one descriptor by which to wait for all
}

TEST_CASE("F18 where pidfds are refused the pid itself tells who has exited", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const child_process alive{[](voice) { hang(); }};
    child_process killed{[](voice) { hang(); }};
    killed.kill_and_reap();
    const bool is_nobody = GENERATE(false, true);
    const auto refused = [](std::uint64_t number, const std::uint64_t*) {
        return number == SYS_pidfd_open ? call_failure{EPERM} : std::nullopt;
    };
    const auto says = [&](pid_t pid, bool exited) {
        return fail_each_call(refused, [=] {
            constexpr unsigned nobody = 65'534;
            if (is_nobody && ::setuid(nobody) != 0) {
                return is_sound; // which this test cannot tell here
            }
            mark_deed();
            const bool seen = probe_detail::surely_exited(pid);
            mark_deed();
            return seen == exited ? is_sound : is_spoilt;
        });
    };
    CHECK(says(alive.pid(), false) == 1);
    CHECK(says(killed.pid(), true) == 1);
}

TEST_CASE("F18 a responder answers the next one when a caller has given up", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder folder;
    const auto given_up = [](std::uint64_t number, const std::uint64_t*) {
        return number == SYS_accept4 ? call_failure{ECONNABORTED} : std::nullopt;
    };
    const auto failed = fail_each_call(given_up, [&] {
        std::filesystem::remove(folder / "s");
        auto door = responder::open(folder / "s", "a pod", granted);
        const int caller = door ? connect_to(folder / "s") : -1;
        mark_deed();
        const bool served = door && door->serve_ready();
        mark_deed();
        char first = 0;
        return served && ::recv(caller, &first, 1, MSG_DONTWAIT) == 1 ? is_sound : is_unexplained;
    });
    CHECK(failed > 0);
}

TEST_CASE("F14 a responder that gets no thread says so, and answers by the program's loop",
          "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const temporary_folder folder;
    const auto no_thread = [](std::uint64_t number, const std::uint64_t*) {
        return number == SYS_clone3 || number == SYS_clone ? call_failure{EAGAIN} : std::nullopt;
    };
    const auto failed = fail_each_call(no_thread, [&] {
        std::filesystem::remove(folder / "s");
        auto door = responder::open(folder / "s", "a pod", granted);
        const int caller = door ? connect_to(folder / "s") : -1;
        mark_deed();
        const auto runs = door ? door->run_in_thread() : result<void>{};
        mark_deed();
        if (runs) {
            return is_sound;
        }
        char first = 0;
        return runs.error().category == errc::io && !runs.error().message.empty() &&
                       door->serve_ready() && ::recv(caller, &first, 1, MSG_DONTWAIT) == 1
                   ? is_sound
                   : is_unexplained;
    });
    CHECK(failed == 1);
}

TEST_CASE("F53 start times are known on a kernel without time namespaces", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    const auto self = this_process().value();
    std::size_t answered = 0;
    const auto is_not_there = [](std::uint64_t number, const std::uint64_t*) {
        return number == SYS_openat || number == SYS_open ? call_failure{ENOENT} : std::nullopt;
    };
    const auto deed = [&] {
        mark_deed();
        const auto seen = identity_of(self.pid);
        mark_deed();
        return seen && *seen == self ? is_sound : is_explained(seen) ? 10 : is_unexplained;
    };
    const auto opened = fail_each_call(is_not_there, deed, [&](int code) {
        REQUIRE((code == is_sound || code == 10));
        answered += code == is_sound ? 1 : 0;
    });
    // Without any other file nothing is known; and one run of all has nothing failed.
    CHECK(opened > 2);
    CHECK(answered == 2);
}
