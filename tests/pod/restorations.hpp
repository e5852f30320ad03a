// SPDX-License-Identifier: BSL-1.0
// What a restore makes of what it finds, one scenario for each, written once for every crew.
#pragma once

#include "support/crew.hpp"

#include <podscope/error.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/result.hpp>
#include <podscope/store/pod_store.hpp>
#include <podscope/store/records.hpp>

#include <set>
#include <string>

namespace podscope_test::restorations {

using podscope::errc;
namespace tables = podscope::tables;

template <class Crew>
void by_name_and_by_manifest(Crew& c) {
    for (const bool by_manifest : {false, true}) {
        CAPTURE(by_manifest);
        const std::string planner = by_manifest ? "second planner" : "first planner";
        const std::string place = by_manifest ? "/ws/b" : "/ws/a";
        auto wanted = writer(planner, place);
        c.create(wanted);
        const std::string child = planner + "'s child";
        const std::string gone = planner + "'s other child";
        c.add(planner, writer(child, place + "/x"));
        c.add(planner, writer(gone, place + "/b"));
        c.kill(child);
        c.vanish(gone);
        c.kill(planner);
        const auto report = by_manifest ? c.restore(wanted) : c.restore(planner);
        CHECK(report.ended.size() == 2);
        CHECK(standing_layers(c.state(), planner).empty());
        CHECK(may_at(c.at(planner), place + "/x") == permission::write);
        c.judge_restored(planner);
    }
}

template <class Crew>
void each_its_own_error(Crew& c) {
    auto& alive = c.create(writer("alive", "/ws/a"));
    const auto point_at = [&](const std::string& pod, const std::string& segment) {
        auto store = c.backend().open();
        must(store.write(
            [&](auto& txn) { return podscope::pod_store{txn}.set_active_segment(pod, segment); }));
    };
    auto sessions = c.backend().open_sessions();

    CHECK(why_not(c.try_restore("nobody")) == errc::unknown_pod);
    CHECK(why_not(c.try_restore("")) == errc::invalid_name);
    CHECK(why_not(c.try_restore("alive")) == errc::already_live);
    (void)c.delegate("alive", writer("reserved", "/ws/a/x"));
    CHECK(why_not(c.try_restore("reserved")) == errc::segment_pending);

    c.create(writer("pod", "/ws/b"));
    const auto segment = must(c.at("pod").segment());
    c.kill("pod");
    const auto before = c.state();
    point_at("pod", std::string(32, '0'));
    CHECK(why_not(c.try_restore("pod")) == errc::unknown_segment);
    point_at("pod", must(sessions.create({})));
    CHECK(why_not(c.try_restore("pod")) == errc::empty_segment);
    point_at("pod", must(alive.segment()));
    const auto held = error_of(c.try_restore("pod"));
    CHECK(held.category == errc::segment_held);
    CHECK(held.message.find("'alive'") != std::string::npos);
    point_at("pod", segment);
    CHECK(c.state() == before);
    c.restore("pod");
    c.judge();
}

template <class Crew>
void grandchild_outlives_child(Crew& c) {
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    auto& grand = c.add("child", writer("grand", "/ws/a/x"));
    c.kill("child");
    c.kill("planner");
    const auto report = c.restore("planner");
    REQUIRE(report.adopted.size() == 1);
    CHECK(report.adopted.front().child == "grand");
    auto& planner = c.at("planner");
    CHECK(may_at(planner, "/ws/a/f") == permission::write);
    CHECK(may_at(planner, "/ws/a/x/f") == permission::read);
    CHECK(may_at(grand, "/ws/a/x/f") == permission::write);
    const auto denied = error_of(planner.check("/ws/a/x/f", permission::write));
    CHECK(denied.category == errc::denied);
    CHECK(denied.message.find("'grand'") != std::string::npos);
    c.judge_restored("planner");

    // The orphan is the planner's in every way: it can be taken back, or give back.
    must(grand.release());
    c.forget("grand");
    CHECK(may_at(planner, "/ws/a/x/f") == permission::write);
    c.judge();
}

template <class Crew>
void two_levels_up(Crew& c) {
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grand", "/ws/a/x"));
    auto& great = c.add("grand", writer("great", "/ws/a/x/b"));
    c.kill("child");
    c.kill("grand");
    c.kill("planner");
    const auto report = c.restore("planner");
    CHECK(report.ended.size() == 2);
    REQUIRE(report.adopted.size() == 1);
    CHECK(report.adopted.front().from == "grand");
    CHECK(rows_of<tables::history>(c.state(), "planner").size() == 2);
    CHECK(may_at(c.at("planner"), "/ws/a/x/f") == permission::write);
    CHECK(may_at(c.at("planner"), "/ws/a/x/b/f") == permission::read);
    CHECK(may_at(great, "/ws/a/x/b/f") == permission::write);
    c.judge_restored("planner");
}

template <class Crew>
void only_some_on_record(Crew& c) {
    c.create(writer("planner", "/ws").may_delegate(rules::write("/ws")));
    c.add("planner", writer("known", "/ws/a"));
    c.add("planner",
          manifest{"half known"}.may(rules::write("/ws/b/x")).may(rules::write("/ws/b/b")));
    c.add("planner", writer("unknown", "/ws/x"));
    auto store = c.backend().open();
    must(store.write([&](auto& txn) -> podscope::result<void> {
        podscope::pod_store pods{txn};
        must(pods.erase_delegation("planner", "unknown"));
        auto half = must(pods.find_delegation("planner", "half known"));
        if (!half) {
            return podscope::fail({.category = errc::corrupt}); // or this run was on a guess
        }
        half->rules.pop_back();
        return pods.put_delegation("planner", *half);
    }));
    c.kill("planner");
    const auto before = c.state();
    const auto refused = error_of(c.try_restore("planner"));
    CHECK(refused.category == errc::conflict);
    std::set<std::string> named;
    for (const auto& one : refused.competitors) {
        named.insert(one.pod + ": " + one.rule);
        CHECK(one.delegated_from == "planner");
    }
    CHECK(named == std::set<std::string>{"half known: write /ws/b/b", "unknown: write /ws/x"});
    CHECK(c.state() == before);
}

template <class Crew>
void one_segment_for_many(Crew& c) {
    auto& first = c.create(writer("first", "/ws/a"));
    const auto wanted = must(first.segment());
    auto& second = c.create(writer("second", "/ws/b"));
    const auto grant = c.delegate("second", writer("child", "/ws/b/x"));
    c.create(writer("fallen", "/ws/x"));
    c.kill("fallen");
    auto store = c.backend().open();
    must(store.write(
        [&](auto& txn) { return podscope::pod_store{txn}.set_active_segment("fallen", wanted); }));
    CHECK(why_not(c.try_create(writer("third", "/ws/other"), {.segment = wanted})) ==
          errc::segment_held);
    CHECK(why_not(c.try_adopt(grant, {.segment = wanted})) == errc::segment_held);
    CHECK(why_not(c.try_restore("fallen")) == errc::segment_held);
    CHECK(why_not(second.switch_segment(wanted)) == errc::segment_held);
    CHECK(must(first.segment()) == wanted);
    // An update of a record is no way to a segment at all.
    must(podscope::update_pod(store, "second",
                              [&](podscope::pod_record& one) { one.active_segment = wanted; }));
    CHECK(must(c.holder_of("second").library.record_of("second")).active_segment ==
          must(second.segment()));
    c.judge();

    c.adopt(grant);
    CHECK(why_not(c.try_adopt(grant)) == errc::already_live);
    c.judge();
}

} // namespace podscope_test::restorations
