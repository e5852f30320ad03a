// SPDX-License-Identifier: BSL-1.0
// The invariants, one scenario for each, written once for every crew. Each has all of them judged
// at every turn (crew::judge), and then says what is special to its own.
#pragma once

#include "support/crew.hpp"

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/session/concept.hpp>

#include <algorithm>
#include <concepts>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

namespace podscope_test::laws {

using podscope::end_reason;
using podscope::errc;

/// The reasons for which delegations to a child ended, as a pod's history has them.
template <class Crew>
[[nodiscard]] std::vector<end_reason>
ends_of(Crew& c, const std::string& heir, const std::string& child) {
    std::vector<end_reason> reasons;
    for (const auto& one : rows_of<podscope::tables::history>(c.state(), heir)) {
        if (one.child == child) {
            reasons.push_back(one.reason);
        }
    }
    return reasons;
}

[[nodiscard]] inline bool has(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

/// Whatever a pod tries that was lost by who holds it, it fails, and nothing changes by it.
template <class Crew, class Pod>
void require_fenced(Crew& c, Pod& lost) {
    const auto before = c.state();
    CHECK(why_not(lost.check("/ws/a/f", permission::read)) == errc::revoked);
    CHECK(why_not(lost.explain("/ws/a/f")) == errc::revoked);
    CHECK(why_not(lost.current_scope()) == errc::revoked);
    CHECK(why_not(lost.permit_for("/ws/a/f", permission::read)) == errc::revoked);
    CHECK(why_not(lost.delegate(writer("late", "/ws/a/b"), patience)) == errc::revoked);
    CHECK(why_not(lost.reclaim("grand")) == errc::revoked);
    CHECK(why_not(lost.reconcile(patience)) == errc::revoked);
    CHECK(why_not(lost.deliver()) == errc::revoked);
    CHECK(why_not(lost.set_endpoint("unix:/nowhere")) == errc::revoked);
    CHECK(why_not(lost.switch_segment(must(lost.segment()))) == errc::revoked);
    CHECK(why_not(lost.append({.kind = "late"})) == errc::revoked);
    CHECK(why_not(lost.release()) == errc::revoked);
    CHECK(c.state() == before);
}

template <class Crew>
void exclusion(Crew& c) {
    auto& planner = c.create(writer("planner", "/ws"));
    auto& child = c.add("planner", writer("child", "/ws/a"));
    auto& grand = c.add("child", writer("grand", "/ws/a/x"));
    c.judge();

    CHECK(may_at(planner, "/ws/b") == permission::write);
    CHECK(may_at(planner, "/ws/a/b") == permission::read);
    CHECK(may_at(child, "/ws/a/b") == permission::write);
    CHECK(may_at(child, "/ws/a/x/b") == permission::read);
    CHECK(may_at(grand, "/ws/a/x/b") == permission::write);

    for (const auto* place : {"/ws", "/ws/b", "/ws/a", "/ws/a/x", "/ws/a/x/other"}) {
        CAPTURE(place);
        CHECK(why_not(c.try_create(writer("stranger", place))) == errc::conflict);
    }
    for (const auto* place : {"/ws", "/ws/a", "/ws/a/b", "/ws/a/x", "/ws/a/x/other"}) {
        CAPTURE(place);
        CHECK(why_not(planner.delegate(writer("second", place), patience)) == errc::conflict);
    }
    CHECK(why_not(child.delegate(writer("second", "/ws/a/x/b"), patience)) == errc::conflict);
    c.add("planner", writer("second", "/ws/b"));
    c.judge();

    c.kill("child");
    must(planner.reconcile(patience));
    c.judge_restored("planner");
    CHECK(may_at(planner, "/ws/a/b") == permission::write);
    CHECK(may_at(planner, "/ws/a/x/b") == permission::read);
    CHECK(may_at(grand, "/ws/a/x/b") == permission::write);

    c.kill("planner");
    c.restore("planner");
    c.judge_restored("planner");
    CHECK(may_at(c.at("planner"), "/ws/a/b") == permission::write);
    CHECK(may_at(c.at("planner"), "/ws/a/x/b") == permission::read);
    CHECK(may_at(grand, "/ws/a/x/b") == permission::write);
}

template <class Crew>
void containment(Crew& c) {
    auto& planner = c.create(manifest{"planner"}
                                 .may(rules::read("/ws"))
                                 .may_not(rules::write("/ws/b/x"))
                                 .may_delegate(rules::write("/ws/a"))
                                 .may_delegate(rules::write("/ws/b")));
    const auto before = c.state();
    for (const auto* beyond : {"/", "/ws", "/ws/other", "/ws/b", "/ws/b/x", "/ws/b/x/a"}) {
        CAPTURE(beyond);
        CHECK(why_not(planner.delegate(manifest{"child"}.may(rules::write(beyond)), patience)) ==
              errc::not_within_authority);
        CHECK(why_not(planner.delegate(
                  manifest{"child"}.may(rules::write("/ws/a")).may_delegate(rules::write(beyond)),
                  patience)) == errc::not_within_authority);
    }
    CHECK(c.state() == before);

    auto& child = c.add("planner", writer("child", "/ws/a"));
    CHECK(why_not(child.delegate(writer("grand", "/ws/b/a"), patience)) ==
          errc::not_within_authority);
    CHECK(why_not(planner.delegate(writer("second", "/ws/a/x"), patience)) == errc::conflict);
    c.judge();

    c.kill("child");
    CHECK(why_not(c.try_restore(writer("child", "/ws"))) == errc::not_within_authority);
    c.restore(writer("child", "/ws/a/x"));
    c.judge();
    CHECK(may_at(c.at("child"), "/ws/a/x/b") == permission::write);
    CHECK(may_at(c.at("child"), "/ws/a/b") == permission::none);
}

template <class Crew>
void agreement(Crew& c) {
    auto& planner = c.create(writer("planner", "/ws").may_not(rules::write("/ws/other")));
    const auto layers = [&] {
        const auto now = c.state();
        const auto of_memory = plain(must(c.at("planner").current_scope()).layers());
        CHECK(of_memory == standing_layers(now, "planner"));
        CHECK(of_memory == recorded_layers(now, "planner"));
        return of_memory.size();
    };
    CHECK(layers() == 1);
    const auto grant = c.delegate("planner", writer("child", "/ws/a"));
    CHECK(layers() == 2);
    auto& child = c.adopt(grant);
    CHECK(layers() == 2);
    c.add("planner", writer("second", "/ws/b"));
    CHECK(layers() == 3);
    c.add("child", writer("grand", "/ws/a/x"));
    CHECK(layers() == 3);
    must(child.release());
    c.forget("child");
    CHECK(layers() == 3); // the grandchild's in place of the child's
    c.judge();
    must(planner.reclaim("second"));
    c.forget("second");
    CHECK(layers() == 2);
    c.kill("grand");
    c.restore("grand");
    CHECK(layers() == 2);
    c.judge();
    c.kill("planner");
    c.kill("grand");
    c.restore("planner");
    CHECK(layers() == 1);
    c.judge_restored("planner");
}

template <class Crew>
void no_leak(Crew& c) {
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("killed", "/ws/a"));
    c.add("planner", writer("gone", "/ws/b"));
    (void)c.delegate("planner", writer("reserved", "/ws/x"));
    c.vanish("gone");
    c.kill("killed");
    c.kill("planner");
    const auto report = c.restore("planner");
    // Who only has a reservation is as alive as the process that made it, where that can be seen.
    const bool keeps_reserved =
        rows_of<podscope::tables::delegations>(c.state(), "planner").size() == 1;
    CHECK(report.ended.size() == (keeps_reserved ? 2U : 3U));
    c.judge_restored("planner");
    CHECK(standing_layers(c.state(), "planner").size() == (keeps_reserved ? 1U : 0U));
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::write);
    CHECK(may_at(c.at("planner"), "/ws/b/f") == permission::write);
}

