// SPDX-License-Identifier: BSL-1.0
// What hangs on which lease, where rows can.
#include "registry/rules.hpp"
#include "support/catch.hpp"
#include "support/faults_everywhere.hpp"
#include "support/leased_memory.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/backend/leased_rows.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <set>
#include <string>
#include <vector>

namespace {

using namespace podscope_test;
using namespace podscope;

static_assert(leases_rows<leased_memory::writer, tables::claims, tables::allocations>);

template <class F>
void change(leased_memory& store, F&& step) {
    must(store.write([&](auto& txn) {
        podscope::registry live{txn};
        return step(live);
    }));
}

// All leases that something hangs on.
std::set<std::string> leases_of(const leased_memory& store) {
    std::set<std::string> all;
    for (const auto& [row, lease] : store.leases()) {
        all.insert(lease);
    }
    return all;
}

allocation child() {
    return {.pod = "child",
            .allow = {rule("/ws/a")},
            .delegated_from = "parent",
            .granted = epoch{2},
            .adopted = true};
}

} // namespace

TEST_CASE("F44 all of a pod hangs on the lease of the process that has it", "[registry]") {
    leased_memory of_parent{"parent's"};
    change(of_parent, [](auto& live) {
        return live.insert({.pod = "parent", .allow = {rule("/ws")}, .granted = epoch{1}},
                           std::vector{layer("/ws/a", "child", 2)});
    });
    const stored_state before{of_parent};
    change(of_parent, [](auto& live) {
        return live.insert(child(), std::vector{layer("/ws/a/b", "grandchild", 3)});
    });
    CHECK(leases_of(of_parent) == std::set<std::string>{"parent's"});

    auto of_child = of_parent.with_lease("child's");
    change(of_child, [](auto& live) { return live.take_over(child()); });
    CHECK(leases_of(of_child) == std::set<std::string>{"child's", "parent's"});

    // Whoever changes it.
    change(of_parent, [](auto& live) {
        return live.add_layers("child", std::vector{layer("/ws/a/c", "another", 4)});
    });
    change(of_parent, [](auto& live) { return live.reparent("child", ""); });
    change(of_parent, [](auto& live) { return live.reparent("child", "parent"); });
    change(of_parent, [](auto& live) { return live.set_segment("child", "segment"); });
    of_child.end("child's");
    CHECK(stored_state{of_parent} == before);
}

TEST_CASE("F12 F44 nobody takes over a pod whose layers cannot be read", "[registry]") {
    verify::faulty_backend<basic_memory<pod_schema>> store{basic_memory<pod_schema>{}};
    const fault_at fault{store.plan(), verify::step::scan, 1};
    CHECK(why_not(store.write([](auto& txn) {
              leases_by_row leases;
              leased_writer on_lease{txn, leases, "child's"};
              return podscope::registry{on_lease}.take_over(child());
          })) == fault.category);
}
