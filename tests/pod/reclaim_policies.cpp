// SPDX-License-Identifier: BSL-1.0
// What becomes of a child that does not answer: as the reclaim policy has it, or as was said for
// its delegation.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/forked.hpp"
#include "support/talking_process.hpp"

#include <podscope/pod/grace_period.hpp>
#include <podscope/pod/judgement.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/review.hpp>
#include <podscope/pod/terminate_first.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/this_process.hpp>
#include <podscope/registry/registry.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace {

using namespace podscope_test;
using podscope::end_reason;
using podscope::errc;
using podscope::verdict;
using podscope::when_unreachable;

using over_processes_here = configuration<in_journal, by_default, to_queue>;
using by_script_here = configuration<in_memory, by_script, to_queue>;

// A crew whose planner has a reclaim policy of its own.
template <class Configuration, class Policy>
struct stage {
    using crew_type = crew_of<Configuration>;
    using parts = podscope::runtime_parts<typename Configuration::backend::store,
                                          typename Configuration::backend::sessions,
                                          any_probe,
                                          any_sink,
                                          podscope::lexical_path,
                                          Policy,
                                          podscope::system_clocks,
                                          podscope::given_process>;
    using runtime = podscope::basic_runtime<parts>;

    explicit stage(Policy policy = Policy{})
        : library{parts{c.backend().open(),
                        c.backend().open_sessions(),
                        any_probe::of(any_probe_with{c.own_probe(), [this] { happen(); }}),
                        any_sink::of(podscope::queue_sink{}),
                        {},
                        std::move(policy),
                        {},
                        {by.who->identity()}}} {}

    /// Happens while the next probe is under way: after it is known whom to ask.
    std::function<void()> meanwhile{};

    void add(const manifest& child) { c.adopt(must(planner.delegate(child, patience))); }

    podscope::reconcile_report reconcile() { return must(planner.reconcile(impatience)); }

    [[nodiscard]] podscope::process_identity owner_of(const std::string& pod) {
        return c.holder_of(pod).who->identity();
    }

    crew_type c{Configuration{}};
    typename crew_type::member by{c.hire()};
    runtime library;
    podscope::basic_pod<parts> planner{must(library.create(writer("planner", "/ws")))};

private:
    void happen() {
        if (const auto what = std::exchange(meanwhile, {})) {
            what();
        }
    }
};

verdict state_of(const podscope::process_identity& who) {
    const podscope::probe_subject subject{.pod = "any", .owner = who};
    verdict found{};
    podscope::process_probe{}.probe({&subject, 1}, {}, {&found, 1});
    return found;
}

std::vector<std::pair<std::string, end_reason>> ended(const podscope::reconcile_report& report) {
    std::vector<std::pair<std::string, end_reason>> all;
    for (const auto& one : report.ended) {
        all.emplace_back(one.child, one.reason);
    }
    return all;
}

using list = std::vector<std::pair<std::string, end_reason>>;

} // namespace

TEST_CASE("F20 a hung child is terminated before its scope comes back", "[pod]") {
    stage<over_processes_here, podscope::terminate_first<>> on{{.patience = 50ms}};
    on.add(writer("child", "/ws/a"));
    on.add(writer("other", "/ws/b"));
    const auto hung = on.owner_of("child");
    const auto other = on.owner_of("other");
    on.c.hang("child");
    CHECK(ended(on.reconcile()) == list{{"child", end_reason::missing}});
    CHECK(state_of(hung) == verdict::missing);
    CHECK(state_of(other) == verdict::reachable);
    must(on.planner.check("/ws/a/f", permission::write));
}

TEST_CASE("F20 all who do not answer are terminated together and waited for no longer", "[pod]") {
    const auto time = GENERATE(std::chrono::milliseconds{1h}, std::chrono::milliseconds::max());
    CAPTURE(time.count());
    const auto serve = [](line_to_test line) {
        ::signal(SIGTERM, SIG_DFL);
        while (line.hear()) {
            if (!line.answer("here")) {
                return 1;
            }
        }
        return 0;
    };
    talking_process one{serve};
    talking_process two{serve};
    talking_process gone{serve};
    std::vector<podscope::probe_subject> subjects;
    for (const auto* const each : {&one, &two, &gone}) {
        CHECK(each->ask("are you there?") == "here");
        subjects.push_back({.pod = "any", .owner = must(podscope::identity_of(each->pid()))});
    }
    gone.kill();
    std::vector<verdict> found(subjects.size(), verdict::unreachable);
    podscope::terminate_first<>{.patience = time}.review(subjects, found);
    CHECK(found == std::vector<verdict>(subjects.size(), verdict::missing));
}

