// SPDX-License-Identifier: BSL-1.0
// A pod in the hands of threads, of a process that was stopped, and of a forked copy.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/faulty_memory.hpp"
#include "threaded.hpp"

#include <podscope/pod/judgement.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/scope/scope.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/session/memory.hpp>
#include <podscope/verify/fault_plan.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace podscope_test;
using podscope::errc;

using here = configuration<in_memory, by_script, to_queue>;

// The exit code of a forked copy of this process that runs a function; -1 if a signal ended it.
template <class F>
int in_forked_copy(F&& function) {
    const auto pid = ::fork();
    if (pid == 0) {
        int code = 99;
        try {
            code = function();
        } catch (...) {}
        ::_exit(code);
    }
    int status{};
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

using journal_parts = system_parts<in_journal>;
using journal_runtime = podscope::basic_runtime<journal_parts>;

journal_runtime runtime_in(const in_journal& backend) {
    return journal_runtime{
        journal_parts{backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {}}};
}

template <class Backend>
stored_state state_in(const Backend& backend) {
    auto store = backend.open();
    return stored_state{store};
}

podscope::judgements all_gone(const std::vector<podscope::descendant>& below) {
    podscope::judgements judged;
    for (const auto& subject : podscope::subjects_among(below)) {
        judged[subject.pod] = {subject.owner, subject.granted, podscope::verdict::missing};
    }
    return judged;
}

TEMPLATE_TEST_CASE("F22 nothing that a pod can do is done in a forked copy of its process",
                   "[pod]",
                   in_journal,
                   in_memory) {
    const TestType backend;
    using parts = system_parts<TestType>;
    podscope::basic_runtime<parts> library{
        parts{backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {}}};
    auto planner = must(library.create(writer("planner", "/ws")));
    must(planner.append({.kind = "begun"}));
    const auto child = must(library.adopt(must(planner.delegate(writer("child", "/ws/a")))));
    must(planner.check("/ws/f", permission::write));
    const auto judged = all_gone(must(planner.descendants()));
    const auto before = state_in(backend);

    const int not_refused = in_forked_copy([&] {
        int asked = 0;
        int wrong = 0; // the number of the first that was not refused
        const auto refuses = [&](const auto& given) {
            ++asked;
            if (wrong == 0 && (given || given.error().category != errc::forked)) {
                wrong = asked;
            }
        };
        int looked = 0;
        const std::vector<std::string> where{"/ws/f"};
        const std::vector<manifest> children{writer("left", "/ws/b"), writer("right", "/ws/c")};
        refuses(planner.check("/ws/f", permission::write));
        refuses(planner.check_all(where, permission::write));
        refuses(planner.explain("/ws/f"));
        refuses(planner.permit_for("/ws/f", permission::write));
        refuses(planner.with_scope(
            [&](const podscope::scope&) -> podscope::result<int> { return ++looked; }));
        refuses(planner.current_scope());
        refuses(planner.delegate(children.front()));
        refuses(planner.delegate_all(children));
        refuses(planner.delegate_all({}));
        refuses(planner.reclaim("child"));
        refuses(planner.descendants());
        refuses(planner.reconcile());
        refuses(planner.reconcile(judged));
        refuses(planner.deliver());
        refuses(planner.append({.kind = "x"}));
        refuses(planner.replay(0, [&](std::uint64_t, const podscope::session_entry&) {
            ++looked;
            return podscope::scan::next;
        }));
        refuses(planner.set_endpoint("unix:/x"));
        refuses(planner.switch_segment(must(planner.segment())));
        refuses(planner.release());
        { const auto gone = std::move(planner); }
        ++asked;
        return wrong != 0 ? wrong : looked == 0 && state_in(backend) == before ? 0 : asked;
    });
    CHECK(not_refused == 0);
    CHECK(state_in(backend) == before);
    must(planner.check("/ws/f", permission::write));
    CHECK(why_not(planner.check("/ws/a/f", permission::write)) == errc::denied);
}

TEST_CASE("F22 a forked copy of a process may adopt in its own name", "[pod]") {
    const in_journal backend;
    auto library = runtime_in(backend);
    auto planner = must(library.create(writer("planner", "/ws")));
    const int adopted =
        in_forked_copy([&, grant = must(planner.delegate(writer("child", "/ws/a")))] {
            auto own = runtime_in(backend);
            auto child = own.adopt(grant);
            return child && child->check("/ws/a/f", permission::write) &&
                           !child->check("/ws/f", permission::write)
                       ? 0
                       : 1;
        });
    CHECK(adopted == 0);
    // It is dead by now, and its destructor left nothing in anybody's name.
    CHECK(must(planner.reconcile()).ended.size() == 1);
    must(planner.check("/ws/a/f", permission::write));
}

TEST_CASE("F21 who was reclaimed while it stood still knows it before it goes on", "[pod]") {
    using real = configuration<in_journal, by_default, to_queue>;
    crew_of<real> c{real{}};
    c.create(writer("planner", "/ws"));
    auto& child = c.add("planner", writer("child", "/ws/a"));
    must(child.check("/ws/a/f", permission::write));
    auto& who = *c.holder_of("child").who;
    who.hang();
    must(c.at("planner").reconcile(impatience));
    auto& zombie = *c.forget("child");
    auto& next = c.add("planner", writer("child", "/ws/a"));
    const auto before = c.state();
    who.wake();
    CHECK(why_not(zombie.check("/ws/a/f", permission::write)) == errc::revoked);
    CHECK(why_not(zombie.release()) == errc::revoked);
    CHECK(why_not(zombie.delegate(writer("late", "/ws/a/x"))) == errc::revoked);
    CHECK(why_not(zombie.append({.kind = "late"})) == errc::revoked);
    CHECK(c.state() == before);
    must(next.check("/ws/a/f", permission::write));
    c.judge();
}

TEST_CASE("I7 whoever checks after a revocation was reported finds it", "[pod][concurrent]") {
    play<here>(threaded::check_after_a_revocation);
}

TEST_CASE("I1 threads that check while the scope changes never see a place twice",
          "[pod][concurrent]") {
    play<here>(threaded::check_while_it_changes);
}

TEST_CASE("I3 threads that delegate and reclaim through one pod lose no layer",
          "[pod][concurrent]") {
    play<here>(threaded::delegate_and_reclaim);
}

TEST_CASE("F32 of threads that adopt one reservation one has it", "[pod][concurrent]") {
    play<here>(threaded::adopt_one_reservation);
}

} // namespace

