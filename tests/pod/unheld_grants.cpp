// SPDX-License-Identifier: BSL-1.0
// A process that lives, and what it may have in the registry with no pod for it.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/faults_everywhere.hpp"
#include "support/faulty_memory.hpp"

#include <podscope/pod/grant.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/unheld_grants.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/verify/fault_plan.hpp>

#include <optional>
#include <set>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace podscope_test;
using podscope::errc;
using podscope::verify::step;

using faulty_parts = system_parts<in_faulty_memory>;
using faulty_runtime = podscope::basic_runtime<faulty_parts>;

// A process with one runtime over a store that can fail.
struct lone_process {
    in_faulty_memory place{};
    faulty_runtime library{open()};

    [[nodiscard]] faulty_runtime open() const {
        return faulty_runtime{
            faulty_parts{place.open(), place.open_sessions(), {}, {}, {}, {}, {}, {}}};
    }

    [[nodiscard]] fault_at next(step kind) const { return {place.open().plan(), kind, 1}; }

    void judge() {
        std::set<std::string> told;
        for (const auto& one : library.parts().sink.drain()) {
            told.insert(one.id);
        }
        auto store = place.open();
        const auto broken = broken_invariants(stored_state{store}, crew_places(), {}, told);
        CAPTURE(broken);
        CHECK(broken.empty());
    }
};

// What an operation gets that is committed without being told so.
template <class F>
void untold(const lone_process& here, F&& enter) {
    const auto planned = here.next(step::committed);
    REQUIRE(why_not(enter()) == fault_at::category);
    REQUIRE(planned.was_reached());
}

} // namespace

TEST_CASE("F45 a pod that was created without anybody being told comes back to its process",
          "[pod]") {
    lone_process here;
    untold(here, [&] { return here.library.create(writer("top", "/ws")); });
    const auto again = error_of(here.library.create(writer("top", "/ws")));
    CHECK(again.category == errc::duplicate_name);
    CHECK(again.message ==
          "a live pod has the name 'top', held by process " + std::to_string(::getpid()));
    auto back = must(here.library.restore("top"));
    must(back.pod.check("/ws/f", permission::write));
    // Whoever holds it now is not robbed of it.
    CHECK(why_not(here.library.restore("top")) == errc::already_live);
    must(back.pod.check("/ws/f", permission::write));
    here.judge();
}

TEST_CASE("F45 a pod that was adopted without anybody being told comes back to its process",
          "[pod]") {
    lone_process here;
    auto top = must(here.library.create(writer("top", "/ws")));
    const auto shown = must(top.delegate(writer("child", "/ws/a")));
    untold(here, [&] { return here.library.adopt(shown); });
    CHECK(why_not(here.library.adopt(shown)) == errc::already_live);

    SECTION("by a restore") {
        auto child = must(here.library.restore("child"));
        must(child.pod.check("/ws/a/f", permission::write));
    }
    SECTION("or its scope to its parent") {
        const auto report = must(top.reconcile(patience));
        REQUIRE(report.ended.size() == 1);
        must(top.check("/ws/a/f", permission::write));
    }
    here.judge();
}

TEST_CASE("F45 a pod that was restored without anybody being told comes back to its process",
          "[pod]") {
    lone_process here;
    (void)must(here.library.create(writer("top", "/ws")));
    CHECK(error_of(here.library.create(writer("top", "/ws"))).message ==
          "a live pod has the name 'top', left by its process: restore that one");
    untold(here, [&] { return here.library.restore("top"); });
    untold(here, [&] { return here.library.restore("top"); });
    auto back = must(here.library.restore("top"));
    must(back.pod.check("/ws/f", permission::write));
    here.judge();
}

