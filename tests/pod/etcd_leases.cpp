// SPDX-License-Identifier: BSL-1.0
// Pods whose leases end in etcd: what is left of them, who has their place then, and what becomes
// of those who held them.
#include "laws.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/etcd_split_configuration.hpp"
#include "support/eventually.hpp"

#include <podscope/pod/watcher.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::end_reason;
using podscope::errc;
using podscope::when_unreachable;

using leased = configuration<in_leased_etcd, by_default, to_callback>;
using leased_crew = crew_of<leased>;
using together_and_apart =
    std::tuple<leased, configuration<in_leased_etcd_and_journal, by_default, to_callback>>;

// A transaction, to be read as if it were a store.
template <class Txn>
struct as_store {
    using reader = Txn;
    using writer = Txn;
    static constexpr podscope::durability durable = podscope::durability::none;
    static constexpr podscope::reach reaches = podscope::reach::thread;

    template <class F>
    auto read(F&& body) {
        return body(*txn);
    }

    template <class F>
    auto write(F&& body) {
        return body(*txn);
    }

    Txn* txn;
};

// What would be stored if a pod's allocation were erased.
template <class Crew>
stored_state state_without(Crew& c, const std::string& pod) {
    auto store = c.backend().open();
    std::optional<stored_state> seen;
    const auto given_up = store.write([&](auto& txn) -> podscope::result<void> {
        must(podscope::registry{txn}.erase(pod));
        as_store<std::remove_reference_t<decltype(txn)>> within{&txn};
        seen.emplace(within);
        return podscope::fail({.category = errc::unavailable, .message = "given up, as planned"});
    });
    CHECK_FALSE(given_up);
    return *std::move(seen);
}

template <class Crew>
void end_lease(Crew& c, const std::string& pod) {
    const stored_state expected = state_without(c, pod);
    c.backend().end_lease_of(pod);
    CHECK(c.state() == expected);
    CHECK_FALSE(expected.of<podscope::tables::allocations>().contains(pod));
}

} // namespace

TEMPLATE_LIST_TEST_CASE("I4 the end of a lease leaves of a pod what an erased allocation leaves",
                        "[pod][etcd]",
                        together_and_apart) {
    PODSCOPE_NEEDS_ETCD();
    crew_of<TestType> c{TestType{}};
    auto& planner = c.create(writer("planner", "/ws").may_not(rules::write("/ws/other")));
    c.add("planner", writer("middle", "/ws/a").may_not(rules::write("/ws/a/other")));
    auto& leaf = c.add("middle", writer("leaf", "/ws/a/x"));
    auto& second = c.add("planner", writer("second", "/ws/b"));
    c.add("second", writer("orphan", "/ws/b/x"));
    must(leaf.set_endpoint(""));
    // By other processes: the leaf and the orphan get another parent, and it the layers for them.
    c.kill("middle");
    must(planner.reconcile(patience));
    must(second.release());
    c.forget("second");
    c.judge_restored("planner");
    c.add("leaf", writer("below", "/ws/a/x/b"));
    (void)c.delegate("planner", writer("reserved", "/ws/x"));
    CHECK_FALSE(must(planner.reconcile(patience)).changed());

    const std::string gone = GENERATE("leaf", "orphan", "below");
    CAPTURE(gone);
    end_lease(c, gone);
    c.forget(gone);
    // A reservation hangs on the lease of who made it.
    c.backend().end_lease_of("planner");
    const stored_state left = c.state();
    for (const auto* lost : {"planner", "reserved"}) {
        CHECK_FALSE(left.of<podscope::tables::allocations>().contains(lost));
        CHECK(rows_of<podscope::tables::layers>(left, lost).empty());
    }
    c.forget("planner");
    c.restore("planner");
    c.judge_restored("planner");
}

