// SPDX-License-Identifier: BSL-1.0
// The library for one configuration, against classes without a template that do the same.
#include "reference/hand_written_pod.hpp"
#include "reference/hand_written_registry.hpp"
#include "reference/registry_steps.hpp"
#include "support/measure.hpp"
#include "support/population.hpp"

#include <podscope/podscope.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace podscope_bench {
namespace {

using podscope::permission;

podscope::allocation row_of(std::string pod, const std::string& path, std::uint64_t granted) {
    const podscope::scope_rule rule{place(path), permission::write, true};
    return {.pod = std::move(pod),
            .owner = must(podscope::calling_process{}.self()),
            .allow = {rule},
            .granted = podscope::epoch{granted},
            .adopted = true};
}

constexpr std::size_t size = 1'000;

// Either of the two, with a planner that has delegated to as many children.
template <class Registry>
std::shared_ptr<Registry> filled() {
    auto made = std::make_shared<Registry>();
    must(made->enter(row_of("planner", "/ws", 1), {}));
    for (std::size_t i = 0; i != size; ++i) {
        auto child = row_of("child" + std::to_string(i), place_of(i), i + 2);
        child.delegated_from = "planner";
        must(made->delegate({.pod = "planner", .granted = podscope::epoch{1}}, child));
    }
    return made;
}

template <class Registry>
auto delegations() {
    auto child = row_of("newcomer", "/ws/new/place", size + 2);
    child.delegated_from = "planner";
    return [all = filled<Registry>(), child,
            planner = podscope::grant{.pod = "planner", .granted = podscope::epoch{1}}] {
        must(all->delegate(planner, child));
        must(all->reclaim(planner, "newcomer"));
        return all->generation();
    };
}

template <class Registry>
auto searches() {
    return [all = filled<Registry>()] { return must(all->competitors_of("child500")).size(); };
}

constexpr const char* asked = "/ws/src/lib/core/detail/engine.cpp";

const on_load here{[] {
    add_operation("templates: delegate and reclaim", [] { return delegations<registry_steps>(); });
    add_operation("hand-written: delegate and reclaim",
                  [] { return delegations<hand_written_registry>(); });
    add_operation("templates: conflict search", [] { return searches<registry_steps>(); });
    add_operation("hand-written: conflict search",
                  [] { return searches<hand_written_registry>(); });
    add_operation("templates: check", [] {
        auto all = std::make_shared<population>(memory_backend{}, 0);
        return [all] { return all->planner.check(asked, permission::write).has_value(); };
    });
    add_operation("hand-written: check", [] {
        auto all = std::make_shared<hand_written_registry>();
        must(all->enter(row_of("planner", "/ws", 1), {}));
        std::shared_ptr<hand_written_pod> pod =
            must(hand_written_pod::of(*all, {.pod = "planner", .granted = podscope::epoch{1}}));
        return [all, pod] { return pod->check(asked, permission::write).has_value(); };
    });
    for (const std::string what : {"delegate and reclaim", "conflict search", "check"}) {
        compare_instructions("templates against a hand-written class, " + what,
                             "templates: " + what, "hand-written: " + what, 1.05);
    }
}};

} // namespace
} // namespace podscope_bench
