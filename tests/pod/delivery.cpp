// SPDX-License-Identifier: BSL-1.0
// Notifications on their way from an outbox to a sink.
#include "deliveries.hpp"
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/sink/callback.hpp>
#include <podscope/verify/fault_plan.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::errc;
using podscope::notification;
namespace tables = podscope::tables;
namespace faults = podscope::verify::faults;
using podscope::verify::step;

using here = configuration<in_memory, by_script, to_queue>;
using crew_here = crew_of<here>;
using deliveries::build;
using deliveries::waiting;
using places = std::tuple<in_memory>;

} // namespace

#include "anywhere/delivery.hpp"

namespace {

// The commits of a restore, one at a time, as a process finds them that dies in between.

using fragile = podscope::verify::faulty_backend<in_memory::store>;
using fragile_parts = podscope::runtime_parts<fragile,
                                              podscope::memory_sessions,
                                              any_probe,
                                              any_sink,
                                              podscope::lexical_path,
                                              podscope::reclaim_and_fence,
                                              podscope::system_clocks,
                                              podscope::given_process>;
using fragile_runtime = podscope::basic_runtime<fragile_parts>;

struct fragile_restore {
    crew_here& c;
    fragile backend{c.backend().open()};
    std::vector<std::string> taken{};
    crew_here::member by{c.hire()};
    fragile_runtime library{
        fragile_parts{backend,
                      c.backend().open_sessions(),
                      c.own_probe(),
                      any_sink::of(podscope::callback_sink{
                          [this](const notification& told) { taken.push_back(told.id); }}),
                      {},
                      {},
                      {},
                      {by.who->identity()}}};
};

TEST_CASE("F10 a restore whose commit fails has changed nothing", "[pod]") {
    crew_here c{here{}};
    build(c);
    fragile_restore dying{c};
    const auto before = c.state();
    dying.backend.plan().dead_from(step::commit, 1);
    CHECK(why_not(dying.library.restore("planner")) == errc::io);
    CHECK(c.state() == before);
    CHECK(dying.taken.empty());
    dying.backend.plan().work_again();
    CHECK(must(dying.library.restore("planner")).report.ended.size() == 2);
    CHECK(dying.taken.size() == 2);
}

TEST_CASE("F10 who dies between the commit and the sink has it told by the next", "[pod]") {
    crew_here c{here{}};
    build(c);
    fragile_restore dying{c};
    dying.backend.plan().dead_from(step::committed, 1);
    CHECK(why_not(dying.library.restore("planner")) == errc::io);
    CHECK(dying.taken.empty());
    const auto left = waiting(c);
    CHECK(left.size() == 2);
    dying.by.who->kill();

    c.restore("planner");
    CHECK(c.told_one_by_one() == left);
    CHECK(waiting(c).empty());
    c.judge_restored("planner");
}

TEST_CASE("F10 who dies between the sink and the acknowledgement has it told again", "[pod]") {
    crew_here c{here{}};
    build(c);
    fragile_restore dying{c};
    // The restore itself is one commit, the acknowledgement the next.
    dying.backend.plan().dead_from(step::commit, 2);
    auto back = must(dying.library.restore("planner"));
    CHECK(back.report.ended.size() == 2);
    REQUIRE(back.report.delivery_error);
    CHECK(back.report.delivery_error->category == errc::io);
    CHECK(dying.taken.size() == 2);
    CHECK(waiting(c) == dying.taken);
    dying.by.who->kill();

    c.restore("planner");
    const auto again = c.told_one_by_one();
    CHECK(again == dying.taken);
    CHECK(waiting(c).empty());
    CHECK(rows_of<tables::history>(c.state(), "planner").size() == 2);
    c.judge_restored("planner");
}

TEST_CASE("I3 an operation whose commit fails leaves everything as it was", "[pod]") {
    crew_here c{here{}};
    fragile backend{c.backend().open()};
    auto by = c.hire();
    auto other = c.hire();
    const auto runtime_of = [&](const crew_here::member& who) {
        return fragile_runtime{fragile_parts{backend,
                                             c.backend().open_sessions(),
                                             c.own_probe(),
                                             any_sink::of(podscope::queue_sink{}),
                                             {},
                                             {},
                                             {},
                                             {who.who->identity()}}};
    };
    auto library = runtime_of(by);
    auto library_of_child = runtime_of(other);
    auto planner = must(library.create(writer("planner", "/ws")));
    auto child = must(library_of_child.adopt(must(planner.delegate(writer("child", "/ws/a")))));
    auto grant = must(planner.delegate(writer("second", "/ws/b")));
    const auto layers = [&] { return plain(must(planner.current_scope()).layers()); };
    const auto before = c.state();
    const auto layers_before = layers();
    backend.plan().from(step::commit, 1, faults::fails());
    CHECK(why_not(library.create(writer("third", "/data"))) == errc::io);
    CHECK(why_not(library_of_child.adopt(grant)) == errc::io);
    CHECK(why_not(planner.delegate(writer("third", "/ws/x"))) == errc::io);
    CHECK(why_not(planner.reclaim("child")) == errc::io);
    CHECK(why_not(child.release()) == errc::io);
    CHECK(why_not(child.set_endpoint("unix:/nowhere")) == errc::io);
    CHECK(c.state() == before);
    backend.plan().work_again();
    CHECK(layers() == layers_before);
    must(child.check("/ws/a/f", permission::write));
    must(child.release());
    CHECK(layers().size() == 1);
}

} // namespace