TEST_CASE("F25 only those are terminated whose delegations end", "[pod]") {
    stage<over_processes_here, podscope::terminate_first<>> on{{.patience = 50ms}};
    on.add(writer("lives", "/ws/a"));
    on.c.add("lives", writer("below the living", "/ws/a/a"));
    on.add(writer("hangs", "/ws/b"));
    on.c.add("hangs", writer("hangs too", "/ws/b/a"));
    on.c.add("hangs", writer("orphan", "/ws/b/b"));
    const auto spared = on.owner_of("below the living");
    const auto not_spared = on.owner_of("hangs too");
    for (const auto* const pod : {"below the living", "hangs", "hangs too"}) {
        on.c.hang(pod);
    }
    const auto report = on.reconcile();
    CHECK(ended(report) ==
          list{{"hangs", end_reason::missing}, {"hangs too", end_reason::missing}});
    REQUIRE(report.adopted.size() == 1);
    CHECK(report.adopted.front().child == "orphan");
    // It hangs, and is its parent's business.
    CHECK(state_of(spared) == verdict::reachable);
    CHECK(state_of(not_spared) == verdict::missing);
}

TEST_CASE("a policy that terminates does not do so to its own process", "[pod]") {
    const podscope::probe_subject self{
        .pod = "any", .owner = must(podscope::calling_process{}.self()), .endpoint = {}};
    verdict found = verdict::unreachable;
    podscope::terminate_first<>{.patience = 10ms}.review({&self, 1}, {&found, 1});
    CHECK(found == verdict::unreachable);
    CHECK_FALSE(podscope::terminate_first<>{}.ends(found));
    CHECK(podscope::terminate_first<podscope::reclaim_and_fence>{}.ends(found));
}

TEST_CASE("I7 a policy that terminates takes nobody on another machine for dead", "[pod]") {
    podscope::probe_subject elsewhere{
        .pod = "any", .owner = must(podscope::calling_process{}.self()), .endpoint = {}};
    elsewhere.owner.boot.low ^= 1U;
    ++elsewhere.owner.pid; // its own process it leaves alone in any case
    verdict found = verdict::unreachable;
    podscope::terminate_first<>{.patience = 10ms}.review({&elsewhere, 1}, {&found, 1});
    CHECK(found == verdict::unreachable);
}

TEST_CASE("what was said for a delegation takes the place of the policy", "[pod]") {
    SECTION("a policy that fences") {
        stage<over_processes_here, podscope::reclaim_and_fence> on;
        on.add(writer("as configured", "/ws/a"));
        on.add(writer("kept", "/ws/b").if_unreachable(when_unreachable::keep));
        on.add(writer("terminated", "/ws/x").if_unreachable(when_unreachable::terminate));
        const auto fenced = on.owner_of("as configured");
        const auto terminated = on.owner_of("terminated");
        for (const auto* const pod : {"as configured", "kept", "terminated"}) {
            on.c.hang(pod);
        }
        const auto report = on.reconcile();
        CHECK(ended(report) == list{{"as configured", end_reason::unreachable},
                                    {"terminated", end_reason::missing}});
        CHECK(report.kept == std::vector<std::string>{"kept"});
        CHECK(state_of(fenced) == verdict::reachable);
        CHECK(state_of(terminated) == verdict::missing);
    }
    SECTION("a policy that fences, and for everybody") {
        stage<over_processes_here, podscope::reclaim_and_fence> on;
        on.add(writer("terminated", "/ws/a").if_unreachable(when_unreachable::terminate));
        const auto terminated = on.owner_of("terminated");
        on.c.hang("terminated");
        CHECK(ended(on.reconcile()) == list{{"terminated", end_reason::missing}});
        CHECK(state_of(terminated) == verdict::missing);
    }
    SECTION("a policy that keeps, and a restore by another process") {
        stage<over_processes_here, podscope::reclaim_only_the_dead> on;
        on.add(writer("as configured", "/ws/a"));
        on.add(writer("fenced", "/ws/b").if_unreachable(when_unreachable::fence));
        on.add(writer("dies", "/ws/x").if_unreachable(when_unreachable::keep));
        on.c.hang("as configured");
        on.c.hang("fenced");
        on.c.kill("dies");
        on.by.who->kill();
        auto heir = on.c.hire();
        decltype(on)::runtime library{{on.c.backend().open(),
                                       on.c.backend().open_sessions(),
                                       on.c.own_probe(),
                                       any_sink::of(podscope::queue_sink{}),
                                       {},
                                       {},
                                       {},
                                       {heir.who->identity()}}};
        const auto back = must(library.restore("planner", {.probe_time = impatience}));
        CHECK(ended(back.report) ==
              list{{"dies", end_reason::missing}, {"fenced", end_reason::unreachable}});
        CHECK(back.report.kept == std::vector<std::string>{"as configured"});
    }
}

