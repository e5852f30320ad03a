// SPDX-License-Identifier: BSL-1.0
#include <podscope/podscope.hpp>

#include <iostream>

int main() {
    using namespace podscope;
    auto world = open_runtime("quick_start_state").value();
    auto planner = world.create(manifest{"planner"}.may(rules::write("/ws"))).value();

    // Hands a part on. The child is started with the grant, and adopts it: in its own process, as a
    // rule, with a runtime of its own on the same folder.
    auto granted = planner.delegate(manifest{"coder"}.may(rules::write("/ws/src"))).value();
    auto coder = world.adopt(granted).value();

    auto yes = coder.check("/ws/src/main.cpp", permission::write);
    auto no = planner.check("/ws/src/main.cpp", permission::write);
    std::cout << yes.has_value() << ' ' << to_string(no.error()) << '\n';
    // 1 denied: 'planner' may not write /ws/src/main.cpp: it has delegated write /ws/src to
    // 'coder' (epoch 2, the first time)

    coder.release().value(); // and the planner has it again
    std::cout << planner.check("/ws/src/main.cpp", permission::write).has_value() << '\n'; // 1
    planner.release().value();
}
