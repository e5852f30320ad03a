// SPDX-License-Identifier: BSL-1.0
// A pod in the hands of threads, of a process that was stopped, and of a forked copy.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "threaded.hpp"

#include <podscope/pod/judgement.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/scope/scope.hpp>
#include <podscope/session/concept.hpp>

#include <cerrno>
#include <cstdint>
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
        const std::vector<std::string> checked{"/ws/f"};
        const std::vector<manifest> children{writer("left", "/ws/b"), writer("right", "/ws/c")};
        refuses(planner.check("/ws/f", permission::write));
        refuses(planner.check_all(checked, permission::write));
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
