// SPDX-License-Identifier: BSL-1.0
// What the pods find after a crash between registry and pod store, where these live apart.
#include "backend/split_parts.hpp"
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/pod/split_store.hpp>
#include <podscope/session/memory.hpp>

#include <memory>
#include <string>

namespace {

using namespace podscope_test;

struct in_two_that_stop {
    static constexpr const char* name = "two that stop";
    using registry = backend_test::stepped<podscope::basic_memory<podscope::registry_part>, true>;
    using pod_store = backend_test::stepped<podscope::basic_memory<podscope::pod_store_part>, true>;
    using store = podscope::split_store<registry, pod_store>;
    using sessions = podscope::memory_sessions;

    [[nodiscard]] store open() const { return store{{live, plan}, {records, plan}}; }

    [[nodiscard]] sessions open_sessions() const { return logs; }

    podscope::basic_memory<podscope::registry_part> live{};
    podscope::basic_memory<podscope::pod_store_part> records{};
    std::shared_ptr<backend_test::step_plan> plan = std::make_shared<backend_test::step_plan>();
    sessions logs{};
};

using stopping = configuration<in_two_that_stop, by_script, to_queue>;
using stopping_crew = crew_of<stopping>;

// The planner has a child and a grandchild.
void populate(stopping_crew& c) {
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grand", "/ws/a/x"));
}

// Dies at each step of an operation in turn, until none is left; what follows must find all in
// order, in the registry, in the records and in memory.
void die_everywhere(bool (*operate)(stopping_crew&), void (*follow)(stopping_crew&)) {
    int step = 1;
    for (bool died = true; died; ++step) {
        CAPTURE(step);
        stopping_crew c{stopping{}};
        populate(c);
        auto& plan = *c.backend().plan;
        plan.begin();
        plan.die_at(step);
        died = !operate(c);
        plan.end();
        follow(c);
        c.restore("planner");
        c.judge_restored("planner");
    }
    // Both commits, before and after each.
    REQUIRE(step > 5);
}

void lose_planner(stopping_crew& c) {
    c.kill("planner");
}

// Whoever can do nothing any more is not among the living.
void lose_planner_and_fenced(stopping_crew& c) {
    if (!c.at("child").current_scope()) {
        c.forget("child");
    }
    c.kill("planner");
}

} // namespace

TEST_CASE("F09 I3 a delegation that dies between registry and record", "[pod]") {
    die_everywhere(
        [](auto& c) {
            return c.at("planner").delegate(writer("second", "/ws/b"), patience).has_value();
        },
        lose_planner);
}

TEST_CASE("F09 I3 a reclaim that dies between registry and record", "[pod]") {
    die_everywhere([](auto& c) { return c.at("planner").reclaim("child").has_value(); },
                   lose_planner_and_fenced);
}

TEST_CASE("F09 I3 a release that dies between registry and record", "[pod]") {
    die_everywhere([](auto& c) { return c.at("child").release().has_value(); },
                   lose_planner_and_fenced);
}

TEST_CASE("F09 I3 a restore that dies between registry and record", "[pod]") {
    die_everywhere(
        [](auto& c) {
            c.kill("child");
            c.kill("planner");
            auto restorer = c.hire();
            const auto back = restorer.library.restore("planner", {.probe_time = patience});
            restorer.who->kill();
            return back.has_value() && !back->report.delivery_error;
        },
        [](auto&) {});
}
