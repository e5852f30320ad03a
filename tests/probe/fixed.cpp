// SPDX-License-Identifier: BSL-1.0
#include "probe/processes.hpp"
#include "support/catch.hpp"

#include <podscope/probe/fixed.hpp>

#include <vector>

using namespace podscope;
using namespace podscope_test;

TEST_CASE("a fixed probe says what it was told for each pod") {
    const std::vector<probe_subject> subjects{{.pod = "a"}, {.pod = "b"}, {.pod = "c"}};
    const fixed_probe::map some{{"a", verdict::missing}, {"c", verdict::reachable}};
    CHECK(ask_all(fixed_probe{some}, subjects) ==
          std::vector{verdict::missing, verdict::unknown, verdict::reachable});
    CHECK(ask_all(fixed_probe{some, verdict::unreachable}, subjects) ==
          std::vector{verdict::missing, verdict::unreachable, verdict::reachable});
    CHECK(ask_all(fixed_probe{verdict::missing}, subjects) == std::vector(3, verdict::missing));
}
