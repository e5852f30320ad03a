// SPDX-License-Identifier: BSL-1.0
#include <podscope/podscope.hpp>
#include <podscope/probe/lease.hpp>
#include <podscope/probe/lease_holder.hpp>

#include <chrono>
#include <iostream>
#include <thread>

int main() {
    using namespace podscope;
    using lease_journal = basic_journal<lease_schema, durability::process>;
    auto leases = lease_journal::open("leases_state").value();
    auto by_lease = all_of(process_probe{}, lease_probe{leases});
    auto world = open_runtime("leased_pods_state", use::probe(by_lease)).value();
    auto planner = world.create(manifest{"planner"}.may(rules::write("/ws"))).value();
    auto granted = planner.delegate(manifest{"coder"}.may(rules::write("/ws/src"))).value();
    auto coder = world.adopt(granted).value();
    auto lease =
        take_lease(leases, "coder", coder.granted(), std::chrono::milliseconds{200}).value();
    std::cout << lease.renew().has_value() << '\n'; // 1, and so now and then

    // But if it hangs, and does not, then this says "revoked" in the end.
    while (!planner.reconcile().value().changed()) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    std::cout << to_string(coder.check("/ws/src/a", permission::write).error().category) << '\n';
    planner.release().value();
}
