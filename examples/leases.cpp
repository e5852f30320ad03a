// SPDX-License-Identifier: BSL-1.0
#include <podscope/podscope.hpp>
#include <podscope/probe/lease.hpp>
#include <podscope/probe/lease_holder.hpp>

#include <chrono>
#include <iostream>
#include <thread>

int main() {
    using namespace podscope;
    using namespace std::chrono_literals;
    auto leases = basic_journal<lease_schema, durability::process>::open("leases_state").value();
    auto by_lease = all_of(process_probe{}, lease_probe{leases});
    auto world = open_runtime("leased_pods_state", use::probe(by_lease)).value();
    auto planner = world.create(manifest{"planner"}.may(rules::write("/ws"))).value();
    auto granted = planner.delegate(manifest{"coder"}.may(rules::write("/ws/src"))).value();
    auto coder = world.adopt(granted).value();
    auto lease = take_lease(leases, "coder", coder.granted(), 200ms).value();
    std::cout << lease.renew().has_value() << '\n'; // 1, and so now and then

    // But if it hangs, and does not, then this says "revoked" in the end.
    for (; !planner.reconcile().value().changed(); std::this_thread::sleep_for(20ms)) {}
    std::cout << to_string(coder.check("/ws/src/a", permission::write).error().category) << '\n';
    planner.release().value();
}
