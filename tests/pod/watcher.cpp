// SPDX-License-Identifier: BSL-1.0
// Real processes that die or hang while the pod lives that delegated to them.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/descriptors.hpp"
#include "support/effort.hpp"
#include "support/eventually.hpp"
#include "support/failing_calls.hpp"
#include "support/faulty_memory.hpp"
#include "support/forked.hpp"
#include "support/in_leased_memory.hpp"
#include "support/threads.hpp"

#include <podscope/pod/supervisor.hpp>
#include <podscope/pod/watcher.hpp>
#include <podscope/verify/fault_plan.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace {

using namespace podscope_test;
using podscope::end_reason;
using podscope::errc;
using podscope::reconcile_report;

using on_journal = configuration<in_journal, by_default, to_queue>;
using in_memory_only = configuration<in_memory, by_default, to_queue>;

template <class Crew>
using watcher_of = podscope::basic_watcher<typename Crew::parts>;

template <class Watcher>
bool is_readable(const Watcher& watcher, std::chrono::milliseconds within = 0ms) {
    pollfd ready{watcher.descriptor(), POLLIN, 0};
    return ::poll(&ready, 1, static_cast<int>(within.count())) == 1;
}

// Attends until something has changed.
template <class Watcher>
reconcile_report next_change(Watcher& watcher) {
    for (const auto until = std::chrono::steady_clock::now() + patience;
         std::chrono::steady_clock::now() < until;) {
        REQUIRE(is_readable(watcher, patience));
        auto report = must(watcher.attend());
        if (report.changed()) {
            return report;
        }
    }
    FAIL("nothing has changed");
    return {};
}

template <class Watcher>
void watch_so_many(Watcher& watcher, std::size_t count) {
    for (const auto until = std::chrono::steady_clock::now() + patience; watcher.size() != count;) {
        REQUIRE(std::chrono::steady_clock::now() < until);
        REQUIRE(is_readable(watcher, patience));
        REQUIRE_FALSE(must(watcher.attend()).changed());
    }
}

// A planner and its child, and a watcher of them who looks by itself after an hour at the soonest.
template <class Crew>
watcher_of<Crew> watch_child(Crew& c) {
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    return must(watcher_of<Crew>::over(c.at("planner"), 1h));
}

std::vector<std::string> ended_in(const reconcile_report& report) {
    std::vector<std::string> names;
    for (const auto& one : report.ended) {
        names.push_back(one.child);
    }
    std::ranges::sort(names);
    return names;
}

template <class Configuration>
void a_dead_child_comes_back() {
    crew_of<Configuration> c{Configuration{}};
    c.create(writer("planner", "/ws"));
    auto watcher = must(watcher_of<crew_of<Configuration>>::over(c.at("planner")));
    // Nobody told the watcher of them.
    c.add("planner", writer("first", "/ws/a"));
    c.add("planner", writer("second", "/ws/b"));
    watch_so_many(watcher, 2);
    CHECK(why_not(c.at("planner").check("/ws/a/f", permission::write)) == errc::denied);

    c.kill("first");
    const auto report = next_change(watcher);
    CHECK(ended_in(report) == std::vector<std::string>{"first"});
    CHECK(report.ended.front().reason == end_reason::missing);
    must(c.at("planner").check("/ws/a/f", permission::write));
    CHECK(c.told().size() == 1);
    watch_so_many(watcher, 1);
    c.judge();
}

} // namespace

TEST_CASE("I5 a child that is killed comes back while its parent lives", "[pod]") {
    SECTION("on a journal") {
        a_dead_child_comes_back<on_journal>();
    }
    SECTION("in memory") {
        a_dead_child_comes_back<in_memory_only>();
    }
}

TEST_CASE("I8 a death is dealt with once", "[pod]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner")));
    watch_so_many(watcher, 1);
    c.kill("child");
    // Somebody is faster.
    must(c.at("planner").reclaim("child"));
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(must(watcher.attend()).changed());
    }
    CHECK(watcher.size() == 0);
    c.judge();
    CHECK(rows_of<podscope::tables::history>(c.state(), "planner").size() == 1);
}

