// SPDX-License-Identifier: BSL-1.0
#include "sink/sinks.hpp"

#include <podscope/sink/null.hpp>

using namespace podscope;
using namespace podscope_test;

TEST_CASE("A null sink takes everything", "[sink]") {
    null_sink sink;
    REQUIRE(sink.notify(told("1")));
    REQUIRE(sink.notify(told("1")));
}