template <class Crew>
void nothing_lost(Crew& c) {
    c.create(writer("planner", "/ws"));
    const auto killed = c.add("planner", writer("killed", "/ws/a")).granted();
    c.add("killed", writer("orphan", "/ws/a/x"));
    const auto gone = c.add("planner", writer("gone", "/ws/b")).granted();
    auto& given_back = c.add("planner", writer("released", "/ws/x"));
    const auto released = given_back.granted();
    must(given_back.release());
    c.forget("released");
    c.vanish("gone");
    c.kill("killed");
    c.kill("planner");
    c.judge();

    const auto report = c.restore("planner");
    CHECK(report.undelivered.empty());
    CHECK_FALSE(report.delivery_error);
    const auto id = [](const char* what, const char* child, podscope::epoch granted) {
        return std::string{what} + "/planner/" + child + '/' +
               std::to_string(static_cast<std::uint64_t>(granted));
    };
    const auto told = c.told_one_by_one();
    CHECK(has(told, id("ended", "killed", killed)));
    CHECK(has(told, id("ended", "gone", gone)));
    CHECK(has(told, id("ended", "released", released)));
    CHECK(has(told, id("adopted", "orphan", c.at("orphan").granted())));
    CHECK(c.state().template of<podscope::tables::outbox>().empty());
    CHECK(ends_of(c, "planner", "killed") == std::vector{c.reason_of_killed()});
    CHECK(ends_of(c, "planner", "gone") == std::vector{end_reason::absent});
    CHECK(ends_of(c, "planner", "released") == std::vector{end_reason::released});
    for (const auto& one : rows_of<podscope::tables::history>(c.state(), "planner")) {
        CHECK(one.at_ms > 0);
        CHECK(one.delegator == "planner");
        CHECK(one.rules.size() == 2);
    }
    must(c.at("planner").reconcile(patience));
    CHECK(rows_of<podscope::tables::history>(c.state(), "planner").size() == 3);
    CHECK(c.told_one_by_one() == told);
    c.judge_restored("planner");
}