TEST_CASE("F12 a pod whose end could not be written comes back to its process", "[pod]") {
    lone_process here;
    {
        auto top = must(here.library.create(writer("top", "/ws")));
        const auto planned = here.next(step::write);
        std::optional gone{std::move(top)};
        gone.reset();
        REQUIRE(planned.was_reached());
    }
    // Another runtime sees a process that lives.
    CHECK(why_not(here.open().restore("top")) == errc::already_live);

    SECTION("by a restore") {
        auto back = must(here.library.restore("top"));
        must(back.pod.check("/ws/f", permission::write));
    }
    SECTION("or stands in nobody's way") {
        auto other = must(here.library.create(writer("other", "/ws/a")));
        must(other.check("/ws/a/f", permission::write));
    }
    SECTION("or ends with all that is stale") {
        CHECK(must(here.library.reclaim_stale()).dropped.size() == 1);
        CHECK_FALSE(must(here.library.find("top")));
    }
    here.judge();
}

// Its epoch is given once more, to the one who succeeds.
TEST_CASE("I1 who holds a pod keeps it after another attempt has failed under his epoch", "[pod]") {
    lone_process here;
    {
        const auto planned = here.next(step::commit);
        REQUIRE(why_not(here.library.create(writer("top", "/ws"))) == fault_at::category);
        REQUIRE(planned.was_reached());
    }
    REQUIRE_FALSE(must(here.library.find("top")));
    auto top = must(here.library.create(writer("top", "/ws")));
    CHECK(why_not(here.library.restore("top")) == errc::already_live);
    CHECK(must(here.library.reclaim_stale()).dropped.empty());
    must(top.check("/ws/f", permission::write));
    here.judge();
}

TEST_CASE("I1 a grant is unheld from when nobody has it to when somebody does", "[pod]") {
    const auto owner = podscope::process_identity{.pid = 7};
    const auto row_of = [&](podscope::epoch granted) {
        return podscope::allocation{.pod = "top", .owner = owner, .granted = granted};
    };
    const auto subject_of = [&](podscope::epoch granted) {
        return podscope::probe_subject{.pod = "top", .owner = owner, .granted = granted};
    };
    const auto grant_of = [](podscope::epoch granted) {
        return podscope::grant{.pod = "top", .granted = granted};
    };
    constexpr podscope::epoch first{1};
    constexpr podscope::epoch second{2};
    podscope::unheld_grants all;
    const auto has = [&](podscope::epoch granted) { return all.contains(subject_of(granted)); };

    CHECK_FALSE(has(first));
    all.hold(row_of(first));
    CHECK_FALSE(has(first));
    all.hold(row_of(first));
    all.let_go(grant_of(first), true);
    CHECK_FALSE(has(first)); // one of two
    all.let_go(grant_of(first), false);
    CHECK(has(first));
    CHECK_FALSE(has(second));

    auto of_another = subject_of(first);
    ++of_another.owner.pid;
    CHECK_FALSE(all.contains(of_another));
    auto elsewhere = subject_of(first);
    elsewhere.pod = "other";
    CHECK_FALSE(all.contains(elsewhere));

    all.hold(row_of(first));
    CHECK_FALSE(has(first));
    all.let_go(grant_of(first), false);
    CHECK(has(first));

    all.hold(row_of(second));
    CHECK(has(first));
    all.set_committed(grant_of(second));
    CHECK_FALSE(has(first));
    all.let_go(grant_of(second), false);
    CHECK_FALSE(has(second));
}

TEST_CASE("F22 a forked copy takes nothing for unheld", "[pod]") {
    const podscope::allocation row{.pod = "top", .granted = podscope::epoch{1}};
    const podscope::grant own{.pod = "top", .granted = podscope::epoch{1}};
    const podscope::probe_subject subject{.pod = "top", .granted = podscope::epoch{1}};
    podscope::unheld_grants all;
    all.hold(row);
    all.let_go(own, true);
    REQUIRE(all.contains(subject));
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool copied = all.contains(subject);
        all.set_committed({.pod = "top", .granted = podscope::epoch{2}});
        all.hold(row);
        ::_exit(copied || all.contains(subject) ? 1 : 0);
    }
    int status{};
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    CHECK(all.contains(subject));
}