TEST_CASE("F25 F26 a watcher has orphans adopted at any depth", "[pod]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grandchild", "/ws/a/a"));
    c.add("grandchild", writer("youngest", "/ws/a/a/a"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner")));
    watch_so_many(watcher, 3);
    c.kill("grandchild");
    // Its parent is there to be told, and nobody else's business.
    CHECK_FALSE(must(watcher.attend()).changed());
    c.kill("child");
    const auto report = next_change(watcher);
    CHECK(std::ranges::count(ended_in(report), "child") == 1);
    // It was known to be dead, or is found so by the next look.
    if (report.ended.size() == 1) {
        CHECK(ended_in(next_change(watcher)) == std::vector<std::string>{"grandchild"});
    }
    CHECK(why_not(c.at("planner").check("/ws/a/a/a/f", permission::write)) == errc::denied);
    must(c.at("planner").check("/ws/a/f", permission::write));
    must(c.at("planner").check("/ws/a/a/f", permission::write));
    must(c.at("youngest").check("/ws/a/a/a/f", permission::write));
    c.judge_restored("planner");
}

TEST_CASE("F21 a new holder of a name is not taken for the one that died", "[pod]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner")));
    watch_so_many(watcher, 1);
    c.kill("child");
    c.restore("child");
    // The old process has exited, and the pod has another one.
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(must(watcher.attend()).changed());
    }
    watch_so_many(watcher, 1);
    must(c.at("child").check("/ws/a/f", permission::write));
    c.kill("child");
    CHECK(ended_in(next_change(watcher)) == std::vector<std::string>{"child"});
    c.judge();
}

TEST_CASE("a watcher of a pod that was lost says so", "[pod]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("root", "/ws"));
    c.add("root", writer("planner", "/ws/a"));
    c.add("planner", writer("child", "/ws/a/a"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner")));
    watch_so_many(watcher, 1);
    must(c.at("root").reclaim("planner"));
    auto& zombie = *c.forget("planner");
    c.kill("child");
    CHECK(why_not(zombie.check("/ws/a/f", permission::write)) == errc::revoked);
    // Nothing is below it any more, or what is found dead there is not its business any more.
    const auto attended = watcher.attend();
    CHECK((attended ? !attended->changed() : attended.error().category == errc::revoked));
}

namespace {

using in_faulty_memory_only = configuration<in_faulty_memory, by_default, to_queue>;

} // namespace

TEST_CASE("F12 a watcher waits while the store fails and somebody is dead", "[pod]") {
    crew_of<in_faulty_memory_only> c{in_faulty_memory_only{}};
    auto watcher = watch_child(c);
    watch_so_many(watcher, 1);
    c.create(writer("somebody", "/other")); // so that it has to look
    c.kill("child");
    CHECK(is_readable(watcher));
    auto plan = c.backend().open().plan();
    plan.at(podscope::verify::step::read, 1, []() -> podscope::result<void> {
        return podscope::fail({.category = errc::io, .message = "failed, as planned"});
    });
    CHECK(why_not(watcher.attend()) == errc::io);
    CHECK_FALSE(is_readable(watcher));
    plan.work_again();
    CHECK(ended_in(must(watcher.attend())) == std::vector<std::string>{"child"});
    c.judge();
}

TEST_CASE("F22 a forked copy of a watcher takes no death away from the original", "[pod]") {
    crew_of<in_memory_only> c{in_memory_only{}};
    auto watcher = watch_child(c);
    watch_so_many(watcher, 1);
    c.kill("child");
    forked_process copy{[&] {
        const auto attended = watcher.attend();
        return !attended && attended.error().category == errc::forked ? 0 : 1;
    }};
    const int how = copy.status();
    CHECK((WIFEXITED(how) && WEXITSTATUS(how) == 0));
    REQUIRE(is_readable(watcher));
    CHECK(ended_in(must(watcher.attend())) == std::vector<std::string>{"child"});
}

TEST_CASE("I8 a watcher looks at what was committed and at nothing else", "[pod]") {
    crew_of<in_faulty_memory_only> c{in_faulty_memory_only{}};
    c.create(writer("planner", "/ws"));
    // Longer than what fits into a string itself.
    c.add("planner", writer("child-of-a-long-name", "/ws/a"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), 1h));
    const auto plan = c.backend().open().plan();
    const auto asked = [&] {
        return std::pair{plan.count(podscope::verify::step::read),
                         plan.count(podscope::verify::step::write)};
    };
    const auto asks_for_nothing = [&] {
        const auto before = asked();
        return !must(watcher.attend()).changed() && asked() == before;
    };
    const auto [looks, reconciles] = asked();
    CHECK_FALSE(must(watcher.attend()).changed());
    CHECK(asked() == std::pair{looks + 1, reconciles});
    CHECK(asks_for_nothing());
    c.kill("child-of-a-long-name");
    CHECK(ended_in(must(watcher.attend())) == std::vector<std::string>{"child-of-a-long-name"});
    (void)must(watcher.attend()); // what was committed by that
    CHECK(asks_for_nothing());
    CHECK(watcher.size() == 0);
}

TEST_CASE("F12 a death that cannot be dealt with is dealt with later", "[pod]") {
    crew_of<in_faulty_memory_only> c{in_faulty_memory_only{}};
    auto watcher = watch_child(c);
    auto plan = c.backend().open().plan();
    const auto fails_once = [&] {
        plan.at(podscope::verify::step::write, 1, podscope::verify::faults::fails());
        return why_not(watcher.attend()) == errc::io;
    };
    SECTION("of whom it watches") {
        watch_so_many(watcher, 1);
        c.kill("child");
        REQUIRE(fails_once());
        CHECK_FALSE(is_readable(watcher));
    }
    SECTION("of whom it finds dead") {
        c.kill("child");
        REQUIRE(fails_once());
    }
    CHECK(watcher.size() == 0);
    CHECK(ended_in(must(watcher.attend())) == std::vector<std::string>{"child"});
    c.judge();
}

TEST_CASE("a dead grandchild is told of once", "[pod]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grandchild", "/ws/a/a"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), 1h));
    watch_so_many(watcher, 2);
    c.kill("grandchild");
    REQUIRE(is_readable(watcher, patience));
    CHECK_FALSE(must(watcher.attend()).changed());
    CHECK(watcher.size() == 1);
    CHECK_FALSE(is_readable(watcher));
}