template <class Crew>
void log_is_no_authority(Crew& c) {
    auto& planner = c.create(writer("planner", "/ws"));
    auto& child = c.add("planner", writer("child", "/ws/a"));
    const auto before = c.state();
    const auto scope_before = plain(must(planner.current_scope()).layers());
    for (const auto* kind : {"podscope.begin", "notification", "scope", "allow", "delegation",
                             "reclaimed", "released", "layers"}) {
        for (auto* one : {&planner, &child}) {
            must(one->append(
                {.kind = kind,
                 .body =
                     R"({"pod":"child","allow":["write /"],"layers":[],"reason":"released"})"}));
        }
    }
    CHECK(c.state() == before);
    CHECK(plain(must(planner.current_scope()).layers()) == scope_before);
    CHECK(may_at(planner, "/ws/a/f") == permission::read);
    CHECK(may_at(child, "/ws/b/f") == permission::none);
    c.judge();

    c.kill("planner");
    const auto report = c.restore("planner");
    CHECK_FALSE(report.changed());
    CHECK(plain(must(c.at("planner").current_scope()).layers()) == scope_before);
    must(c.at("child").check("/ws/a/f", permission::write));
    c.judge_restored("planner");
}

template <class Crew>
void fencing(Crew& c) {
    auto& planner = c.create(writer("planner", "/ws"));
    const auto grant = c.delegate("planner", writer("child", "/ws/a"));
    const auto shown = must(c.adopt(grant).permit_for("/ws/a/f", permission::write));
    auto service = c.hire();
    must(service.library.validate(shown));
    const bool hangs = c.of_hung == podscope::verdict::unreachable;
    auto& lost = hangs ? c.hang("child") : c.kill("child");
    const auto report = must(planner.reconcile(hangs ? impatience : patience));
    REQUIRE(report.ended.size() == 1);
    require_fenced(c, lost);
    CHECK(why_not(c.try_adopt(grant)) == errc::stale_epoch);
    CHECK(why_not(c.try_restore("child")) == errc::stale_epoch);
    CHECK(why_not(service.library.validate(shown)) == errc::revoked);
    const auto back = must(planner.permit_for("/ws/a/f", permission::write));
    CHECK(back.fence() > shown.fence());
    c.judge_restored("planner");

    auto& second = c.add("planner", writer("child", "/ws/a"));
    CHECK(second.granted() > grant.granted);
    CHECK(must(second.permit_for("/ws/a/f", permission::write)).fence() > back.fence());
    require_fenced(c, lost);
    CHECK(why_not(c.try_adopt(grant)) == errc::stale_epoch);
    CHECK(error_of(service.library.validate(shown)).current == second.granted());
    CHECK(may_at(second, "/ws/a/f") == permission::write);
    c.judge();

    auto& zombie = c.kill("planner");
    c.restore("planner");
    require_fenced(c, zombie);
    CHECK(may_at(second, "/ws/a/f") == permission::write);
    c.judge_restored("planner");
}

