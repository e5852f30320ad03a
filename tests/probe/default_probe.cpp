// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "probe/sockets.hpp"
#include "support/catch.hpp"

#include <podscope/probe/default_probe.hpp>
#include <podscope/probe/responder.hpp>
#include <podscope/probe/this_process.hpp>

#include <string>

using namespace podscope;
using namespace podscope_test;

namespace {

/// A process that names itself, and answers as "p" with epoch 7 at a path.
auto pod_at(const std::string& path) {
    return [path](voice v) {
        v.say(this_process().value());
        auto door = responder::open(path, "p", epoch{7});
        v.say(std::string{door && door->run_in_thread() ? "runs" : "does not"});
        hang();
    };
}

probe_subject with_owner(probe_subject subject, process_identity owner) {
    subject.owner = std::move(owner);
    return subject;
}

} // namespace

TEST_CASE("F20 F21 the default probe follows a pod from life to death", "[concurrent]") {
    const temporary_folder folder;
    child_process pod{pod_at(folder / "s")};
    const auto subject = with_owner(at(folder / "s"), pod.identity());
    REQUIRE(pod.line() == "runs");
    const default_probe probe;
    CHECK(ask(probe, subject) == verdict::reachable);

    auto next = subject;
    next.granted = epoch{8};
    CHECK(ask(probe, next) == verdict::missing);
    auto elsewhere = subject;
    elsewhere.endpoint = "unix:" + (folder / "gone");
    CHECK(ask(probe, elsewhere) == verdict::unreachable);
    auto silent = subject;
    silent.endpoint.clear();
    CHECK(ask(probe, silent) == verdict::reachable);

    pod.stop();
    CHECK(ask(probe, subject, in(a_while)) == verdict::unreachable);
    CHECK(ask(probe, subject, deadline{}) == verdict::reachable);
    pod.resume();
    CHECK(ask(probe, subject) == verdict::reachable);
    pod.kill_and_reap();
    CHECK(ask(probe, subject) == verdict::missing);
}

TEST_CASE("the default probe waits for nobody who is dead") {
    const temporary_folder folder;
    const plain_socket hung{folder / "s"};
    child_process pod{[](voice v) { v.say(this_process().value()); }};
    const auto dead = with_owner(at(folder / "s"), pod.identity());
    pod.kill_and_reap();
    CHECK(ask(default_probe{}, dead, in(1h)) == verdict::missing);
}

TEST_CASE("F49 the default probe takes a busy process for reachable") {
    const temporary_folder folder;
    const plain_socket door{folder / "s", plain_socket::kind::listening, 0};
    const crowd crowd{folder / "s"};
    const auto busy = with_owner(at(folder / "s"), this_process().value());
    CHECK(ask(default_probe{}, busy, in(a_while)) == verdict::reachable);
}

TEST_CASE("F53 the default probe asks whom it cannot see at the socket", "[concurrent]") {
    const temporary_folder folder;
    child_process pod{pod_at(folder / "s")};
    auto subject = with_owner(at(folder / "s"), pod.identity());
    REQUIRE(pod.line() == "runs");
    ++subject.owner.pid_namespace;
    CHECK(ask(default_probe{}, subject) == verdict::reachable);
    subject.endpoint.clear();
    CHECK(ask(default_probe{}, subject) == verdict::unknown);
}