namespace {

namespace verify = podscope::verify;

// Pods of this process over a store that counts, and fails as planned.
struct counted {
    using parts = system_parts<in_faulty_memory>;

    in_faulty_memory backend{};
    verify::fault_plan plan{backend.only.plan()};
    podscope::basic_runtime<parts> library{
        parts{backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {}}};
    podscope::basic_pod<parts> planner{must(library.create(writer("planner", "/ws")))};

    [[nodiscard]] auto add(const char* name, const char* place) {
        return must(library.adopt(must(planner.delegate(writer(name, place)))));
    }

    void fail_once(verify::step where) { plan.at(where, 1, verify::faults::fails()); }

    // How often a function has the store do something.
    template <class F>
    [[nodiscard]] std::uint64_t asked(verify::step where, F&& function) {
        const auto before = plan.count(where);
        function();
        return plan.count(where) - before;
    }
};

using verify::step;

struct memory_without_generation : in_memory::store {
    void generation() const = delete;
};

// Something happens once it was told how many commits there were.
struct memory_that_tells : in_memory::store {
    [[nodiscard]] std::uint64_t generation() const noexcept {
        const auto told = in_memory::store::generation();
        if (const auto what = std::exchange(*then, {})) {
            what();
        }
        return told;
    }

    std::shared_ptr<std::function<void()>> then{std::make_shared<std::function<void()>>()};
};

struct in_memory_that_tells {
    using store = memory_that_tells;
    using sessions = podscope::memory_sessions;
};

struct in_memory_without_generation {
    using store = verify::faulty_backend<memory_without_generation>;
    using sessions = podscope::memory_sessions;
};

} // namespace