TEST_CASE("I4 I7 F24 F56 who has lost his lease is refused everything, and his parent is told",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    leased_crew c{leased{}};
    auto& planner = c.create(writer("planner", "/ws"));
    const auto shown = c.delegate("planner", writer("child", "/ws/a"));
    auto& child = c.adopt(shown);
    auto& grand = c.add("child", writer("grand", "/ws/a/x"));
    must(child.check("/ws/a/f", permission::write));

    end_lease(c, "child");
    auto& lost = *c.forget("child");
    laws::require_fenced(c, lost);
    CHECK(error_of(lost.check("/ws/a/f", permission::write)).shown == shown.granted);
    CHECK(why_not(c.try_adopt(shown)) == errc::stale_epoch);
    // Nobody has it back yet.
    CHECK(may_at(planner, "/ws/a/f") == permission::read);
    CHECK(why_not(c.try_create(writer("stranger", "/ws/a/b"))) == errc::conflict);

    const auto report = must(planner.reconcile(patience));
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "child");
    CHECK(report.ended.front().granted == shown.granted);
    CHECK(report.ended.front().reason == end_reason::absent);
    c.judge_restored("planner");
    CHECK(laws::ends_of(c, "planner", "child") == std::vector{end_reason::absent});
    CHECK(may_at(planner, "/ws/a/f") == permission::write);
    CHECK(may_at(planner, "/ws/a/x/f") == permission::read);
    CHECK(may_at(grand, "/ws/a/x/f") == permission::write);
    CHECK(why_not(c.try_restore("child")) == errc::stale_epoch);
    CHECK_FALSE(must(planner.reconcile(patience)).changed());

    // What comes late touches nothing of the next one's.
    const auto next = c.delegate("planner", writer("child", "/ws/a/b"));
    CHECK(next.granted > shown.granted);
    c.adopt(next);
    laws::require_fenced(c, lost);
    CHECK(error_of(lost.check("/ws/a/f", permission::write)).shown == shown.granted);
    CHECK(why_not(c.try_adopt(shown)) == errc::stale_epoch);
    c.judge_restored("planner");
}

TEST_CASE("I1 a root whose lease has ended leaves its place to another", "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    leased_crew c{leased{}};
    c.create(writer("first", "/ws"));
    CHECK(why_not(c.try_create(writer("second", "/ws"))) == errc::conflict);
    end_lease(c, "first");
    auto& lost = *c.forget("first");
    c.create(writer("second", "/ws"));
    laws::require_fenced(c, lost);
    c.judge();
    CHECK(why_not(c.try_restore("first")) == errc::conflict);
    c.backend().end_lease_of("second");
    c.forget("second");
    c.restore("first");
    c.judge_restored("first");
}

TEST_CASE("a reservation hangs on its maker's lease, and once adopted on the adopter's",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    leased_crew c{leased{}};
    c.create(writer("planner", "/ws"));
    auto& child = c.add("planner", writer("child", "/ws/a").may_not(rules::write("/ws/a/x")));
    const auto reserved = c.delegate("planner", writer("reserved", "/ws/b"));
    c.backend().end_lease_of("planner");
    c.forget("planner");
    c.judge();
    CHECK(may_at(child, "/ws/a/f") == permission::write);
    CHECK(may_at(child, "/ws/a/x") == permission::read);
    CHECK(why_not(c.try_adopt(reserved)) == errc::stale_epoch);
    const auto report = c.restore("planner");
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "reserved");
    CHECK(report.kept == std::vector<std::string>{"child"});
    c.judge_restored("planner");
}

TEST_CASE(
    "F44 a child that is to be kept while it does not answer comes back though its lease ended",
    "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    leased_crew c{leased{}};
    auto& planner = c.create(writer("planner", "/ws"));
    const auto shown =
        c.delegate("planner", writer("child", "/ws/a").if_unreachable(when_unreachable::keep));
    c.adopt(shown);
    c.add("child", writer("grand", "/ws/a/x"));
    end_lease(c, "child");
    auto& lost = *c.forget("child");

    CHECK(must(planner.reconcile(patience)).kept == std::vector<std::string>{"child"});
    CHECK(may_at(planner, "/ws/a/f") == permission::read);
    c.judge();
    laws::require_fenced(c, lost);
    CHECK(c.restore("child").kept == std::vector<std::string>{"grand"});
    CHECK(c.at("child").granted() > shown.granted);
    c.judge_restored("planner");
    c.judge_restored("child");
    CHECK(may_at(c.at("child"), "/ws/a/f") == permission::write);
    laws::require_fenced(c, lost);

    // And as long as it is kept it can be taken back by name.
    end_lease(c, "child");
    c.forget("child");
    CHECK(must(c.at("planner").reclaim("child")).ended.size() == 1);
    c.judge_restored("planner");
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::write);
}

