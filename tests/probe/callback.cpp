// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "support/catch.hpp"

#include <podscope/probe/callback.hpp>

#include <vector>

using namespace podscope;
using namespace podscope_test;

TEST_CASE("a callback is asked about each subject with the deadline") {
    const auto until = in(1h);
    const callback_probe probe{[&](const probe_subject& subject, deadline given) {
        CHECK(given == until);
        return subject.pod == "a" ? verdict::missing : verdict::reachable;
    }};
    static_assert(reachability_probe<decltype(probe)>);
    CHECK(ask_all(probe, {{.pod = "a"}, {.pod = "b"}, {.pod = "a"}}, until) ==
          std::vector{verdict::missing, verdict::reachable, verdict::missing});
}

TEST_CASE("a callback may have a state that changes") {
    callback_probe probe{[n = 0](const probe_subject&, deadline) mutable {
        return ++n > 1 ? verdict::missing : verdict::reachable;
    }};
    static_assert(reachability_probe<decltype(probe)>);
    static_assert(!reachability_probe<const decltype(probe)>);
    std::vector<verdict> verdicts(2, verdict::unknown);
    probe.probe(std::vector<probe_subject>(2), deadline{}, verdicts);
    CHECK(verdicts == std::vector{verdict::reachable, verdict::missing});
}