TEST_CASE("a pod that goes leaves its allocation to nobody, so that it is seen as dead", "[pod]") {
    counted on;
    { const auto child = on.add("child", "/ws/a"); }
    const auto ended = must(on.planner.reconcile()).ended;
    REQUIRE(ended.size() == 1);
    CHECK(ended.front().reason == podscope::end_reason::missing);
}

TEST_CASE("a pod that has lost its allocation leaves it as it is when it goes", "[pod]") {
    counted on;
    std::optional child{on.add("child", "/ws/a")};
    const auto goes = [&] { child.reset(); };
    SECTION("known to have been taken back") {
        must(on.planner.reclaim("child"));
        CHECK(why_not(child->check("/ws/a/f", permission::write)) == errc::revoked);
        CHECK(on.asked(step::write, goes) == 0);
    }
    SECTION("given back") {
        must(child->release());
        CHECK(on.asked(step::write, goes) == 0);
    }
    SECTION("taken back without its knowledge, and another one's by now") {
        must(on.planner.reclaim("child"));
        const auto next = on.add("child", "/ws/b");
        const auto before = state_in(on.backend);
        goes();
        CHECK(state_in(on.backend) == before);
    }
}

TEST_CASE("F11 a pod whose commit has failed leaves what it would have held to others", "[pod]") {
    counted on;
    const auto grant = must(on.planner.delegate(writer("child", "/ws/a")));
    on.fail_once(step::commit);
    CHECK(on.asked(step::write, [&] { CHECK(why_not(on.library.adopt(grant)) == errc::io); }) == 1);
    must(must(on.library.adopt(grant)).check("/ws/a/f", permission::write));
}

TEST_CASE("I7 a pod that was lost says each time to whom", "[pod]") {
    counted on;
    const auto child = on.add("child", "/ws/a");
    must(on.planner.reclaim("child"));
    const auto next = on.add("child", "/ws/b");
    for (int i = 0; i != 2; ++i) {
        const auto lost = error_of(child.check("/ws/a/f", permission::write));
        CHECK(lost.category == errc::revoked);
        CHECK(lost.shown == child.granted());
        CHECK(lost.current == next.granted());
    }
    CHECK(on.asked(step::read, [&] { (void)child.check("/ws/a/f", permission::write); }) == 0);
}

TEST_CASE("a pod that was released says that, and one that was lost does not", "[pod]") {
    counted on;
    auto released = on.add("released", "/ws/a");
    const auto lost = on.add("lost", "/ws/b");
    must(released.release());
    must(on.planner.reclaim("lost"));
    const auto says_so = [](const auto& pod) {
        const auto why = error_of(pod.check("/ws/a/f", permission::write));
        CHECK(why.category == errc::revoked);
        return why.message.find("was released") != std::string::npos;
    };
    CHECK(says_so(released));
    CHECK_FALSE(says_so(lost)); // by what it finds
    CHECK_FALSE(says_so(lost)); // by what it knows
}

TEST_CASE("F12 a look that fails is made again", "[pod]") {
    counted on;
    const auto child = on.add("child", "/ws/a");
    const auto write = [&] { return child.check("/ws/a/f", permission::write); };
    must(write());
    CHECK(on.asked(step::read, [&] { must(write()); }) == 0);
    const auto somebody = must(on.library.create(writer("somebody", "/other")));
    on.fail_once(step::read);
    CHECK(why_not(write()) == errc::io);
    SECTION("of who lives") {
        CHECK(on.asked(step::read, [&] { must(write()); }) == 1);
    }
    SECTION("of who was lost") {
        must(on.planner.reclaim("child"));
        on.fail_once(step::read);
        CHECK(why_not(write()) == errc::io);
        CHECK(why_not(write()) == errc::revoked);
    }
}

TEST_CASE("I3 a pod's own commit does not hide what others have changed before", "[pod]") {
    counted on;
    auto child = on.add("child", "/ws/a");
    CHECK(why_not(on.planner.check("/ws/a/f", permission::write)) == errc::denied);
    must(child.release());
    const auto other = on.add("other", "/ws/b");
    must(on.planner.check("/ws/a/f", permission::write));
    CHECK(why_not(on.planner.check("/ws/b/f", permission::write)) == errc::denied);
}