TEST_CASE("a restore that is refused terminates nobody", "[pod]") {
    stage<over_processes_here, podscope::terminate_first<>> on{{.patience = 50ms}};
    on.add(writer("child", "/ws/a"));
    on.c.add("child", writer("grandchild", "/ws/a/a"));
    const auto child = on.owner_of("child");
    const auto grandchild = on.owner_of("grandchild");
    on.c.hang("grandchild");
    SECTION("since the last holder lives") {
        on.c.hang("child");
        CHECK(why_not(on.library.restore("planner", {.probe_time = impatience})) ==
              errc::already_live);
        CHECK(state_of(child) == verdict::reachable);
    }
    SECTION("since its manifest asks for too much") {
        on.c.kill("child");
        CHECK(why_not(on.library.restore(writer("child", "/ws"), {.probe_time = impatience})) ==
              errc::not_within_authority);
    }
    CHECK(state_of(grandchild) == verdict::reachable);
}

TEST_CASE("I7 F21 who has lost a pod terminates nobody who is below it", "[pod]") {
    stage<over_processes_here, podscope::terminate_first<>> on{{.patience = 50ms}};
    on.add(writer("child", "/ws/a"));
    const auto child = on.owner_of("child");
    on.by.who->kill();
    auto heir = on.c.hire();
    decltype(on)::runtime library{{on.c.backend().open(),
                                   on.c.backend().open_sessions(),
                                   on.c.own_probe(),
                                   any_sink::of(podscope::queue_sink{}),
                                   {},
                                   {.patience = 50ms},
                                   {},
                                   {heir.who->identity()}}};
    auto back = must(library.restore("planner", {.probe_time = patience}));
    CHECK(back.report.kept == std::vector<std::string>{"child"});
    on.c.hang("child");
    CHECK(why_not(on.planner.reconcile(impatience)) == errc::revoked);
    CHECK(state_of(child) == verdict::reachable);
    CHECK(why_not(on.planner.descendants()) == errc::revoked);
    CHECK(ended(must(back.pod.reconcile(impatience))) == list{{"child", end_reason::missing}});
    CHECK(state_of(child) == verdict::missing);
}

TEST_CASE("I7 F33 nobody is terminated for what he was before the probe", "[pod]") {
    stage<over_processes_here, podscope::terminate_first<>> on{{.patience = 50ms}};
    on.add(writer("child", "/ws/a"));
    const auto child = on.owner_of("child");
    auto next = on.c.hire();
    SECTION("who has released") {
        on.meanwhile = [&] { must(on.c.hang("child").release()); };
        CHECK_FALSE(on.reconcile().changed());
    }
    SECTION("who is below another one by now") {
        on.meanwhile = [&] {
            on.by.who->kill();
            (void)must(next.library.restore("planner", {.probe_time = patience}));
            on.c.hang("child");
        };
        CHECK(why_not(on.planner.reconcile(impatience)) == errc::revoked);
    }
    SECTION("whose pod has ended before it is restored") {
        on.meanwhile = [&] {
            on.c.hang("child");
            must(on.planner.reclaim("child"));
        };
        CHECK(why_not(on.library.restore("child", {.probe_time = impatience})) ==
              errc::stale_epoch);
    }
    SECTION("whose pod is another one's before it is restored") {
        on.meanwhile = [&] {
            on.c.hang("child");
            on.c.tamper("child",
                        [&](podscope::allocation& row) { row.owner = next.who->identity(); });
        };
        CHECK(why_not(on.library.restore("child", {.probe_time = impatience})) ==
              errc::already_live);
    }
    CHECK(state_of(child) == verdict::reachable);
}