template <class Crew>
void idempotence(Crew& c) {
    auto& planner = c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("planner", writer("second", "/ws/b"));
    CHECK(must(planner.reclaim("child")).changed());
    c.forget("child");
    auto before = c.state();
    CHECK_FALSE(must(planner.reclaim("child")).changed());
    CHECK_FALSE(must(planner.reclaim("nobody")).changed());
    CHECK(c.state() == before);

    c.kill("second");
    CHECK(must(planner.reconcile(patience)).changed());
    before = c.state();
    CHECK_FALSE(must(planner.reconcile(patience)).changed());
    CHECK(c.state() == before);

    c.kill("planner");
    CHECK_FALSE(c.restore("planner").changed());
    before = c.state();
    CHECK(why_not(c.try_restore("planner")) == errc::already_live);
    CHECK(c.state() == before);
    c.judge_restored("planner");
}

template <class Crew>
void exactness(Crew& c) {
    c.create(writer("planner", "/ws").may_not(rules::write("/ws/a/x")));
    c.add("planner", writer("child", "/ws/b"));
    c.add("planner", writer("other", "/ws/x"));
    c.kill("planner");
    c.restore(writer("planner", "/ws")
                  .may_not(rules::write("/ws/b"))
                  .may_not(rules::write("/ws/b/x").only_here()));
    const auto before = standing_layers(c.state(), "planner");
    REQUIRE(before.size() == 4);
    must(c.at("planner").reclaim("child"));
    c.forget("child");
    auto without = before;
    std::erase_if(without, [](const auto& one) { return one.child == "child"; });
    CHECK(without.size() == 3);
    CHECK(standing_layers(c.state(), "planner") == without);
    CHECK(may_at(c.at("planner"), "/ws/b/f") == permission::read);
    CHECK(may_at(c.at("planner"), "/ws/a/x") == permission::write);
    c.judge();

    c.vanish("other");
    const auto late = c.add("planner", writer("third", "/ws/x")).granted();
    must(c.at("planner").reclaim("other"));
    const auto left = standing_layers(c.state(), "planner");
    CHECK(std::ranges::count(left, "other", &plain_layer::child) == 0);
    CHECK(std::ranges::count(left, static_cast<std::uint64_t>(late), &plain_layer::granted) == 1);
    CHECK(may_at(c.at("planner"), "/ws/x/f") == permission::read);
    c.judge();
}

template <class Crew>
void no_half_pod(Crew& c) {
    using pod = typename Crew::pod;
    STATIC_REQUIRE_FALSE(std::default_initializable<pod>);
    STATIC_REQUIRE_FALSE(std::copy_constructible<pod>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<pod, std::string>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<pod, podscope::allocation>);
    STATIC_REQUIRE_FALSE(std::default_initializable<podscope::settled>);
    STATIC_REQUIRE_FALSE(
        std::is_constructible_v<podscope::settled, podscope::allocation,
                                std::vector<podscope::deny_layer>, podscope::reconcile_report>);

    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("grand", "/ws/a/x"));
    c.kill("child");
    c.kill("planner");
    auto back = must(c.try_restore("planner"));
    // Before anything is done with the pod all of this is over.
    CHECK(rows_of<podscope::tables::history>(c.state(), "planner").size() == 1);
    CHECK(c.told().size() == 2);
    const auto now = c.state();
    CHECK(inspection{now, crew_places()}.all_children_live("planner").no_leak().broken().empty());
    CHECK(may_at(back.pod, "/ws/a/f") == permission::write);
    CHECK(may_at(back.pod, "/ws/a/x/f") == permission::read);
    c.hold("planner", std::move(back.pod));
    c.judge_restored("planner");
}

template <class Crew>
void one_writer_per_segment(Crew& c) {
    auto& first = c.create(writer("first", "/ws/a"));
    auto& second = c.create(writer("second", "/ws/b"));
    const auto segment = must(first.segment());
    CHECK(segment != must(second.segment()));
    const auto before = c.state();
    CHECK(why_not(c.try_create(writer("third", "/ws/x"), {.segment = segment})) ==
          errc::segment_held);
    CHECK(why_not(second.switch_segment(segment)) == errc::segment_held);
    CHECK(c.state() == before);
    const auto grant = c.delegate("second", writer("child", "/ws/b/x"));
    CHECK(why_not(c.try_adopt(grant, {.segment = segment})) == errc::segment_held);
    c.judge();

    c.vanish("first");
    must(second.switch_segment(segment));
    CHECK(must(second.segment()) == segment);
    c.judge();
    CHECK(why_not(c.try_restore("first")) == errc::segment_held);
    must(second.release());
    c.forget("second");
    c.restore("first");
    CHECK(must(c.at("first").segment()) == segment);
    c.judge();
}

} // namespace podscope_test::laws