TEST_CASE("F44 a parent is restored over a child that is kept though its lease has ended",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    leased_crew c{leased{}};
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a").if_unreachable(when_unreachable::keep));
    auto& grand = c.add("child", writer("grand", "/ws/a/x"));
    end_lease(c, "child");
    c.forget("child");
    c.kill("planner");
    // By what the registry still has, the grandchild would be a stranger.
    CHECK(c.restore("planner").kept == std::vector<std::string>{"child", "grand"});
    c.judge();
    auto& planner = c.at("planner");
    CHECK(may_at(planner, "/ws/a/f") == permission::read);
    CHECK(may_at(planner, "/ws/a/x/f") == permission::read);
    CHECK(may_at(grand, "/ws/a/x/f") == permission::write);
    // It is the planner's child by now.
    CHECK(why_not(c.try_restore("child")) == errc::conflict);
    must(grand.release());
    c.forget("grand");
    CHECK(may_at(planner, "/ws/a/x/f") == permission::read);
    c.restore("child");
    c.judge_restored("planner");
    CHECK(may_at(c.at("child"), "/ws/a/x/f") == permission::write);
}

TEST_CASE("F44 nobody's process is ended for a parent that is kept though its lease has ended",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    leased_crew c{leased{}};
    auto& planner = c.create(writer("planner", "/ws"));
    const auto what = GENERATE(when_unreachable::keep, when_unreachable::fence);
    CAPTURE(to_string(what));
    c.add("planner", writer("child", "/ws/a").if_unreachable(what));
    c.add("child", writer("grand", "/ws/a/x").if_unreachable(when_unreachable::terminate));
    const podscope::probe_subject grand{.pod = "grand",
                                        .owner = c.holder_of("grand").who->identity()};
    c.hang("grand");
    end_lease(c, "child");
    c.forget("child");
    const auto report = must(planner.reconcile(impatience));
    podscope::verdict found{};
    podscope::process_probe{}.probe({&grand, 1}, {}, {&found, 1});
    const bool is_kept = what == when_unreachable::keep;
    CHECK(report.ended.size() == (is_kept ? 0U : 2U));
    CHECK(found == (is_kept ? podscope::verdict::reachable : podscope::verdict::missing));
}

TEMPLATE_LIST_TEST_CASE("F44 a watcher notices that a child's allocation has gone with its lease",
                        "[pod][etcd]",
                        together_and_apart) {
    PODSCOPE_NEEDS_ETCD();
    crew_of<TestType> c{TestType{}};
    auto& planner = c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("planner", writer("other", "/ws/b"));
    auto watcher = must(podscope::watch(planner));
    podscope::reconcile_report report;
    const auto has_changed = [&] {
        report = must(watcher.attend());
        return report.changed();
    };
    REQUIRE(eventually([&] { return !has_changed() && watcher.size() == 2; }));
    end_lease(c, "child");
    c.forget("child");
    REQUIRE(eventually(has_changed));
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "child");
    CHECK(report.ended.front().reason == end_reason::absent);
    c.judge_restored("planner");
}

TEST_CASE("F53 a watcher takes no process of another machine for dead", "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    leased_crew c{leased{}};
    auto& planner = c.create(writer("planner", "/ws"));
    auto elsewhere = c.hire();
    auto& owner = elsewhere.library.parts().self.identity;
    owner.boot.high ^= 1;
    const auto remote =
        must(elsewhere.library.adopt(c.delegate("planner", writer("remote", "/ws/a"))));
    c.add("planner", writer("near", "/ws/b"));
    auto watcher = must(podscope::watch(planner));
    REQUIRE(eventually([&] {
        REQUIRE_FALSE(must(watcher.attend()).changed());
        return watcher.size() == 1;
    }));
    c.kill("near");
    podscope::reconcile_report report;
    REQUIRE(eventually([&] {
        report = must(watcher.attend());
        return report.changed();
    }));
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "near");
    CHECK(remote.check("/ws/a/f", permission::write));
}