TEST_CASE("a pod's own commit is known to it without reading its layers", "[pod]") {
    counted on;
    const auto look = [&](const char* place) { return on.planner.check(place, permission::write); };
    must(look("/ws/f"));
    const auto scans_of_a_look = on.asked(step::scan, [&] { must(look("/ws/f")); });
    CHECK(scans_of_a_look == 0);
    auto child = on.add("child", "/ws/a");
    CHECK(on.asked(step::scan, [&] { CHECK(why_not(look("/ws/a/f")) == errc::denied); }) == 0);
    must(on.planner.reclaim("child"));
    CHECK(on.asked(step::scan, [&] { must(look("/ws/a/f")); }) == 0);
    // What somebody else has changed is read, once.
    auto next = on.add("child", "/ws/a");
    must(look("/ws/f"));
    must(next.release());
    CHECK(on.asked(step::scan, [&] { must(look("/ws/a/f")); }) != 0);
    const auto somebody = must(on.library.create(writer("somebody", "/other")));
    CHECK(on.asked(step::scan, [&] { must(look("/ws/a/f")); }) == 0);
}

TEST_CASE("I7 a permit is under the fence of the pod's last change", "[pod]") {
    counted on;
    const auto fence = [&] { return must(on.planner.permit_for("/ws/a/f", permission::write)); };
    CHECK_FALSE(fence().returned);
    SECTION("by a commit of its own") {
        const auto child = on.add("child", "/ws/a");
        CHECK(why_not(on.planner.permit_for("/ws/a/f", permission::write)) == errc::denied);
        must(on.planner.reclaim("child"));
        REQUIRE(fence().returned);
        CHECK(*fence().returned > child.granted());
    }
    SECTION("by a commit of another one") {
        auto child = on.add("child", "/ws/a");
        CHECK(why_not(on.planner.permit_for("/ws/a/f", permission::write)) == errc::denied);
        must(child.release());
        REQUIRE(fence().returned);
        CHECK(*fence().returned > child.granted());
    }
}

TEST_CASE("I7 a permit's fence and the scope by which it is given are of one moment", "[pod]") {
    using parts = system_parts<in_memory_that_tells>;
    const memory_that_tells backend;
    podscope::basic_runtime<parts> library{parts{backend, {}, {}, {}, {}, {}, {}, {}}};
    auto planner = must(library.create(writer("planner", "/ws")));
    const auto child = must(library.adopt(must(planner.delegate(writer("child", "/ws/a")))));
    must(planner.check("/ws/f", permission::write));
    *backend.then = [&] { must(planner.reclaim("child")); };
    const auto given = must(planner.permit_for("/ws/a/f", permission::write));
    CHECK_FALSE(*backend.then);
    CHECK(given.fence() > child.granted());
}

TEST_CASE("a pod on a store that tells of no commits looks each time", "[pod]") {
    using parts = system_parts<in_memory_without_generation>;
    in_memory_without_generation::store backend{memory_without_generation{}};
    podscope::basic_runtime<parts> library{parts{backend, {}, {}, {}, {}, {}, {}, {}}};
    const auto pod = must(library.create(writer("planner", "/ws")));
    for (int i = 0; i != 2; ++i) {
        const auto before = backend.plan().count(step::read);
        must(pod.check("/ws/f", permission::write));
        CHECK(backend.plan().count(step::read) == before + 1);
    }
}

TEST_CASE("F12 those below a pod are not judged by what could not be read", "[pod]") {
    counted on;
    auto child = on.add("child", "/ws/a");
    on.fail_once(step::read);
    CHECK(why_not(on.planner.reconcile()) == errc::io);
    CHECK_FALSE(must(on.planner.reconcile()).changed());
    must(child.check("/ws/a/f", permission::write));
}

TEST_CASE("a pod's segment is the one that it has changed to", "[pod]") {
    counted on;
    auto other = on.add("other", "/ws/a");
    const auto left = must(other.segment());
    must(other.release());
    REQUIRE(must(on.planner.segment()) != left);
    must(on.planner.switch_segment(left));
    CHECK(must(on.planner.segment()) == left);
}
