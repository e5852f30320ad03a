// SPDX-License-Identifier: BSL-1.0
// Pods whose leases end, on a store in memory: what becomes of those below and above them.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/in_leased_memory.hpp"
#include "support/leased_memory.hpp"

#include <podscope/pod/allocation_probe.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::end_reason;
using podscope::epoch;
using podscope::errc;
using podscope::verdict;
using podscope::when_unreachable;
namespace tables = podscope::tables;

using here = configuration<in_leased_memory, by_script, to_queue>;
using crew_here = crew_of<here>;

void end_lease(crew_here& c, const char* pod) {
    c.backend().end_lease_of(pod);
    c.forget(pod);
}

void build_line(crew_here& c, when_unreachable of_middle) {
    c.create(writer("top", "/ws"));
    c.add("top", writer("middle", "/ws/a").if_unreachable(of_middle));
    c.add("middle", writer("low", "/ws/a/b"));
}

std::string parent_of(crew_here& c, const char* pod) {
    return c.state().of<tables::allocations>().at(pod).delegated_from;
}

} // namespace

TEST_CASE("F44 a delegation whose child has lost its lease ends as its delegator has said",
          "[pod]") {
    crew_here c{here{}};
    build_line(c, when_unreachable::fence);
    end_lease(c, "middle");
    const auto report = must(c.at("top").reconcile(patience));
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().reason == end_reason::absent);
    CHECK(parent_of(c, "low") == "top");
    c.judge_restored("top");
}

TEST_CASE("F44 a child that is to be kept though it has lost its lease can come back", "[pod]") {
    crew_here c{here{}};
    build_line(c, when_unreachable::keep);
    end_lease(c, "middle");
    const auto report = must(c.at("top").reconcile(patience));
    CHECK(report.kept == std::vector<std::string>{"middle"});
    CHECK_FALSE(report.changed());
    CHECK(parent_of(c, "low") == "middle");
    CHECK(may_at(c.at("top"), "/ws/a/x") == permission::read);
    c.restore("middle");
    c.judge_restored("middle");
    c.judge_restored("top");
}

TEST_CASE("F44 a reservation that is gone with its maker's lease is not kept", "[pod]") {
    crew_here c{here{}};
    c.create(writer("top", "/ws"));
    (void)c.delegate("top", writer("reserved", "/ws/a").if_unreachable(when_unreachable::keep));
    end_lease(c, "top");
    const auto report = c.restore("top");
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "reserved");
    c.judge_restored("top");
}

TEST_CASE("F44 who lives below one that lost its lease descends from the next one up", "[pod]") {
    for (const auto what : {when_unreachable::keep, when_unreachable::fence}) {
        CAPTURE(to_string(what));
        crew_here c{here{}};
        build_line(c, what);
        end_lease(c, "middle");
        // Without a look at who stands in its way, what it is to get back would be a stranger's.
        CHECK(why_not(c.at("top").delegate(writer("new", "/ws/a/b/x"), patience)) ==
              errc::conflict);
        CHECK(parent_of(c, "low") == "top");
        const auto made = rows_of<tables::delegations>(c.state(), "top");
        CHECK(made.size() == (what == when_unreachable::keep ? 2U : 1U));
        c.judge();
    }
}

TEST_CASE("F44 nobody is moved for a root that has lost its lease", "[pod]") {
    crew_here c{here{}};
    c.create(writer("top", "/ws"));
    c.add("top", writer("low", "/ws/a"));
    end_lease(c, "top");
    CHECK(why_not(c.try_create(writer("new", "/ws/a"))) == errc::conflict);
    CHECK(parent_of(c, "low") == "top");
    c.restore("top");
    c.judge_restored("top");
}

TEST_CASE("F44 nobody's process is ended for a parent that is kept without its lease", "[pod]") {
    for (const auto what : {when_unreachable::keep, when_unreachable::fence}) {
        CAPTURE(to_string(what));
        crew_here c{here{}};
        c.create(writer("top", "/ws"));
        c.add("top", writer("middle", "/ws/a").if_unreachable(what));
        c.add("middle", writer("low", "/ws/a/b"));
        c.kill("low");
        end_lease(c, "middle");
        const auto report = must(c.at("top").reconcile(patience));
        CHECK(report.ended.size() == (what == when_unreachable::keep ? 0U : 2U));
        c.judge();
    }
}

TEST_CASE("F44 nobody below a parent that is kept without its lease is terminated", "[pod]") {
    for (const auto what : {when_unreachable::keep, when_unreachable::fence}) {
        CAPTURE(to_string(what));
        using real = configuration<in_leased_memory, by_default, to_queue>;
        crew_of<real> c{real{}};
        c.create(writer("top", "/ws"));
        c.add("top", writer("middle", "/ws/a").if_unreachable(what));
        c.add("middle", writer("low", "/ws/a/b").if_unreachable(when_unreachable::terminate));
        const podscope::probe_subject low{.pod = "any",
                                          .owner = c.holder_of("low").who->identity()};
        c.hang("low");
        c.backend().end_lease_of("middle");
        c.forget("middle");
        const auto report = must(c.at("top").reconcile(impatience));
        CHECK(report.ended.size() == (what == when_unreachable::keep ? 0U : 2U));
        verdict found{};
        podscope::process_probe{}.probe({&low, 1}, {}, {&found, 1});
        CHECK(found == (what == when_unreachable::keep ? verdict::reachable : verdict::missing));
    }
}

TEST_CASE("F44 an allocation tells by its lease whether its holder is alive", "[pod]") {
    leased_memory holder{"holder's"};
    const auto enter = [](leased_memory store, const char* pod, const char* segment) {
        must(store.write([&](auto& txn) -> podscope::result<void> {
            must(podscope::registry{txn}.insert({.pod = pod, .granted = epoch{7}}, {}));
            return podscope::pod_store{txn}.put(
                {.pod = pod, .active_segment = segment, .granted = epoch{7}});
        }));
    };
    enter(holder, "adopted", "segment");
    enter(holder, "reserved", "");
    enter(holder.with_lease(""), "without", "segment");
    const auto of = [&](const char* pod, epoch shown = epoch{7}) {
        const std::vector<podscope::probe_subject> subjects{{.pod = pod, .granted = shown}};
        std::vector found{verdict::missing};
        podscope::allocation_probe{holder}.probe(subjects, {}, found);
        return found.front();
    };
    CHECK(of("adopted") == verdict::reachable);
    CHECK(of("reserved") == verdict::reachable);
    CHECK(of("without") == verdict::unknown);
    CHECK(of("adopted", epoch{6}) == verdict::unknown);
    CHECK(of("nobody") == verdict::unknown);
    holder.end("holder's");
    CHECK(of("adopted") == verdict::unreachable);
    CHECK(of("adopted", epoch{6}) == verdict::unknown);
    CHECK(of("reserved") == verdict::unknown);
    CHECK(of("without") == verdict::unknown);
}