TEST_CASE("who is watched no more is not told of", "[pod]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    auto& freed = c.at("child");
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), 1h));
    watch_so_many(watcher, 1);
    must(c.at("planner").reclaim("child"));
    CHECK_FALSE(must(watcher.attend()).changed());
    CHECK(watcher.size() == 0);
    CHECK(why_not(freed.check("/ws/a/f", permission::write)) == errc::revoked);
    c.kill("child");
    CHECK_FALSE(is_readable(watcher));
    CHECK_FALSE(must(watcher.attend()).changed());
}

TEST_CASE("F09 who is watched goes on being watched when there are no more descriptors", "[pod]") {
    crew_of<in_memory_only> c{in_memory_only{}};
    auto watcher = watch_child(c);
    watch_so_many(watcher, 1);
    c.create(writer("somebody", "/other")); // so that it has to look
    rlimit files{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    const rlimit none{0, files.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    auto attended = watcher.attend();
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
    CHECK_FALSE(must(std::move(attended)).changed());
    CHECK(watcher.size() == 1);
    c.kill("child");
    CHECK(ended_in(must(watcher.attend())) == std::vector<std::string>{"child"});
}

TEST_CASE("F21 who adopts is watched instead of who has delegated to him", "[pod]") {
    crew_of<in_memory_only> c{in_memory_only{}};
    c.create(writer("planner", "/ws"));
    const auto shown = c.delegate("planner", writer("child", "/ws/a"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), 1h));
    watch_so_many(watcher, 1);
    c.adopt(shown);
    CHECK_FALSE(must(watcher.attend()).changed());
    CHECK(watcher.size() == 1);
    c.kill("child");
    CHECK(ended_in(must(watcher.attend())) == std::vector<std::string>{"child"});
}

TEST_CASE("a watcher looks no more often than it was told", "[pod]") {
    using clock = std::chrono::steady_clock;
    crew_of<in_faulty_memory_only> c{in_faulty_memory_only{}};
    c.create(writer("planner", "/ws"));
    // The rest, or that of a store that is slow.
    const auto rests = [&](auto& watcher, clock::duration at_least, int looks) {
        for (int i = 0; i != looks; ++i) {
            REQUIRE(is_readable(watcher, patience));
            const auto begun = clock::now();
            CHECK_FALSE(must(watcher.attend()).changed());
            const bool is_soon = is_readable(watcher, 20ms);
            CHECK((!is_soon || clock::now() - begun >= at_least));
        }
    };
    SECTION("of more than a second") {
        auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), 1'001ms));
        rests(watcher, 1'001ms, 2);
    }
    SECTION("of less") {
        auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), 30ms));
        rests(watcher, 30ms, 2);
    }
    SECTION("or than the store is fast") {
        auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), 1ms));
        auto plan = c.backend().open().plan();
        plan.from(podscope::verify::step::read, 1, podscope::verify::faults::delays(100ms));
        rests(watcher, 1s, 1);
        plan.work_again();
    }
}

