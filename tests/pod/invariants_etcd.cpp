// SPDX-License-Identifier: BSL-1.0
// The invariants in etcd, and how many requests each operation of a pod takes there.
#include "laws.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/etcd_split_configuration.hpp"
#include "support/eventually.hpp"

#include <string>
#include <tuple>
#include <utility>

namespace {

using namespace podscope_test;

// Each kind of probe and of sink that makes a difference to a store.
using in_etcd_with = std::tuple<configuration<in_etcd, by_script, to_tee>,
                                configuration<in_leased_etcd, by_default, to_callback>,
                                configuration<in_leased_etcd_and_journal, by_default, to_callback>>;

template <class Configuration>
void play_in_etcd(void (*scenario)(crew_of<Configuration>&)) {
    PODSCOPE_NEEDS_ETCD();
    play<Configuration>(scenario);
}

TEMPLATE_LIST_TEST_CASE("I1 nobody but one may write a place",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::exclusion);
}

TEMPLATE_LIST_TEST_CASE("I2 a child gets what lies within its parent's authority",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::containment);
}

TEMPLATE_LIST_TEST_CASE("I3 layers are the same in registry and memory and record",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::agreement);
}

TEMPLATE_LIST_TEST_CASE("I4 no layer stands without a delegation",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::no_leak);
}

TEMPLATE_LIST_TEST_CASE("I5 each end is in the history once and is told",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::nothing_lost);
}

TEMPLATE_LIST_TEST_CASE("I6 no log entry changes a scope",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::log_is_no_authority);
}

TEMPLATE_LIST_TEST_CASE("I7 F56 who lost a pod can do nothing with it",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::fencing);
}

TEMPLATE_LIST_TEST_CASE("I8 a second time changes nothing",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::idempotence);
}

TEMPLATE_LIST_TEST_CASE("I9 an end takes its own layers and no other",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::exactness);
}

TEMPLATE_LIST_TEST_CASE("I10 a restored pod is reconciled before it is had",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::no_half_pod);
}

TEMPLATE_LIST_TEST_CASE("I11 one live pod writes a segment",
                        "[pod][invariants][etcd]",
                        in_etcd_with) {
    play_in_etcd<TestType>(laws::one_writer_per_segment);
}

using backend_test::etcd_wire;
using backend_test::raw_etcd;
using podscope::backend_detail::etcd_layout;
using podscope::backend_detail::etcd_object;
using with_and_without_leases = std::tuple<configuration<in_etcd, by_script, to_queue>,
                                           configuration<in_leased_etcd, by_script, to_queue>>;

// The calls that an operation makes, which succeeds.
template <class Operation>
etcd_wire::count requests_of(const etcd_wire& wire, Operation operation) {
    (void)wire.take_count();
    must(operation());
    return wire.take_count();
}

TEMPLATE_LIST_TEST_CASE("what a pod does in etcd takes one request to read and one to commit",
                        "[pod][etcd]",
                        with_and_without_leases) {
    PODSCOPE_NEEDS_ETCD();
    crew_of<TestType> c{TestType{}};
    const auto& wire = c.backend().wire;
    auto& planner = c.create(writer("planner", "/ws"));
    for (const std::string name : {"a", "b", "c"}) {
        CAPTURE(name);
        const auto delegated = requests_of(
            wire, [&] { return planner.delegate(writer(name, "/ws/" + name), patience); });
        CAPTURE(delegated.reads, delegated.commits, delegated.others);
        CHECK(delegated == etcd_wire::count{1, 1, 0});
    }
    const auto checked =
        requests_of(wire, [&] { return planner.check("/ws/x", permission::write); });
    CAPTURE(checked.reads, checked.commits, checked.others);
    CHECK(checked == etcd_wire::count{1, 0, 0});
    // One to take it back, and one to note that the sink was told.
    const auto reclaimed = requests_of(wire, [&] { return planner.reclaim("b"); });
    CAPTURE(reclaimed.reads, reclaimed.commits, reclaimed.others);
    CHECK(reclaimed == etcd_wire::count{2, 2, 0});
}

TEST_CASE("a release in etcd finds its parent's fence in the request that finds the parent",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    using unwatched = configuration<in_etcd, by_script, to_queue>;
    crew_of<unwatched> c{unwatched{}};
    const auto& wire = c.backend().wire;
    c.create(writer("planner", "/ws"));
    // One to find itself, one for what its parent has made, and one for what that names.
    auto& child = c.add("planner", writer("child", "/ws/a"));
    const auto released = requests_of(wire, [&] { return child.release(); });
    CAPTURE(released.reads, released.commits, released.others);
    CHECK(released == etcd_wire::count{3, 1, 0});
}

