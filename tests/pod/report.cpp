// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/pod/report.hpp>

using namespace podscope;

TEST_CASE("I10 a reconcile that has changed anything says so", "[pod]") {
    CHECK_FALSE(reconcile_report{}.changed());
    CHECK_FALSE(reconcile_report{.kept = {"child"}, .undecided = {"child"}}.changed());
    CHECK(reconcile_report{.ended = {{}}}.changed());
    CHECK(reconcile_report{.adopted = {{}}}.changed());
}

TEST_CASE("I10 a search for dead holders that has changed anything says so", "[pod]") {
    CHECK_FALSE(stale_report{}.changed());
    CHECK_FALSE(stale_report{.overtaken = {"pod"}, .failed = {{}}}.changed());
    CHECK(stale_report{.reclaimed = {{}}}.changed());
    CHECK(stale_report{.adopted = {{}}}.changed());
    CHECK(stale_report{.dropped = {"pod"}}.changed());
}