TEST_CASE("F09 what a watcher needs and is refused is said", "[pod]") {
    PODSCOPE_NEEDS_PTRACE();
    const auto wanted = [](std::uint64_t number, const std::uint64_t*) -> call_failure {
        switch (number) {
        case SYS_epoll_create1:
        case SYS_timerfd_create: return EMFILE;
        case SYS_epoll_ctl: return ENOSPC;
        default: return std::nullopt;
        }
    };
    crew_of<in_memory_only> c{in_memory_only{}};
    auto& planner = c.create(writer("planner", "/ws"));
    std::vector<int> codes;
    const auto open = [&] {
        mark_deed();
        const auto opened = watcher_of<decltype(c)>::over(planner);
        mark_deed();
        return opened || opened.error().category != errc::io ? 0 : opened.error().system.value();
    };
    (void)fail_each_call(wanted, open, [&](int code) { codes.push_back(code); });
    CHECK(codes == std::vector{EMFILE, EMFILE, EMFILE, ENOSPC, ENOSPC, 0});
}

namespace {

// What a supervisor tells.
class listener {
public:
    void operator()(const podscope::result<reconcile_report>& seen) {
        const std::lock_guard alone{mutex_};
        if (seen) {
            for (const auto& one : seen->ended) {
                ended_.push_back(one);
            }
        } else {
            failures_.push_back(seen.error().category);
        }
        changed_.notify_all();
    }

    [[nodiscard]] std::vector<podscope::ended_delegation> wait_for(std::size_t count) {
        std::unique_lock lock{mutex_};
        REQUIRE(changed_.wait_for(lock, patience, [&] { return ended_.size() >= count; }));
        return ended_;
    }

    [[nodiscard]] std::vector<errc> wait_for_failures(std::size_t count) {
        std::unique_lock lock{mutex_};
        REQUIRE(changed_.wait_for(lock, patience, [&] { return failures_.size() >= count; }));
        return failures_;
    }

private:
    std::mutex mutex_{};
    std::condition_variable changed_{};
    std::vector<podscope::ended_delegation> ended_{};
    std::vector<errc> failures_{};
};

template <class Crew>
using supervisor_of = podscope::supervisor<typename Crew::parts>;

bool blocks(const std::string& thread, int signal) {
    return (podscope_test::blocked_by(thread) >> (signal - 1) & 1) != 0;
}

} // namespace

TEST_CASE("F20 a supervisor takes back what a child holds that dies or hangs",
          "[pod][concurrent]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("planner", "/ws"));
    listener told;
    {
        const auto supervising = must(supervisor_of<decltype(c)>::over(
            c.at("planner"), std::ref(told), {.probe_every = 1ms, .probe_time = impatience}));
        c.add("planner", writer("dies", "/ws/a"));
        c.add("planner", writer("hangs", "/ws/b"));
        c.add("planner", writer("lives", "/ws/x"));
        c.kill("dies");
        CHECK(told.wait_for(1).front().child == "dies");
        c.hang("hangs");
        const auto all = told.wait_for(2);
        REQUIRE(all.size() == 2);
        CHECK(all.back().child == "hangs");
        CHECK(all.back().reason == end_reason::unreachable);
    }
    must(c.at("planner").check("/ws/b/f", permission::write));
    must(c.at("lives").check("/ws/x/f", permission::write));
    c.judge_restored("planner");
}

