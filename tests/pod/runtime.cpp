// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/pod/report.hpp>

#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::errc;

using places = std::tuple<in_memory>;

} // namespace

#include "anywhere/names.hpp"
#include "anywhere/runtime.hpp"

namespace {

TEST_CASE("F52 who stands in the way is asked once, however often the store runs it", "[pod]") {
    using twice = configuration<in_bytes, by_script, to_queue>;
    crew_of<twice> c{twice{}};
    c.create(writer("alive", "/ws/a"));
    runtimes::asked who;
    runtimes::note_who_is_asked(c, who);
    CHECK(why_not(c.try_create(writer("next", "/ws"))) == errc::conflict);
    CHECK(who.pods == std::vector<std::string>{"alive"});
}

TEST_CASE("I5 a report of two searches says what both found", "[pod]") {
    const auto report_of = [](const std::string& name) {
        return podscope::stale_report{.reclaimed = {{.child = name}},
                                      .adopted = {{.child = name}},
                                      .dropped = {name},
                                      .overtaken = {name},
                                      .failed = {{.subject = name}}};
    };
    auto both = report_of("one");
    both.merge(report_of("two"));
    const auto two = std::vector<std::string>{"one", "two"};
    CHECK(both.has_reclaimed("one"));
    CHECK(both.has_reclaimed("two"));
    REQUIRE(both.adopted.size() == 2);
    CHECK(both.adopted.back().child == "two");
    CHECK(both.dropped == two);
    CHECK(both.overtaken == two);
    REQUIRE(both.failed.size() == 2);
    CHECK(both.failed.back().subject == "two");
}

} // namespace