TEST_CASE("nobody is terminated by a probe that has failed", "[pod]") {
    stage<over_processes_here, podscope::terminate_first<>> on{{.patience = 50ms}};
    on.add(writer("child", "/ws/a"));
    const auto child = on.owner_of("child");
    on.c.hang("child");
    on.meanwhile = [] { throw std::runtime_error{"nobody can be asked"}; };
    CHECK(why_not(on.planner.reconcile(impatience)) == errc::unavailable);
    CHECK(state_of(child) == verdict::reachable);
}

TEST_CASE("F20 a restore terminates the last holder that hangs before it takes its place",
          "[pod]") {
    stage<over_processes_here, podscope::terminate_first<>> on{{.patience = 50ms}};
    on.add(writer("child", "/ws/a"));
    const auto hung = on.owner_of("child");
    on.c.hang("child");
    // By the child's name, as whoever starts it again would do.
    const auto back = must(on.library.restore("child", {.probe_time = impatience}));
    CHECK(state_of(hung) == verdict::missing);
    must(back.pod.check("/ws/a/f", permission::write));
}

TEST_CASE("F20 what was said for a delegation holds for a restore in its child's place", "[pod]") {
    stage<over_processes_here, podscope::reclaim_and_fence> on;
    on.add(writer("kept", "/ws/a").if_unreachable(when_unreachable::keep));
    on.add(writer("terminated", "/ws/b").if_unreachable(when_unreachable::terminate));
    on.add(writer("as configured", "/ws/x"));
    const auto state_after_restore = [&](const std::string& pod) {
        const auto before = on.owner_of(pod);
        on.c.hang(pod);
        const auto back = must(on.library.restore(pod, {.probe_time = impatience}));
        return state_of(before);
    };
    CHECK(state_after_restore("terminated") == verdict::missing);
    CHECK(state_after_restore("as configured") == verdict::reachable);
    const auto kept = on.owner_of("kept");
    auto& hung = on.c.hang("kept");
    CHECK(why_not(on.library.restore("kept", {.probe_time = impatience})) == errc::already_live);
    CHECK(state_of(kept) == verdict::reachable);
    must(hung.check("/ws/a/f", permission::write));
}

TEST_CASE("I7 F33 nobody is terminated by what was said, for what he was before the probe",
          "[pod]") {
    stage<over_processes_here, podscope::reclaim_and_fence> on;
    on.add(writer("child", "/ws/a").if_unreachable(when_unreachable::terminate));
    const auto child = on.owner_of("child");
    on.meanwhile = [&] {
        on.c.hang("child");
        must(on.planner.reclaim("child"));
    };
    CHECK(why_not(on.library.restore("child", {.probe_time = impatience})) == errc::stale_epoch);
    CHECK(state_of(child) == verdict::reachable);
}

namespace {

// Clocks that the test sets while the program runs.
struct hand_set_clock {
    std::shared_ptr<podscope::deadline> steady{
        std::make_shared<podscope::deadline>(std::chrono::steady_clock::now())};
    std::shared_ptr<std::int64_t> wall{std::make_shared<std::int64_t>(0)};

    [[nodiscard]] podscope::deadline now() const noexcept { return *steady; }

    [[nodiscard]] std::int64_t wall_ms() const noexcept { return *wall; }
};

} // namespace

TEST_CASE("F19 a wall clock that jumps by a year changes nothing but what people read", "[pod]") {
    constexpr std::int64_t a_year = 365LL * 24 * 3600 * 1000;
    using policy = podscope::grace_period<podscope::reclaim_and_fence, hand_set_clock>;
    using parts = podscope::runtime_parts<in_memory::store, in_memory::sessions, any_probe,
                                          any_sink, podscope::lexical_path, policy, hand_set_clock,
                                          podscope::given_process>;
    for (const auto jump : {a_year, -a_year}) {
        crew_of<by_script_here> c{by_script_here{}};
        const hand_set_clock clock;
        *clock.wall = 50 * a_year;
        auto by = c.hire();
        podscope::basic_runtime<parts> library{parts{c.backend().open(),
                                                     c.backend().open_sessions(),
                                                     c.own_probe(),
                                                     any_sink::of(podscope::queue_sink{}),
                                                     {},
                                                     policy{1h, {}, clock},
                                                     clock,
                                                     {by.who->identity()}}};
        auto planner = must(library.create(writer("planner", "/ws")));
        for (const auto* const pod : {"hangs", "dies", "lives"}) {
            c.adopt(must(planner.delegate(writer(pod, "/ws/" + std::string{pod}), patience)));
        }
        c.holder_of("hangs").who->hang();
        CHECK(ended(must(planner.reconcile(patience))).empty());
        *clock.wall += jump;
        // An hour of grace has not passed, whatever the clock on the wall says.
        CHECK(ended(must(planner.reconcile(patience))).empty());
        c.kill("dies");
        CHECK(ended(must(planner.reconcile(patience))) == list{{"dies", end_reason::missing}});
        const auto history = must(library.history_of("planner"));
        REQUIRE(history.size() == 1);
        CHECK(history.front().at_ms == *clock.wall);
        must(c.at("lives").check("/ws/lives/f", permission::write));
    }
}

