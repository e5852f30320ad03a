// SPDX-License-Identifier: BSL-1.0
// A store that fails at any step of any operation of a runtime or a pod.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/faults_everywhere.hpp"
#include "support/faulty_memory.hpp"
#include "support/in_leased_memory.hpp"

#include <podscope/notification.hpp>
#include <podscope/pod/allocation_probe.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/sink/callback.hpp>
#include <podscope/store/when_unreachable.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::verify::step;

using here = configuration<in_faulty_memory, by_script, to_queue>;
using crew_here = crew_of<here>;

/// Whether an operation has done its work, and the category of what went wrong by its error or its
/// report; empty if nothing did.
struct outcome {
    bool done{true};
    std::string fault{};
};

std::string category_of(const podscope::error& failed) {
    return std::string{to_string(failed.category)};
}

outcome of(const podscope::error& failed) {
    return {.done = false, .fault = category_of(failed)};
}

outcome of_report(const podscope::reconcile_report& report) {
    return {.fault = report.delivery_error ? category_of(*report.delivery_error) : std::string{}};
}

outcome of_report(const podscope::stale_report& report) {
    return report.failed.empty() ? outcome{} : of(report.failed.front());
}

outcome of(const podscope::result<void>& done) {
    return done ? outcome{} : of(done.error());
}

template <class T>
outcome of(const podscope::result<T>& done) {
    if (!done) {
        return of(done.error());
    }
    if constexpr (requires { of_report(*done); }) {
        return of_report(*done);
    } else if constexpr (requires { done->report; }) {
        return of_report(done->report);
    } else {
        return {};
    }
}

/// For each step of `act(crew)`, with a crew that is new each time: if the store fails there, the
/// outcome says so, or one of what it says `otherwise`; what was not done is done when it is tried
/// again; and the invariants hold.
template <class Configuration = here, class Build, class Act>
void says_each_fault(Build build, Act act, std::vector<std::string> otherwise = {}) {
    otherwise.emplace_back(to_string(fault_at::category));
    for_each_step(
        {step::read, step::write, step::get, step::scan, step::put, step::erase, step::commit},
        [&](auto kind, auto number) {
            crew_of<Configuration> c{Configuration{}};
            build(c);
            const auto before = c.state();
            bool reached = false;
            const outcome first = [&] {
                const fault_at planned{c.backend().open().plan(), kind, number};
                outcome of_act = act(c);
                reached = planned.was_reached();
                return of_act;
            }();
            CAPTURE(first.fault);
            CHECK(
                (reached ? std::ranges::count(otherwise, first.fault) != 0 : first.fault.empty()));
            if (!first.done) {
                CHECK(act(c).fault.empty());
            }
            if (c.state() != before) {
                c.judge();
            }
            return reached;
        });
}

// A line of three, the middle of which is dead.
void build_line(crew_here& c) {
    c.create(writer("top", "/ws"));
    c.add("top", writer("middle", "/ws/a"));
    c.add("middle", writer("low", "/ws/a/b"));
    c.kill("middle");
}

using on_leases = configuration<in_faulty_leased_memory, by_script, to_queue>;
using crew_on_leases = crew_of<on_leases>;

// The same, but what the middle one had has gone with its lease.
void build_line_without_lease(crew_on_leases& c, podscope::when_unreachable of_middle) {
    c.create(writer("top", "/ws"));
    c.add("top", writer("middle", "/ws/a").if_unreachable(of_middle));
    c.add("middle", writer("low", "/ws/a/b"));
    c.backend().end_lease_of("middle");
    c.forget("middle");
}

// Somebody else ends it, so that the one above has to look again.
podscope::result<podscope::stale_report> end_of_middle(crew_here& c) {
    return c.hire().library.reclaim_stale(patience);
}

// What an operation has got is kept as the pod of that name.
template <class Got>
outcome keep(crew_here& c, const char* name, Got got) {
    const auto heard = of(got);
    if (got) {
        if constexpr (requires { got->pod; }) {
            c.hold(name, std::move(got->pod));
        } else {
            c.hold(name, *std::move(got));
        }
    }
    return heard;
}

} // namespace

TEST_CASE("F12 who creates or adopts says that the store has failed", "[pod]") {
    const auto create = [](crew_here& c) {
        return keep(c, "new", c.try_create(writer("new", "/ws")));
    };
    says_each_fault([](crew_here&) {}, create);
    // Whose delegation has ended leaves a record behind, and a name that is free.
    says_each_fault(
        [](crew_here& c) {
            c.create(writer("top", "/ws"));
            c.add("top", writer("new", "/ws/a"));
            c.kill("new");
            must(c.at("top").reclaim("new"));
        },
        [](crew_here& c) { return keep(c, "new", c.try_create(writer("new", "/other"))); });
    podscope::grant shown;
    says_each_fault(
        [&](crew_here& c) {
            c.create(writer("top", "/ws"));
            shown = c.delegate("top", writer("new", "/ws/a"));
        },
        [&](crew_here& c) { return keep(c, "new", c.try_adopt(shown)); });
}

