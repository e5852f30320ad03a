// SPDX-License-Identifier: BSL-1.0
// Teams that are deeper and wider than anybody's.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/effort.hpp"

#include <podscope/pod/self.hpp>
#include <podscope/probe/this_process.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::errc;
namespace tables = podscope::tables;

using parts = system_parts<in_memory>;
using runtime = podscope::basic_runtime<parts>;
using pod = podscope::basic_pod<parts>;

std::size_t child_count() {
    return static_cast<std::size_t>(
        number_from_environment("PODSCOPE_CHILDREN", is_sanitised ? 10'000 : 100'000));
}

// Each for a part of its own below a place.
std::vector<manifest> many_writers(std::size_t count, const std::string& below) {
    std::vector<manifest> all;
    for (std::size_t i = 0; i != count; ++i) {
        const auto number = std::to_string(i);
        all.push_back(writer("child" + number, below + "/part" + number));
    }
    return all;
}

TEST_CASE("F34 a chain of a thousand delegations holds and shrinks", "[pod][slow]") {
    constexpr std::size_t depth = is_sanitised ? 200 : 1'000;
    const in_memory backend;
    runtime library{parts{backend.open(), {}, {}, {}, {}, {}, {}, {}}};
    std::vector<pod> chain;
    chain.push_back(must(library.create(writer("p0", "/ws"))));
    for (std::size_t i = 1; i != depth; ++i) {
        const auto grant = must(chain.back().delegate(writer("p" + std::to_string(i), "/ws")));
        chain.push_back(must(library.adopt(grant)));
    }
    const auto writers = [&] {
        std::vector<std::string> found;
        for (const auto& one : chain) {
            if (one.check("/ws/f", permission::write)) {
                found.push_back(one.name());
            }
        }
        return found;
    };
    const std::string leaf = chain.back().name();
    CHECK(writers() == std::vector{leaf});

    // One below the root goes, and the rest hangs below the root.
    must(chain.front().reclaim("p1"));
    CHECK(writers() == std::vector{leaf});
    CHECK(must(library.find("p2"))->delegated_from == "p0");

    // All between the root and the leaf die: the leaf is adopted from a thousand levels below.
    chain.erase(chain.begin() + 1, chain.end() - 1);
    const auto report = must(chain.front().reconcile(patience));
    REQUIRE(report.adopted.size() == 1);
    CHECK(report.adopted.front().child == leaf);
    CHECK(writers() == std::vector{leaf});
    auto store = backend.open();
    CHECK(stored_state{store}.of<tables::allocations>().size() == 2);
    CHECK(stored_state{store}.of<tables::layers>().size() == 1);

    must(chain.back().release());
    CHECK(writers() == std::vector{std::string{"p0"}});
}

TEST_CASE("F34 a parent of a hundred thousand children is restored", "[pod][slow]") {
    const std::size_t count = child_count();
    const in_memory backend;
    podscope::memory_sessions sessions;
    runtime library{parts{backend.open(), sessions, {}, {}, {}, {}, {}, {}}};
    const auto segment = must(sessions.create({}));
    must(sessions.append(segment, {.kind = "begin"}));
    {
        auto planner = must(library.create(writer("planner", "/ws"), {.segment = segment}));
        CHECK(must(planner.delegate_all(many_writers(count, "/ws"))).size() == count);
        CHECK_FALSE(planner.check("/ws/part7/f", permission::write));
    }
    auto back = must(library.restore("planner", {.probe_time = patience}));
    CHECK(back.report.kept.size() == count); // reserved by this process, which lives
    CHECK(back.report.undecided.empty());
    CHECK(why_not(back.pod.check("/ws/part7/f", permission::write)) == errc::denied);
    CHECK(may_at(back.pod, "/ws/free") == permission::write);
    must(back.pod.reclaim("child7"));
    CHECK(may_at(back.pod, "/ws/part7/f") == permission::write);
    CHECK(may_at(back.pod, "/ws/part8/f") == permission::read);
}

using given_parts = system_parts<in_memory,
                                 podscope::memory_sessions,
                                 podscope::queue_sink,
                                 podscope::given_process>;

TEST_CASE("F34 a hundred thousand dead children of a dead parent end with it", "[pod][slow]") {
    const std::size_t count = child_count();
    const in_memory backend;
    podscope::queue_sink sink;
    const auto runtime_of = [&](podscope::process_identity who) {
        return podscope::basic_runtime<given_parts>{given_parts{
            backend.open(), backend.open_sessions(), {}, sink, {}, {}, {}, {std::move(who)}}};
    };
    const auto here = must(podscope::this_process());
    auto gone = here;
    --gone.start_time;
    auto root = must(runtime_of(here).create(writer("root", "/ws")));
    auto planner =
        must(runtime_of(gone).adopt(must(root.delegate(writer("planner", "/ws/planner")))));
    CHECK(must(planner.delegate_all(many_writers(count, "/ws/planner"))).size() == count);
    CHECK(why_not(root.check("/ws/planner/part7/f", permission::write)) == errc::denied);

    const auto report = must(root.reconcile(patience));
    CHECK(report.ended.size() == count + 1);
    CHECK(report.adopted.empty());
    CHECK(report.undecided.empty());
    CHECK(report.undelivered.empty());
    must(root.check("/ws/planner/part7/f", permission::write));
    std::set<std::string> told;
    for (const auto& one : sink.drain()) {
        told.insert(one.id);
    }
    CHECK(told.size() == count + 1);
    auto store = backend.open();
    const stored_state left{store};
    const auto broken = inspection{left, crew_places()}
                            .all_children_live("root")
                            .no_leak()
                            .nothing_lost(told)
                            .registry_in_step()
                            .broken();
    CAPTURE(broken);
    CHECK(broken.empty());
    CHECK(left.of<tables::allocations>().size() == 1);
    CHECK(left.of<tables::claims>().size() == 1);
    CHECK(left.of<tables::layers>().empty());
    CHECK(left.of<tables::history>().size() == count + 1);
}

TEST_CASE("F34 a hundred thousand dead pods are swept one by one", "[pod][slow]") {
    const std::size_t count = child_count();
    const in_memory backend;
    const auto runtime_of = [&](podscope::process_identity who) {
        return podscope::basic_runtime<given_parts>{given_parts{
            backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {std::move(who)}}};
    };
    const auto here = must(podscope::this_process());
    auto gone = here;
    --gone.start_time;
    auto planner = must(runtime_of(gone).create(writer("planner", "/ws")));
    CHECK(must(planner.delegate_all(many_writers(count, "/ws"))).size() == count);

    const auto report = must(runtime_of(here).reclaim_stale(patience));
    CHECK(report.reclaimed.size() == count);
    CHECK(report.dropped == std::vector{std::string{"planner"}});
    CHECK(report.overtaken.empty());
    CHECK(report.failed.empty());
    auto store = backend.open();
    CHECK(stored_state{store}.of<tables::allocations>().empty());
}

} // namespace
