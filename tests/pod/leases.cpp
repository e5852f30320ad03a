// SPDX-License-Identifier: BSL-1.0
// Pods judged by their leases.
#include "probe/processes.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/podscope.hpp>
#include <podscope/probe/lease.hpp>
#include <podscope/probe/lease_holder.hpp>

#include <chrono>
#include <string>

using namespace podscope;
using namespace podscope_test;

TEST_CASE("I7 a pod whose lease has expired is reclaimed, and its lease gives it nothing back",
          "[pod]") {
    basic_memory<lease_schema> leases;
    auto world = make_runtime(use::backend(basic_memory<pod_schema>{}),
                              use::sessions(memory_sessions{}), use::names(lexical_path{}),
                              use::probe(all_of(process_probe{}, lease_probe{leases})));
    auto planner = must(world.create(manifest{"planner"}.may(rules::write("/ws"))));
    const auto hire = [&](const std::string& name) {
        return must(
            world.adopt(must(planner.delegate(manifest{name}.may(rules::write("/ws/" + name))))));
    };
    auto silent = hire("silent");
    const auto alive = hire("alive");
    const auto without = hire("without");
    auto held = must(take_lease(leases, "silent", silent.granted(), 1ms));
    const auto other = must(take_lease(leases, "alive", alive.granted(), 1h));

    reconcile_report report;
    REQUIRE(eventually([&] {
        report = must(planner.reconcile(patience));
        return report.changed();
    }));
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "silent");
    CHECK(report.ended.front().reason == end_reason::unreachable);
    CHECK(alive.check("/ws/alive/a", permission::write).has_value());
    CHECK(without.check("/ws/without/a", permission::write).has_value());

    CHECK(held.renew());
    const auto refused = silent.check("/ws/silent/a", permission::write);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().category == errc::revoked);
    CHECK_FALSE(must(planner.reconcile(patience)).changed());
    CHECK(planner.check("/ws/silent/a", permission::write).has_value());
    must(end_lease(leases, "silent", report.ended.front().granted));
    CHECK(held.renew().error().category == errc::stale_epoch);
}