TEST_CASE("F12 who clears the dead out of his way says that the store has failed", "[pod]") {
    // What cannot be cleared stands in the way as if it lived.
    says_each_fault(
        [](crew_here& c) {
            c.create(writer("dead", "/ws/a"));
            c.kill("dead");
        },
        [](crew_here& c) { return keep(c, "new", c.try_create(writer("new", "/ws"))); },
        {"conflict"});
    says_each_fault(
        [](crew_here& c) {
            c.create(orchestrator("top", "/ws"));
            c.add("top", writer("dead", "/ws/a"));
            c.kill("dead");
            c.create(orchestrator("other", "/ws"));
        },
        // Offers what it may have got back, which may fail.
        [](crew_here& c) { return of(c.at("other").delegate(writer("new", "/ws/a"), patience)); },
        {"conflict", ""});
}

TEST_CASE("F12 who delegates says that the store has failed", "[pod]") {
    const auto build = [](crew_here& c) { c.create(writer("top", "/ws")); };
    says_each_fault(build, [](crew_here& c) {
        const std::vector children{writer("one", "/ws/a"), writer("two", "/ws/b")};
        return of(c.at("top").delegate_all(children, patience));
    });
}

TEST_CASE("F12 who restores says that the store has failed", "[pod]") {
    says_each_fault(
        [](crew_here& c) {
            build_line(c);
            c.add("top", writer("beside", "/ws/x"));
            c.kill("top");
        },
        [](crew_here& c) { return keep(c, "top", c.try_restore("top")); });
    says_each_fault(
        [](crew_here& c) { build_line(c); },
        [](crew_here& c) { return keep(c, "middle", c.try_restore(writer("middle", "/ws/a"))); });
}

TEST_CASE("F12 who reconciles or reclaims says that the store has failed", "[pod]") {
    says_each_fault(build_line, [](crew_here& c) { return of(c.at("top").reconcile(patience)); });
    says_each_fault(build_line, [](crew_here& c) { return of(c.at("top").reclaim("middle")); });
}

TEST_CASE("F12 who releases says that the store has failed", "[pod]") {
    const auto release = [](const char* name) {
        return [name](crew_here& c) {
            const auto released = of(c.at(name).release());
            if (released.done) {
                c.forget(name);
            }
            return released;
        };
    };
    const auto build = [](crew_here& c) {
        c.create(writer("top", "/ws"));
        c.add("top", writer("middle", "/ws/a"));
        c.add("middle", writer("low", "/ws/a/b"));
        (void)c.delegate("top", writer("reserved", "/ws/b"));
    };
    says_each_fault(build, release("top"));
    says_each_fault(build, release("middle"));
}

TEST_CASE("F12 F44 who deals with what has gone with a lease says that the store has failed",
          "[pod]") {
    using podscope::when_unreachable;
    const auto of_middle = GENERATE(when_unreachable::keep, when_unreachable::fence);
    CAPTURE(to_string(of_middle));
    const auto build = [&](crew_on_leases& c) { build_line_without_lease(c, of_middle); };
    says_each_fault<on_leases>(
        build, [](crew_on_leases& c) { return of(c.at("top").reconcile(patience)); });
    says_each_fault<on_leases>(build,
                               [](crew_on_leases& c) { return of(c.at("top").reclaim("middle")); });
    // Who descends from nobody that is live is moved to the next one up, before he is held against.
    says_each_fault<on_leases>(
        [&](crew_on_leases& c) {
            build(c);
            c.kill("low");
        },
        [](crew_on_leases& c) {
            return of(c.at("top").delegate(writer("new", "/ws/a/b/x"), patience));
        },
        {"conflict", ""});
}

TEST_CASE("F12 who changes his own pod says that the store has failed", "[pod]") {
    const auto build = [](crew_here& c) { c.create(writer("top", "/ws")); };
    says_each_fault(build, [](crew_here& c) { return of(c.at("top").set_endpoint("elsewhere")); });
    says_each_fault(build, [](crew_here& c) { return of(c.at("top").deliver()); });
    std::string of_dead;
    says_each_fault(
        [&](crew_here& c) {
            build(c);
            of_dead = must(c.create(writer("dead", "/other")).segment());
            c.kill("dead");
        },
        // Looks at what it has got, which may fail.
        [&](crew_here& c) { return of(c.at("top").switch_segment(of_dead, patience)); },
        {"segment_held", ""});
}

