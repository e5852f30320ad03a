// SPDX-License-Identifier: BSL-1.0
#include "sink/sinks.hpp"

#include <podscope/sink/notification_json.hpp>

#include <string>

using namespace podscope;
using namespace podscope_test;

namespace {

std::string json_of(const notification& one) {
    return to_json(one, [](const resource& place) { return slashes{}.display(place); });
}

} // namespace

TEST_CASE("A notification is one line of JSON with all that a person asks for", "[sink]") {
    const notification one{
        .id = "parent/7/ended",
        .what = event::adopted,
        .pod = "par\"ent",
        .child = "na\xC3\xAFve\n",
        .delegator = "gone",
        .reason = end_reason::unreachable,
        .granted = epoch{UINT64_MAX},
        .at_ms = -5,
        .rules = {{resource{}.child("src").child("a b"), permission::write, true},
                  {resource{}, permission::read, false}},
    };
    REQUIRE(json_of(one) ==
            "{\"id\":\"parent/7/ended\",\"event\":\"adopted\",\"pod\":\"par\\\"ent\","
            "\"child\":\"na\xC3\xAFve\\n\",\"delegator\":\"gone\",\"reason\":\"unreachable\","
            "\"epoch\":18446744073709551615,\"at_ms\":-5,\"rules\":["
            "{\"target\":\"/src/a b\",\"access\":\"write\",\"recursive\":true},"
            "{\"target\":\"\",\"access\":\"read\",\"recursive\":false}]}");
}

TEST_CASE("A notification without rules has an empty list", "[sink]") {
    REQUIRE(json_of(told("1")) ==
            R"({"id":"1","event":"ended","pod":"parent","child":"child","delegator":"",)"
            R"("reason":"released","epoch":0,"at_ms":0,"rules":[]})");
}

TEST_CASE("A target that is not UTF-8 does not break the line", "[sink]") {
    auto one = told("1");
    one.rules = {{resource{}.child("a\xFF\n"), permission::write, true}};
    REQUIRE(json_of(one).find("\"target\":\"/a\xEF\xBF\xBD\\n\"") != std::string::npos);
}