TEST_CASE("a delegation in etcd has nothing to do with who claims what lies behind its place",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    using plain = configuration<in_etcd, by_script, to_queue>;
    crew_of<plain> c{plain{}};
    const auto& wire = c.backend().wire;
    auto& planner = c.create(writer("planner", "/ws"));
    (void)c.create(writer("neighbour", "/ws2"));
    must(planner.delegate(writer("a", "/ws/a"), patience));
    raw_etcd raw{c.backend().endpoint()};
    const auto claim = etcd_layout{c.backend().prefix}.rows +
                       podscope::backend_detail::lifted_key<podscope::tables::claims>("ws2");
    const auto found =
        raw.ask("/v3/kv/range",
                etcd_object{}.bytes("key", claim).bytes("range_end", claim + '\xff').done());
    const auto& row = found["kvs"].items().at(0);
    const auto put_again =
        etcd_object{}.text("key", row["key"].text()).text("value", row["value"].text()).done();
    wire.meddle_with_commits([&](const auto&, const auto& pass) {
        (void)raw.ask("/v3/kv/put", put_again);
        return pass();
    });
    CHECK(requests_of(wire, [&] { return planner.delegate(writer("b", "/ws/b"), patience); }) ==
          etcd_wire::count{1, 1, 0});
    wire.meddle({});
}

TEST_CASE("what a pod does in a watched etcd while nobody else does anything reads nothing",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    using watched = configuration<in_watched_etcd, by_script, to_queue>;
    crew_of<watched> c{watched{}};
    const auto& wire = c.backend().wire;
    auto& planner = c.create(writer("planner", "/ws"));
    const auto delegated = [&](const std::string& name) {
        return requests_of(wire,
                           [&] { return planner.delegate(writer(name, "/ws/" + name), patience); });
    };
    int names = 0;
    // Until the watch is warm.
    REQUIRE(eventually(
        [&] { return delegated("m" + std::to_string(names++)) == etcd_wire::count{0, 1, 0}; },
        patience));
    // Of names that were never heard before, wherever they come in order.
    for (const std::string name : {"p", "a", "z", "b"}) {
        CAPTURE(name);
        CHECK(delegated(name) == etcd_wire::count{0, 1, 0});
    }
    // The one that reads is for what the sink is to be told.
    CHECK(requests_of(wire, [&] { return planner.reclaim("b"); }) == etcd_wire::count{1, 2, 0});
    // The last commit was about what the sink was told.
    CHECK(delegated("b") == etcd_wire::count{1, 1, 0});
    CHECK(delegated("c") == etcd_wire::count{0, 1, 0});
    // Somebody else comes between, when what is to be committed is on its way.
    raw_etcd raw{c.backend().endpoint()};
    const auto somebody_commits = etcd_object{}
                                      .bytes("key", etcd_layout{c.backend().prefix}.clock)
                                      .bytes("value", "x")
                                      .done();
    bool is_first = true;
    wire.meddle_with_commits([&](const auto&, const auto& pass) {
        if (std::exchange(is_first, false)) {
            (void)raw.ask("/v3/kv/put", somebody_commits);
        }
        return pass();
    });
    CHECK(delegated("d") == etcd_wire::count{1, 2, 0});
    wire.meddle({});
    CHECK(delegated("e") == etcd_wire::count{0, 1, 0});
    c.judge();
}

TEST_CASE("I7 a check in a watched etcd takes no request until it says revoked", "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    using watched = configuration<in_watched_etcd, by_script, to_queue>;
    crew_of<watched> c{watched{}};
    const auto& wire = c.backend().wire;
    auto& planner = c.create(writer("planner", "/ws"));
    auto& child = c.add("planner", writer("child", "/ws/a"));
    const auto count_of_check = [&] {
        return requests_of(wire, [&] { return child.check("/ws/a/f", permission::write); });
    };
    REQUIRE(eventually([&] { return count_of_check() == etcd_wire::count{}; }, patience));
    CHECK(may_at(child, "/ws/a/f") == permission::write);
    CHECK(count_of_check() == etcd_wire::count{});
    must(planner.reclaim("child"));
    CHECK(eventually([&] { return !child.check("/ws/a/f", permission::write).has_value(); },
                     patience));
    CHECK(why_not(child.check("/ws/a/f", permission::write)) == podscope::errc::revoked);
}

} // namespace