TEST_CASE("F12 who looks says that the store has failed", "[pod]") {
    const auto by_library = [](auto ask) {
        says_each_fault(build_line,
                        [ask](crew_here& c) { return of(ask(c.holder_of("top").library)); });
    };
    by_library([](auto& library) { return library.live(); });
    by_library([](auto& library) { return library.find("top"); });
    by_library([](auto& library) { return library.layers_of("top"); });
    by_library([](auto& library) { return library.record_of("top"); });
    by_library([](auto& library) { return library.delegations_of("top"); });
    by_library([](auto& library) { return library.history_of("top"); });
    by_library([](auto& library) { return library.outbox_of("top"); });
    by_library([](auto& library) { return library.deliver("top"); });
    by_library([](auto& library) { return library.who("/ws/a/b"); });
    by_library([](auto& library) { return library.reclaim_stale(patience); });
    says_each_fault(build_line, [](crew_here& c) {
        return of(c.holder_of("top").library.validate(
            {.by = {.pod = "top", .granted = c.at("top").granted()},
             .place = must(podscope::lexical_path{}.resolve("/ws/b")),
             .access = permission::write}));
    });
    // Somebody has committed since the last look, so that it has to look again.
    const auto by_pod = [](auto ask) {
        says_each_fault(
            [](crew_here& c) {
                build_line(c);
                must(end_of_middle(c));
            },
            [ask](crew_here& c) { return of(ask(c.at("top"))); });
    };
    by_pod([](auto& pod) { return pod.check("/ws/a", permission::write); });
    by_pod([](auto& pod) { return pod.check_all({}, permission::write); });
    by_pod([](auto& pod) { return pod.explain("/ws/a"); });
    by_pod([](auto& pod) { return pod.permit_for("/ws/a", permission::write); });
    by_pod([](auto& pod) { return pod.current_scope(); });
    by_pod([](auto& pod) { return pod.descendants(); });
    by_pod([](auto& pod) { return pod.append({.kind = "note"}); });
}

TEST_CASE("I3 what a pod has committed itself its next check reads no layers for", "[pod]") {
    crew_here c{here{}};
    auto& top = c.create(writer("top", "/ws"));
    const auto may_without_a_scan = [&](const char* place) {
        const fault_at planned{c.backend().open().plan(), step::scan, 1};
        const auto found = may_at(top, place);
        CHECK_FALSE(planned.was_reached());
        return found;
    };
    c.add("top", writer("child", "/ws/a"));
    CHECK(may_without_a_scan("/ws/a/f") == permission::read);
    must(top.reclaim("child"));
    CHECK(may_without_a_scan("/ws/a/f") == permission::write);
}

TEST_CASE("F12 F44 nothing is known of anybody's lease while the store fails", "[pod]") {
    using podscope::verdict;
    crew_on_leases c{on_leases{}};
    c.create(writer("top", "/ws"));
    c.add("top", writer("middle", "/ws/a"));
    std::vector<podscope::probe_subject> subjects;
    for (const auto* pod : {"top", "middle"}) {
        subjects.push_back({.pod = pod, .granted = c.at(pod).granted()});
    }
    c.backend().end_lease_of("middle");
    c.forget("middle");
    const podscope::allocation_probe probe{c.backend().open()};
    for_each_step({step::read, step::get}, [&](auto kind, auto number) {
        std::vector found(subjects.size(), verdict::missing);
        const fault_at planned{c.backend().plan, kind, number};
        probe.probe(subjects, {}, found);
        const std::vector known{verdict::reachable, verdict::unreachable};
        CHECK(found == (planned.was_reached() ? std::vector(2, verdict::unknown) : known));
        return planned.was_reached();
    });
}

TEST_CASE("F12 F41 of two reasons against a delivery a report has the first", "[pod]") {
    crew_here c{here{}};
    c.create(writer("top", "/ws"));
    c.add("top", writer("first", "/ws/a"));
    c.add("top", writer("second", "/ws/b"));
    for (const auto* pod : {"first", "second", "top"}) {
        c.kill(pod);
    }
    c.use([] {
        return any_sink::of(podscope::callback_sink{
            [](const podscope::notification& told) -> podscope::result<void> {
                if (told.child == "first") {
                    return podscope::fail({.category = podscope::errc::timeout});
                }
                return {};
            }});
    });
    std::optional<podscope::error> said;
    {
        // What the sink did take is to be acknowledged in a commit of its own.
        const fault_at planned{c.backend().open().plan(), step::commit, 2};
        const auto report = c.restore("top");
        CHECK(planned.was_reached());
        REQUIRE(report.undelivered.size() == 1);
        CHECK(report.undelivered.front().child == "first");
        said = report.delivery_error;
    }
    REQUIRE(said);
    CHECK(said->category == podscope::errc::timeout);
    CHECK(rows_of<podscope::tables::outbox>(c.state(), "top").size() == 2);
}
