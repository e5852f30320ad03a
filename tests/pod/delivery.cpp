// SPDX-License-Identifier: BSL-1.0
// Notifications on their way from an outbox to a sink.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/sink/callback.hpp>
#include <podscope/verify/fault_plan.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
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

// A planner that has to be restored and will be told of two dead children.
void build(crew_here& c) {
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("first", "/ws/a"));
    c.add("planner", writer("second", "/ws/b"));
    for (const auto* pod : {"first", "second", "planner"}) {
        c.kill(pod);
    }
}

template <class F>
void tell(crew_here& c, F function) {
    c.use([function] { return any_sink::of(podscope::callback_sink{function}); });
}

std::vector<std::string> waiting(crew_here& c) {
    std::vector<std::string> ids;
    for (const auto& told : rows_of<tables::outbox>(c.state(), "planner")) {
        ids.push_back(told.id);
    }
    return ids;
}

TEST_CASE("F41 what a failing sink does not take stays and the restore says so", "[pod]") {
    crew_here c{here{}};
    build(c);
    bool fails = true;
    std::vector<std::string> taken;
    tell(c, [&](const notification& told) -> podscope::result<void> {
        if (fails && told.child == "first") {
            return podscope::fail({.category = errc::timeout, .message = "nobody is at home"});
        }
        taken.push_back(told.id);
        return {};
    });
    const auto report = c.restore("planner");
    REQUIRE(report.undelivered.size() == 1);
    CHECK(report.undelivered.front().child == "first");
    REQUIRE(report.delivery_error);
    CHECK(report.delivery_error->category == errc::timeout);
    CHECK(waiting(c) == std::vector{report.undelivered.front().id});
    // The pod is whole all the same.
    must(c.at("planner").check("/ws/a/f", permission::write));
    c.forget("planner");
    REQUIRE(taken.size() == 1);
}

TEST_CASE("F41 what was not taken is offered again under the same id", "[pod]") {
    crew_here c{here{}};
    build(c);
    bool fails = true;
    std::vector<notification> offered;
    tell(c, [&](const notification& told) -> podscope::result<void> {
        offered.push_back(told);
        return fails ? podscope::result<void>{podscope::fail({.category = errc::unavailable})}
                     : podscope::result<void>{};
    });
    CHECK(c.restore("planner").undelivered.size() == 2);
    CHECK(must(c.at("planner").deliver()).undelivered.size() == 2);
    CHECK(must(c.at("planner").reconcile()).undelivered.size() == 2);
    fails = false;
    CHECK(must(c.at("planner").deliver()).undelivered.empty());
    CHECK(waiting(c).empty());
    REQUIRE(offered.size() == 8);
    for (std::size_t i = 2; i != offered.size(); ++i) {
        CHECK(offered[i] == offered[i - 2]);
    }
    must(c.at("planner").deliver());
    CHECK(offered.size() == 8);
}

TEST_CASE("F41 a sink that throws is a sink that fails", "[pod]") {
    crew_here c{here{}};
    build(c);
    tell(c, [](const notification&) { throw std::runtime_error{"the sink is clogged"}; });
    const auto report = c.restore("planner");
    CHECK(report.undelivered.size() == 2);
    REQUIRE(report.delivery_error);
    CHECK(report.delivery_error->message == "the sink is clogged");
    CHECK(waiting(c).size() == 2);
    must(c.at("planner").check("/ws/a/f", permission::write));
}

TEST_CASE("F41 a sink may ask for a restore itself", "[pod]") {
    crew_here c{here{}};
    build(c);
    c.create(writer("helper", "/data"));
    c.kill("helper");
    auto by = c.hire();
    std::optional<podscope::restored<crew_here::parts>> helper;
    std::vector<errc> again;
    tell(c, [&](const notification&) {
        // The one that is told of is live by then, to everybody but the one who asked for it.
        again.push_back(why_not(by.library.restore("planner")));
        if (!helper) {
            helper = must(by.library.restore("helper"));
        }
    });
    CHECK(c.restore("planner").undelivered.empty());
    CHECK(again == std::vector{errc::already_live, errc::already_live});
    REQUIRE(helper);
    must(helper->pod.check("/data/f", permission::write));
    CHECK(waiting(c).empty());
    c.forget("planner");
}

TEST_CASE("I5 a name that its pod has left can still be told what waits for it", "[pod]") {
    crew_here c{here{}};
    build(c);
    tell(c, [](const notification&) -> podscope::result<void> {
        return podscope::fail({.category = errc::unavailable});
    });
    c.restore("planner");
    must(c.at("planner").release());
    c.forget("planner");
    CHECK(waiting(c).size() == 2);
    std::vector<std::string> taken;
    tell(c, [&](const notification& told) { taken.push_back(told.child); });
    CHECK(must(c.hire().library.deliver("planner")).undelivered.empty());
    CHECK(taken == std::vector<std::string>{"first", "second"});
    CHECK(waiting(c).empty());
}

TEST_CASE("I5 who clears a child off the segment that he wants is told of it at once", "[pod]") {
    crew_here c{here{}};
    c.create(writer("planner", "/ws"));
    const auto segment = must(c.add("planner", writer("child", "/ws/a")).segment());
    c.kill("child");
    must(c.at("planner").switch_segment(segment, patience));
    CHECK(c.told().size() == 1);
    CHECK(waiting(c).empty());
    must(c.at("planner").check("/ws/a/f", permission::write));
}

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