namespace {

// Finds everybody dead.
struct grim_policy {
    [[nodiscard]] bool ends(verdict) const noexcept { return true; }

    void review(std::span<const podscope::probe_subject>, std::span<verdict> verdicts) const {
        std::ranges::fill(verdicts, verdict::missing);
    }
};

// Notes who is shown to it.
struct noting_policy {
    std::vector<std::string> shown{};

    [[nodiscard]] bool ends(verdict) const noexcept { return false; }

    void review(std::span<const podscope::probe_subject> subjects, std::span<verdict>) {
        for (const auto& one : subjects) {
            shown.push_back(one.pod);
        }
    }
};

} // namespace

TEST_CASE("I7 a policy is shown nobody of whom another incarnation was judged", "[pod]") {
    const podscope::epoch granted{7};
    const podscope::process_identity owner{.pid = 1};
    std::vector<podscope::descendant> below;
    for (const auto* const child : {"judged", "of another grant", "another's", "not judged"}) {
        below.push_back(
            {.child = child,
             .delegator = "heir",
             .depth = 1,
             .live = podscope::probe_subject{.pod = child, .owner = owner, .granted = granted}});
    }
    podscope::judgements judged{
        {"judged", {owner, granted, verdict::unreachable}},
        {"of another grant", {owner, podscope::epoch{6}, verdict::unreachable}},
        {"another's", {{.pid = 2}, granted, verdict::unreachable}}};
    noting_policy policy;
    podscope::verdict_review{"heir", policy, judged}.run(below);
    CHECK(policy.shown == std::vector<std::string>{"judged"});
}

namespace {

// Forbears with everybody, and notes what was found of one of them.
struct forbearing_policy {
    std::string of{};
    std::shared_ptr<std::vector<verdict>> found{std::make_shared<std::vector<verdict>>()};

    [[nodiscard]] bool ends(verdict said) const noexcept { return said == verdict::missing; }

    void review(std::span<const podscope::probe_subject> subjects, std::span<verdict> verdicts) {
        for (std::size_t i = 0; i != subjects.size(); ++i) {
            if (subjects[i].pod == of) {
                found->push_back(std::exchange(verdicts[i], verdict::unknown));
            }
        }
    }
};

} // namespace

TEST_CASE("F33 a policy is shown what the probe found in each round of a restore", "[pod]") {
    forbearing_policy policy{.of = "hangs"};
    stage<by_script_here, forbearing_policy> on{policy};
    on.add(writer("child", "/ws"));
    on.c.add("child", writer("hangs", "/ws/a"));
    on.c.add("child", writer("moves", "/ws/b"));
    on.c.hang("hangs");
    on.c.kill("child");
    auto next = on.c.hire();
    on.meanwhile = [&] {
        on.c.tamper("moves", [&](podscope::allocation& row) { row.owner = next.who->identity(); });
    };
    const auto back = must(on.library.restore("child", {.probe_time = patience}));
    CHECK(back.report.kept == std::vector<std::string>{"hangs", "moves"});
    // A grace period that is shown its own answer takes it for one of the child's.
    CHECK(*policy.found == std::vector<verdict>(2, verdict::unreachable));
}

TEST_CASE("a grace period leaves to the policy behind it what that one does", "[pod]") {
    podscope::grace_period policy{1h, grim_policy{}};
    const podscope::probe_subject subject{.pod = "any"};
    verdict found = verdict::unreachable;
    policy.review({&subject, 1}, {&found, 1});
    CHECK(found == verdict::missing);
    CHECK(policy.ends(verdict::reachable));
}