TEST_CASE("who is to look only after all time looks at once and never again", "[pod][concurrent]") {
    constexpr auto never = std::chrono::milliseconds::max();
    crew_of<on_journal> c{on_journal{}};
    std::atomic<int> asked{0};
    c.use([&, probe = c.own_probe()] {
        return any_probe::of(any_probe_with{probe, [&] { ++asked; }});
    });
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), never));
    watch_so_many(watcher, 1);
    for (int i = 0; i != 1'000 && !is_readable(watcher); ++i) {
        CHECK_FALSE(must(watcher.attend()).changed());
    }
    CHECK_FALSE(is_readable(watcher));
    listener told;
    const auto supervising = must(supervisor_of<decltype(c)>::over(
        c.at("planner"), std::ref(told), {.refresh = never, .probe_every = never}));
    // The first look at who is there is due in any case, and so is his death.
    c.kill("child");
    CHECK(told.wait_for(1).front().child == "child");
    CHECK(asked == 0);
}

TEST_CASE("a supervisor's threads leave the program's signals to the program's own",
          "[pod][concurrent]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("dies", "/ws/a"));
    c.add("planner", writer("hangs", "/ws/b"));
    // Whoever started the tests may have blocked them.
    sigset_t both{};
    ::sigemptyset(&both);
    ::sigaddset(&both, SIGINT);
    ::sigaddset(&both, SIGUSR1);
    ::pthread_sigmask(SIG_UNBLOCK, &both, nullptr);
    const auto before = podscope_test::threads();
    listener told;
    const auto supervising = must(supervisor_of<decltype(c)>::over(
        c.at("planner"), std::ref(told), {.probe_every = 20ms, .probe_time = impatience}));
    c.kill("dies");
    (void)told.wait_for(1);
    c.hang("hangs");
    (void)told.wait_for(2); // so both have begun: until then the C library blocks all of them
    std::size_t more = 0;
    for (const auto& one : podscope_test::threads()) {
        if (!before.contains(one)) {
            ++more;
            CHECK(blocks(one, SIGINT));
            CHECK(blocks(one, SIGUSR1));
        }
    }
    CHECK(more >= 2); // a sanitizer begins one of its own
}

TEST_CASE("F22 a forked copy leaves a supervisor and all that it uses as it is",
          "[pod][concurrent]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    listener told;
    const auto used = std::make_shared<int>();
    auto supervising =
        std::make_unique<supervisor_of<decltype(c)>>(must(supervisor_of<decltype(c)>::over(
            c.at("planner"), [&told, used](const auto& seen) { told(seen); })));
    CHECK(used.use_count() == 2);
    forked_process copy{[&] {
        supervising.reset();
        return used.use_count() == 2 ? 0 : 1;
    }};
    const int how = copy.status();
    CHECK((WIFEXITED(how) && WEXITSTATUS(how) == 0));
    c.kill("child");
    CHECK(told.wait_for(1).front().child == "child");
    supervising.reset();
    CHECK(used.use_count() == 1);
}

TEST_CASE("F14 a supervisor for which there are no threads says so", "[pod][concurrent]") {
    if constexpr (!is_sanitised) { // which starts a thread in its own way
        crew_of<on_journal> c{on_journal{}};
        c.create(writer("planner", "/ws"));
        pthread_attr_t usual{};
        pthread_attr_t vast{};
        REQUIRE(::pthread_getattr_default_np(&usual) == 0);
        REQUIRE(::pthread_attr_init(&vast) == 0);
        // No thread has room for a stack of that size.
        REQUIRE(::pthread_attr_setstacksize(&vast, std::size_t{1} << 47) == 0);
        REQUIRE(::pthread_setattr_default_np(&vast) == 0);
        auto none = supervisor_of<decltype(c)>::over(c.at("planner"), [](const auto&) {});
        REQUIRE(::pthread_setattr_default_np(&usual) == 0);
        const auto refused = error_of(std::move(none));
        CHECK(refused.category == errc::io);
        CHECK(refused.system == std::errc::resource_unavailable_try_again);
        (void)must(supervisor_of<decltype(c)>::over(c.at("planner"), [](const auto&) {}));
    }
}

