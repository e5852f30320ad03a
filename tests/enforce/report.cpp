// SPDX-License-Identifier: BSL-1.0
#include "enforce/confined.hpp"

#include <podscope/enforce/report.hpp>

#include <set>
#include <string>

using namespace podscope_test;
using namespace podscope::enforce;
using podscope::permission;

TEST_CASE("A report says in sentences what the kernel was not told", "[enforce]") {
    const auto denied = may_write("/ws/a");
    CHECK(to_string(gap{.why = shortfall::denied_below,
                        .rule = denied,
                        .place = denied.target,
                        .access = permission::write,
                        .allows_more = true}) ==
          "write /ws/a: the kernel allows more than the scope, since the rule 'write /ws/a' cannot "
          "be said: denied below what is allowed");
    const auto shallow = rule_at("/ws", permission::read, false);
    CHECK(to_string(gap{.why = shortfall::not_recursive,
                        .rule = shallow,
                        .place = shallow.target,
                        .access = permission::read}) ==
          "read /ws: the kernel allows less than the scope, since the rule 'read /ws (here only)' "
          "cannot be said: for a folder and its direct children only");
    std::set<std::string> said;
    for (const auto what :
         {limit::no_landlock, limit::moves_refused, limit::truncation, limit::device_control,
          limit::metadata, limit::reads, limit::other_threads}) {
        said.emplace(to_string(what));
    }
    CHECK(said.size() == 7);
    CHECK(said.contains("the kernel has no Landlock: nothing is refused"));
    CHECK_FALSE(said.contains("unknown"));
    // By a later version.
    CHECK(to_string(limit{99}) == "unknown");
    CHECK(to_string(shortfall{99}) == "unknown");
}
