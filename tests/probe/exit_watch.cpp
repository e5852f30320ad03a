// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "support/catch.hpp"
#include "support/failing_calls.hpp"

#include <podscope/probe/exit_watch.hpp>

#include <csignal>
#include <cstdint>
#include <vector>

#include <sys/syscall.h>

using namespace podscope;
using namespace podscope_test;

namespace {

auto living() {
    return [](const voice& out) {
        out.say(this_process().value());
        hang();
    };
}

} // namespace

TEST_CASE("F17 a signal reaches a process that is watched and nobody after it", "[probe]") {
    child_process child{living()};
    auto exits = exit_watch::open().value();
    REQUIRE(exits.add(1, child.identity()) == verdict::reachable);
    CHECK_FALSE(exits.signal(2, SIGTERM));
    CHECK(exits.exited().empty());
    CHECK(exits.signal(1, SIGKILL));
    CHECK(eventually([&] { return exits.exited() == std::vector{exit_watch::key{1}}; }));
    child.kill_and_reap();
    CHECK_FALSE(exits.signal(1, SIGTERM));
    exits.forget(1);
    CHECK(exits.exited().empty());
}

TEST_CASE("F17 who exits while he is put under watch is missing", "[probe]") {
    PODSCOPE_NEEDS_PTRACE();
    child_process child{living()};
    const auto identity = child.identity();
    const auto once_it_was_seen = [&](std::uint64_t number, const std::uint64_t*) {
        if (number == SYS_pidfd_open) {
            child.kill_and_reap();
        }
        return call_failure{};
    };
    (void)fail_each_call(once_it_was_seen, [&] {
        auto exits = exit_watch::open().value();
        mark_deed();
        const auto seen = exits.add(1, identity);
        mark_deed();
        return seen == verdict::missing && exits.size() == 0 ? 0 : 1;
    });
}