TEST_CASE("I7 a supervisor of a pod that was reclaimed says so once and stops",
          "[pod][concurrent]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("root", "/ws"));
    c.add("root", writer("planner", "/ws/a"));
    listener told;
    const auto before = podscope_test::threads();
    const auto supervising = must(supervisor_of<decltype(c)>::over(
        c.at("planner"), std::ref(told),
        {.refresh = 1ms, .probe_every = 1ms, .probe_time = impatience}));
    must(c.at("root").reclaim("planner"));
    c.forget("planner");
    (void)told.wait_for_failures(1);
    // Either thread comes to it. A sanitizer starts one of its own meanwhile.
    CHECK((is_sanitised || eventually([&] { return podscope_test::threads() == before; })));
    CHECK(told.wait_for_failures(1) == std::vector{errc::revoked});
}

TEST_CASE("I7 a supervisor that is over tells nothing more", "[pod][concurrent]") {
    crew_of<in_faulty_memory_only> c{in_faulty_memory_only{}};
    c.create(writer("root", "/ws"));
    c.add("root", writer("planner", "/ws/a"));
    auto plan = c.backend().open().plan();
    listener told;
    const auto before = podscope_test::threads();
    const auto supervising = must(supervisor_of<decltype(c)>::over(
        c.at("planner"),
        [&](const auto& seen) {
            told(seen);
            // So that the other thread has something else to tell.
            plan.from(podscope::verify::step::read, 1, podscope::verify::faults::fails());
            plan.from(podscope::verify::step::write, 1, podscope::verify::faults::fails());
        },
        {.refresh = 1ms, .probe_every = 1ms, .probe_time = impatience}));
    must(c.at("root").reclaim("planner"));
    c.forget("planner");
    (void)told.wait_for_failures(1);
    CHECK((is_sanitised || eventually([&] { return podscope_test::threads() == before; })));
    CHECK(told.wait_for_failures(1) == std::vector{errc::revoked});
    plan.work_again();
}

