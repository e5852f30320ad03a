// SPDX-License-Identifier: BSL-1.0
#include <podscope/podscope.hpp>
#include <podscope/verify/faulty_backend.hpp>

int main() {
    using namespace podscope;
    using verify::step;
    using verify::faults::fails;
    verify::faulty_backend store{basic_memory<pod_schema>{}};
    auto world = make_runtime(use::backend(store), use::sessions(memory_sessions{}));
    const auto wanted = manifest{"planner"}.may(rules::write("/ws"));

    store.plan().at(step::commit, 1, fails());
    const bool failed = !world.create(wanted) && !world.find("planner").value();

    // The commit takes place, and whoever asked for it hears of a failure.
    store.plan().at(step::committed, 1, fails());
    const bool unheard = !world.create(wanted) && world.find("planner").value();

    return failed && unheard ? 0 : 1;
}
