// SPDX-License-Identifier: BSL-1.0
// Each system call of what tells who lives fails once: nobody is dead because of that, and what
// fails says so.
#include "support/failing_calls.hpp"

#include "probe/processes.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/probe/exit_watch.hpp>
#include <podscope/probe/heartbeat.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/responder.hpp>
#include <podscope/probe/this_process.hpp>
#include <podscope/probe/unix_socket.hpp>

#include <string>
#include <utility>

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
        mark_deed();
        return seen == verdict::missing || seen == verdict::unreachable ? is_taken_for_dead
               : !is_explained(self)                                    ? is_unexplained
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
