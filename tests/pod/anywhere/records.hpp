// SPDX-License-Identifier: BSL-1.0
// What a restore makes of manifests and records.
#pragma once

#include "pod/anywhere/restore.hpp"
#include "support/anywhere.hpp"
#include "support/crew.hpp"

#include <podscope/backend/unknown_fields.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/store/pod_store.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace podscope_test::restoring {

PODSCOPE_TEST_ANYWHERE("F39 a manifest takes the place of what it speaks of and of nothing else",
                       "[pod]") {
    crew_in<Place> c;
    auto wanted = writer("planner", "/ws");
    wanted.peers = std::vector<std::string>{"reviewer"};
    c.create(wanted);
    c.kill("planner");
    const podscope::unknown_fields newer{{{"newer", "\x01\x01"}}};
    c.tamper_record("planner",
                    [&](podscope::pod_record& record) { record.manifest.unknown = newer; });
    const auto record = [&] { return c.state().template of<tables::pods>().at("planner"); };

    c.restore(writer("planner", "/ws/a"));
    CHECK(record().manifest.unknown == newer);
    CHECK(record().peers == std::vector<std::string>{"reviewer"});
    CHECK(record().manifest.allow.size() == 2);
    CHECK(may_at(c.at("planner"), "/ws/b") == permission::none);

    c.kill("planner");
    wanted.peers = std::vector<std::string>{"docs"};
    c.restore(wanted);
    CHECK(record().manifest.unknown == newer);
    CHECK(record().peers == wanted.peers);
}

PODSCOPE_TEST_ANYWHERE("F39 delegations that lead in a circle are settled and followed once",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    auto store = c.backend().open();
    must(store.write([&](auto& txn) {
        const podscope::delegation back{.child = "planner", .granted = podscope::epoch{1}};
        return podscope::pod_store{txn}.put_delegation("child", back);
    }));
    CHECK(must(c.at("planner").descendants()).size() == 2);
    c.kill("planner");
    c.kill("child");
    const auto report = c.restore("planner");
    CHECK(report.ended.size() == 2);
    CHECK(may_at(c.at("planner"), "/ws/a/f") == permission::write);
    CHECK(must(c.at("planner").descendants()).empty());
}

PODSCOPE_TEST_ANYWHERE("I2 a child that asks for what no deny took from it needs no deny",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a").may_not(rules::write("/ws/a/x")));
    c.kill("child");
    c.restore(manifest{"child"}.may(rules::read("/ws/a")));
    CHECK(may_at(c.at("child"), "/ws/a/x") == permission::read);
    CHECK(may_at(c.at("child"), "/ws/a/b") == permission::read);
    c.judge();
}

PODSCOPE_TEST_ANYWHERE(
    "I2 a child restored from a manifest gets nothing back that was denied to it", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    const auto given = writer("child", "/ws/a").may_not(rules::write("/ws/a/x"));
    c.add("planner", given);
    c.kill("child");
    CHECK(why_not(c.try_restore(writer("child", "/ws/a"))) == errc::not_within_authority);
    CHECK(why_not(c.try_restore(writer("child", "/ws/a").may_not(rules::write("/ws/a/x/b")))) ==
          errc::not_within_authority);
    CHECK(why_not(c.try_restore(writer("child", "/ws/b").may_not(rules::write("/ws/b/x")))) ==
          errc::not_within_authority);
    c.restore(given);
    CHECK(may_at(c.at("child"), "/ws/a/x") == permission::read);
    c.kill("child");
    c.add("planner", writer("blind", "/ws/b").may_not(rules::read("/ws/b/x")));
    c.kill("blind");
    CHECK(why_not(c.try_restore(writer("blind", "/ws/b").may_not(rules::write("/ws/b/x")))) ==
          errc::not_within_authority);
    c.restore(writer("child", "/ws/a").may_not(rules::read("/ws/a/x")));
    CHECK(may_at(c.at("child"), "/ws/a/x") == permission::none);
    c.judge();
    // What does not touch the denied part may go without the deny.
    c.kill("child");
    c.restore(writer("child", "/ws/a/b"));
    c.judge();
}

// A pod between two others that gave up a part of what it had been given keeps nobody from being
// fenced off there. Without care its child could have it, and the planner too, once it is gone.
PODSCOPE_TEST_ANYWHERE("I1 what one between gives up cannot be had past it", "[pod]") {
    for (const bool by_deny : {false, true}) {
        CAPTURE(by_deny);
        crew_in<Place> c;
        c.create(writer("planner", "/ws"));
        c.add("planner", writer("between", "/ws/a"));
        c.add("between", orchestrator("below", "/ws/a/x"));
        c.kill("between");
        if (by_deny) {
            c.restore(writer("between", "/ws/a").may_not(rules::write("/ws/a/x")));
        } else {
            c.restore(writer("between", "/ws/a/b"));
        }
        const auto refused =
            error_of(c.at("below").delegate(writer("last", "/ws/a/x/b"), patience));
        CHECK(refused.category == errc::conflict);
        REQUIRE(refused.competitors.size() == 1);
        CHECK(refused.competitors.front().pod == "planner");
        must(c.at("planner").reclaim("between"));
        c.forget("between");
        c.judge();
        CHECK(may_at(c.at("planner"), "/ws/a/x/b") == permission::write);
    }
}

PODSCOPE_TEST_ANYWHERE("I2 a manifest is measured by what was delegated as it stands at the commit",
                       "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("child");
    during_next_probe(c, [&] {
        c.tamper_record("child",
                        [](podscope::pod_record& record) { record.manifest.allow.clear(); });
    });
    const auto row = c.state().template of<tables::allocations>().at("child");
    CHECK(why_not(c.try_restore(writer("child", "/ws/a"))) == errc::not_within_authority);
    CHECK(c.state().template of<tables::allocations>().at("child") == row);
}

PODSCOPE_TEST_ANYWHERE(
    "I7 a child is not restored whose record is of another grant than its delegation", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.kill("child");
    c.tamper_record("child", [](podscope::pod_record& record) {
        record.granted = podscope::epoch{static_cast<std::uint64_t>(record.granted) + 100};
    });
    CHECK(why_not(c.try_restore("child")) == errc::stale_epoch);
    CHECK(why_not(c.try_restore(writer("child", "/ws/a"))) == errc::stale_epoch);
}

PODSCOPE_TEST_ANYWHERE("I9 an allocation of another epoch is not the child of the delegation",
                       "[pod]") {
    const std::string by = GENERATE("reconcile", "reclaim", "release");
    CAPTURE(by);
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    c.add("child", writer("below", "/ws/a/a"));
    const std::string changed = by == "reclaim" ? "below" : "child";
    c.tamper(changed, [](podscope::allocation& row) {
        row.granted = podscope::epoch{static_cast<std::uint64_t>(row.granted) + 100};
    });
    c.forget(changed);
    if (by == "reclaim") {
        must(c.at("planner").reclaim("child"));
    } else if (by == "release") {
        must(c.at("planner").release());
        c.forget("planner");
    } else {
        const auto report = must(c.at("planner").reconcile(patience));
        REQUIRE(report.ended.size() == 1);
        CHECK(report.ended.front().child == "child");
        CHECK(report.ended.front().reason == end_reason::absent);
    }
    // Whoever's that is, no delegation speaks of it any more.
    const auto after = c.state();
    CHECK(after.template of<tables::allocations>().contains(changed));
    for (const auto& [key, made] : after.template of<tables::delegations>()) {
        CHECK(made.child != changed);
    }
}

} // namespace podscope_test::restoring
