// SPDX-License-Identifier: BSL-1.0
// What becomes of an operation of a runtime or a pod when memory runs out, at every allocation in
// turn.
#include "support/scarce_memory.hpp"

#ifndef PODSCOPE_TEST_KEEPS_OPERATOR_NEW
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/pod/open_runtime.hpp>
#include <podscope/pod/watcher.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::errc;

using here = configuration<in_memory, by_script, to_queue>;
using crew_here = crew_of<here>;

/// `act(crew)` says that there is no memory and leaves what is stored as it was, or it succeeds:
/// then the invariants hold, once the crew knows what `settle(crew)` tells it. With a crew that is
/// new each time.
template <class Build, class Act, class Settle>
void fails_whole(Build build, Act act, Settle settle) {
    const auto needed = [&] {
        crew_here c{here{}};
        build(c);
        return allocations_of([&] { (void)act(c); });
    }();
    std::size_t failures = 0;
    for (std::size_t room = 0; room != needed; ++room) {
        crew_here c{here{}};
        build(c);
        const auto before = c.state();
        const auto got = [&] {
            const scarcity now{room};
            return act(c);
        }();
        INFO("room for " << room << " allocations of " << needed);
        if (!got) {
            ++failures;
            REQUIRE(got.error().category == errc::out_of_memory);
            REQUIRE(c.state() == before);
        } else {
            settle(c);
            c.judge();
        }
    }
    CHECK(failures > 5);
}

template <class Build, class Act>
void fails_whole(Build build, Act act) {
    fails_whole(build, act, [](crew_here&) {});
}

// A line of three, the middle of which is dead.
void build_line(crew_here& c) {
    c.create(writer("top", "/ws"));
    c.add("top", writer("middle", "/ws/a"));
    c.add("middle", writer("low", "/ws/a/b"));
    c.kill("middle");
}

} // namespace

TEST_CASE("F15 who creates, delegates or adopts with too little memory has changed nothing",
          "[pod]") {
    const auto build = [](crew_here& c) { c.create(writer("top", "/ws")); };
    const auto other = writer("other", "/other");
    fails_whole(build, [&](crew_here& c) { return c.holder_of("top").library.create(other); });
    const std::vector children{writer("one", "/ws/a"), writer("two", "/ws/b")};
    fails_whole(build, [&](crew_here& c) { return c.at("top").delegate_all(children, patience); });
    podscope::grant shown;
    fails_whole(
        [&](crew_here& c) {
            build(c);
            shown = c.delegate("top", writer("new", "/ws/a"));
        },
        [&](crew_here& c) { return c.holder_of("top").library.adopt(shown); });
}

TEST_CASE("F15 who restores or reconciles with too little memory has changed nothing", "[pod]") {
    fails_whole(build_line,
                [](crew_here& c) { return c.holder_of("top").library.restore("middle"); });
    fails_whole(build_line, [](crew_here& c) { return c.at("top").reconcile(patience); });
}

TEST_CASE("F15 who reclaims or releases with too little memory has changed nothing", "[pod]") {
    fails_whole(build_line, [](crew_here& c) { return c.at("top").reclaim("middle"); });
    fails_whole(
        build_line, [](crew_here& c) { return c.at("low").release(); },
        [](crew_here& c) { c.forget("low"); });
}

TEST_CASE("F15 what clears the dead with too little memory does not deny what it has cleared",
          "[pod]") {
    // Two that are in nobody's way but stale, and one whose segment is wanted.
    const auto build = [](crew_here& c) {
        c.create(writer("top", "/ws"));
        c.add("top", writer("one", "/ws/a"));
        c.create(writer("two", "/other"));
        c.kill("one");
        c.kill("two");
    };
    const auto each = [&](auto act, auto judge) {
        const auto failures = with_each_allocation_failing([&](std::size_t room) {
            crew_here c{here{}};
            build(c);
            const auto before = c.state();
            const auto segment = must(c.holder_of("top").library.record_of("two")).active_segment;
            const auto got = [&] {
                const scarcity now{room};
                return act(c, segment);
            }();
            INFO("room for " << room << " allocations");
            REQUIRE((got || got.error().category == errc::out_of_memory));
            c.judge();
            return judge(c, got, before);
        });
        CHECK(failures > 5);
    };
    SECTION("a search for them") {
        each([](crew_here& c,
                const std::string&) { return c.holder_of("top").library.reclaim_stale(patience); },
             [](crew_here& c, const auto& got, const stored_state& before) {
                 if (!got) {
                     CHECK(c.state() == before);
                     return false;
                 }
                 const auto left = c.state().of<podscope::tables::allocations>().size();
                 CHECK(left + got->reclaimed.size() + got->dropped.size() == 3);
                 return got->failed.empty();
             });
    }
    SECTION("a change of segment") {
        each(
            [](crew_here& c, const std::string& segment) {
                return c.at("top").switch_segment(segment, patience);
            },
            [](crew_here& c, const auto& got, const stored_state&) {
                return got.has_value() && must(c.at("top").segment()).size() > 1;
            });
    }
}

TEST_CASE("F15 a pod for which memory runs out in a look looks again", "[pod]") {
    const auto failures = with_each_allocation_failing([](std::size_t room) {
        crew_here c{here{}};
        auto& top = c.create(writer("top", "/ws"));
        auto& child = c.add("top", writer("child", "/ws/a"));
        must(top.check("/ws/f", permission::write));
        must(child.release()); // so that there is something to see
        c.forget("child");
        const auto checked = [&] {
            const scarcity now{room};
            return top.check("/ws/a/f", permission::write);
        }();
        INFO("room for " << room << " allocations");
        REQUIRE((checked || checked.error().category == errc::out_of_memory));
        must(top.check("/ws/a/f", permission::write));
        c.judge();
        return checked.has_value();
    });
    CHECK(failures > 1);
}

TEST_CASE("F15 a watcher for which memory runs out still sees who dies", "[pod]") {
    using of_processes = configuration<in_memory, by_default, to_queue>;
    crew_of<of_processes> c{of_processes{}};
    c.create(writer("top", "/ws"));
    c.add("top", writer("one", "/ws/a"));
    c.add("top", writer("two", "/ws/b"));
    std::vector<podscope::basic_watcher<decltype(c)::parts>> watchers;
    const auto failures = with_each_allocation_failing([&](std::size_t room) {
        auto& watcher = watchers.emplace_back(must(podscope::watch(c.at("top"))));
        const auto attended = [&] {
            const scarcity now{room};
            return watcher.attend();
        }();
        INFO("room for " << room << " allocations");
        REQUIRE((attended || attended.error().category == errc::out_of_memory));
        must(watcher.attend());
        REQUIRE(watcher.size() == 2);
        return attended.has_value();
    });
    CHECK(failures > 5);
    c.kill("one");
    std::size_t changes = 0;
    for (auto& watcher : watchers) {
        changes += must(watcher.attend()).changed() ? 1U : 0U;
        CHECK(watcher.size() == 1);
    }
    CHECK(changes == 1);
    c.judge();
}

TEST_CASE("F15 a runtime for which memory runs out as it is opened can be opened later", "[pod]") {
    const temporary_folder folder;
    const std::string path = folder / "store";
    const auto failures = with_each_allocation_failing([&](std::size_t room) {
        const auto opened = [&] {
            const scarcity now{room};
            return podscope::open_runtime(path);
        }();
        REQUIRE((opened || opened.error().category == errc::out_of_memory));
        return opened.has_value();
    });
    CHECK(failures > 5);
    CHECK(must(must(podscope::open_runtime(path)).live()).empty());
}
#endif