TEST_CASE("a grace period of no time keeps nobody and one of all time keeps everybody", "[pod]") {
    const auto found_after = [](std::chrono::milliseconds time) {
        podscope::grace_period<> policy{time};
        const podscope::probe_subject subject{.pod = "any"};
        verdict found = verdict::unreachable;
        policy.review({&subject, 1}, {&found, 1});
        return found;
    };
    CHECK(found_after(0ms) == verdict::unreachable);
    CHECK(found_after(std::chrono::milliseconds::max()) == verdict::unknown);
}

TEST_CASE("a grace period is waited for from the first probe in vain", "[pod]") {
    using policy = podscope::grace_period<podscope::reclaim_and_fence, hand_set_clock>;
    const hand_set_clock clock;
    stage<by_script_here, policy> on{policy{1h, {}, clock}};
    on.add(writer("child", "/ws/a"));
    auto& who = *on.c.holder_of("child").who;
    who.hang();
    CHECK(ended(on.reconcile()).empty());
    *clock.steady += 1h - 1ns;
    SECTION("it still does not answer") {
        CHECK(ended(on.reconcile()).empty());
        *clock.steady += 1ns;
        CHECK(ended(on.reconcile()) == list{{"child", end_reason::unreachable}});
    }
    SECTION("it has answered in between") {
        who.wake();
        CHECK(ended(on.reconcile()).empty());
        who.hang();
        *clock.steady += 1ns;
        CHECK(ended(on.reconcile()).empty());
        *clock.steady += 1h - 1ns;
        CHECK(ended(on.reconcile()).empty());
        *clock.steady += 1ns;
        CHECK(ended(on.reconcile()) == list{{"child", end_reason::unreachable}});
    }
    SECTION("it is dead by then") {
        who.kill();
        CHECK(ended(on.reconcile()) == list{{"child", end_reason::missing}});
    }
    on.c.forget("child");
}

TEST_CASE("F20 a restore without a last holder terminates who hangs below, if so said", "[pod]") {
    stage<over_processes_here, podscope::reclaim_and_fence> on;
    on.add(writer("child", "/ws/a"));
    on.c.add("child", writer("grandchild", "/ws/a/a").if_unreachable(when_unreachable::terminate));
    const auto hung = on.owner_of("grandchild");
    on.c.hang("grandchild");
    on.c.vanish("child");
    const auto back = must(on.library.restore("child", {.probe_time = impatience}));
    CHECK(ended(back.report) == list{{"grandchild", end_reason::missing}});
    CHECK(state_of(hung) == verdict::missing);
    must(back.pod.check("/ws/a/a/f", permission::write));
}

TEST_CASE("I7 F33 nobody is terminated below one who is back before the commit", "[pod]") {
    stage<over_processes_here, podscope::reclaim_and_fence> on;
    on.add(writer("child", "/ws/a"));
    on.c.add("child", writer("grandchild", "/ws/a/a").if_unreachable(when_unreachable::terminate));
    const auto hung = on.owner_of("grandchild");
    on.c.hang("grandchild");
    const auto row = on.c.state().of<podscope::tables::allocations>().at("child");
    auto store = on.c.backend().open();
    must(store.write([](auto& txn) { return podscope::registry{txn}.erase("child"); }));
    on.meanwhile = [&] {
        must(store.write([&](auto& txn) { return podscope::registry{txn}.insert(row, {}); }));
    };
    CHECK(why_not(on.library.restore("child", {.probe_time = impatience})) == errc::already_live);
    CHECK(state_of(hung) == verdict::reachable);
}

TEST_CASE("F14 a policy that has no descriptors terminates nobody and says nothing new", "[pod]") {
    talking_process child{[](line_to_test line) {
        while (line.hear()) {
            (void)line.answer("here");
        }
        return 0;
    }};
    REQUIRE(child.ask("are you there?") == "here");
    const std::vector<podscope::probe_subject> subjects{
        {.pod = "any", .owner = must(podscope::identity_of(child.pid()))}};
    forked_process without{[&] {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_NOFILE, &none);
        std::vector<verdict> found{verdict::unreachable};
        podscope::terminate_first<>{.patience = 1h}.review(subjects, found);
        return found.front() == verdict::unreachable ? 0 : 1;
    }};
    CHECK(without.status() == 0);
    CHECK(child.ask("are you there?") == "here");
}