TEST_CASE("F12 a supervisor tells of a failure that goes on once, and of the next one",
          "[pod][concurrent]") {
    crew_of<in_faulty_memory_only> c{in_faulty_memory_only{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("first", "/ws/a"));
    c.add("planner", writer("second", "/ws/b"));
    auto plan = c.backend().open().plan();
    std::atomic<errc> why{errc::io};
    const auto fails_so = [&](errc now) {
        why = now;
        plan.from(podscope::verify::step::write, 1, [&]() -> podscope::result<void> {
            return podscope::fail({.category = why, .message = "failed, as planned"});
        });
    };
    // What goes on has been met more than once.
    const auto go_on = [&] {
        const auto tries = plan.count(podscope::verify::step::write);
        return eventually([&] { return plan.count(podscope::verify::step::write) > tries + 3; });
    };
    listener told;
    {
        const auto supervising = must(supervisor_of<decltype(c)>::over(
            c.at("planner"), std::ref(told), {.refresh = 1ms, .probe_every = 0ms}));
        fails_so(errc::io);
        c.kill("first");
        CHECK(go_on());
        CHECK(told.wait_for_failures(1) == std::vector{errc::io});
        why = errc::unavailable;
        CHECK(go_on());
        CHECK(told.wait_for_failures(2) == std::vector{errc::io, errc::unavailable});
        plan.work_again();
        CHECK(told.wait_for(1).front().child == "first");
        fails_so(errc::unavailable);
        c.kill("second");
        CHECK(told.wait_for_failures(3).back() == errc::unavailable);
        plan.work_again();
        CHECK(told.wait_for(2).back().child == "second");
    }
    CHECK(told.wait_for_failures(3).size() == 3);
}

TEST_CASE("a supervisor with nothing to do rests, and passes nothing on to other programs",
          "[pod][concurrent]") {
    crew_of<in_memory_only> c{in_memory_only{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    const auto before = podscope_test::threads();
    const auto open_before = podscope_test::open_descriptors();
    listener told;
    const auto supervising = must(supervisor_of<decltype(c)>::over(
        c.at("planner"), std::ref(told), {.refresh = 1h, .probe_every = 1h}));
    for (const int fd : podscope_test::open_descriptors()) {
        CHECK((std::ranges::count(open_before, fd) != 0 || podscope_test::closes_on_exec(fd)));
    }
    int looks_at_rest = 0;
    CHECK(eventually([&] {
        bool all_rest = true;
        for (const auto& one : podscope_test::threads()) {
            all_rest = all_rest && (before.contains(one) || podscope_test::is_asleep(one));
        }
        looks_at_rest = all_rest ? looks_at_rest + 1 : 0;
        return looks_at_rest == 20;
    }));
    c.kill("child");
    CHECK(told.wait_for(1).front().child == "child");
}

TEST_CASE("a supervisor that is to probe nobody takes back what a child holds that dies",
          "[pod][concurrent]") {
    crew_of<on_journal> c{on_journal{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    listener told;
    const auto before = podscope_test::threads();
    const auto supervising = must(
        supervisor_of<decltype(c)>::over(c.at("planner"), std::ref(told), {.probe_every = 0ms}));
    CHECK((is_sanitised || podscope_test::threads().size() == before.size() + 1));
    c.kill("child");
    CHECK(told.wait_for(1).front().child == "child");
}

TEST_CASE("F21 a child to whom its name was given anew is watched anew", "[pod]") {
    crew_of<on_journal> c{on_journal{}};
    auto watcher = watch_child(c);
    watch_so_many(watcher, 1);
    must(c.at("planner").reclaim("child"));
    c.add("planner", writer("child", "/ws/b"));
    CHECK_FALSE(must(watcher.attend()).changed());
    CHECK(watcher.size() == 1);
    must(c.at("child").check("/ws/b/f", permission::write));
    c.kill("child");
    CHECK(ended_in(next_change(watcher)) == std::vector<std::string>{"child"});
    must(c.at("planner").check("/ws/b/f", permission::write));
}

TEST_CASE("F44 a watcher takes back what children have lost with their leases", "[pod]") {
    using on_leases = configuration<in_leased_memory, by_default, to_queue>;
    crew_of<on_leases> c{on_leases{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("first", "/ws/a"));
    c.add("planner", writer("second", "/ws/b"));
    c.add("first", writer("below", "/ws/a/a"));
    (void)c.delegate("planner", writer("reserved", "/ws/x"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), 1ms));
    (void)must(watcher.attend());
    const auto loses = [&](const char* pod) {
        c.backend().end_lease_of(pod);
        c.forget(pod);
    };
    // What nobody has adopted is no child that has vanished, and a grandchild is its parent's.
    auto store = c.backend().open();
    must(store.write([](auto& txn) { return podscope::registry{txn}.erase("reserved"); }));
    loses("below");
    CHECK_FALSE(must(watcher.attend()).changed());
    loses("first");
    loses("second");
    const auto ended = ended_in(next_change(watcher));
    CHECK(std::ranges::count(ended, "first") == 1);
    CHECK(std::ranges::count(ended, "second") == 1);
    must(c.at("planner").check("/ws/b/f", permission::write));
}

TEST_CASE("F44 a watcher reconciles for a child that has vanished and for nobody else", "[pod]") {
    using on_faulty_leases = configuration<in_faulty_leased_memory, by_default, to_queue>;
    crew_of<on_faulty_leases> c{on_faulty_leases{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("below", "/ws/a/a"));
    auto watcher = must(watcher_of<decltype(c)>::over(c.at("planner"), 1h));
    const auto reconciles = [&] {
        const auto before = c.backend().plan.count(podscope::verify::step::write);
        (void)must(watcher.attend());
        return c.backend().plan.count(podscope::verify::step::write) != before;
    };
    const auto loses = [&](const char* pod) {
        c.backend().end_lease_of(pod);
        c.forget(pod);
    };
    CHECK_FALSE(reconciles());
    loses("below");
    CHECK_FALSE(reconciles());
    loses("child");
    CHECK(reconciles());
    must(c.at("planner").check("/ws/a/f", permission::write));
}
