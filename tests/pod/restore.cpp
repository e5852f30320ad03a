// SPDX-License-Identifier: BSL-1.0
#include "restorations.hpp"
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/pod/self.hpp>
#include <podscope/registry/registry.hpp>

#include <string>
#include <tuple>
#include <utility>

namespace {

using namespace podscope_test;
using podscope::end_reason;
using podscope::errc;

using places = std::tuple<in_memory>;
using some = configurations::some;

} // namespace

#include "anywhere/records.hpp"
#include "anywhere/restore.hpp"

namespace {

TEMPLATE_LIST_TEST_CASE("S3 a restore by name or by manifest has reconciled when it returns",
                        "[pod]",
                        some) {
    play<TestType>(restorations::by_name_and_by_manifest);
}

TEMPLATE_LIST_TEST_CASE("S9 each reason against a restore has its own error", "[pod]", some) {
    play<TestType>(restorations::each_its_own_error);
}

// All runtimes of one boot, whose processes nobody ever asks: after the reboot none of them runs.
TEST_CASE("F11 after a reboot every allocation is stale and records and history stay", "[pod]") {
    in_journal backend;
    using parts = system_parts<in_journal, podscope::file_sessions, podscope::queue_sink,
                               podscope::given_process>;
    const auto this_one = must(podscope::this_process());
    const auto runtime_of = [&](podscope::process_identity who) {
        return podscope::basic_runtime<parts>{
            parts{backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {std::move(who)}}};
    };
    auto before = this_one;
    ++before.boot.low;
    {
        auto planner = must(runtime_of(this_one).create(writer("planner", "/ws")));
        auto child =
            must(runtime_of(this_one).adopt(must(planner.delegate(writer("child", "/ws/a")))));
        (void)must(planner.delegate(writer("gone", "/ws/b")));
        must(planner.reclaim("gone"));
        // What the machine leaves that goes down: the rows as they are.
        auto store = backend.open();
        for (const auto* pod : {"planner", "child"}) {
            must(store.write([&](auto& txn) -> podscope::result<void> {
                auto row = must(podscope::registry{txn}.find(pod));
                row->owner = before;
                row->granted = pod == std::string{"planner"} ? planner.granted() : child.granted();
                return podscope::registry{txn}.update(*row);
            }));
        }
        auto after = runtime_of(this_one);
        CHECK(must(after.live()).size() == 2);
        auto back = must(after.restore("planner"));
        CHECK(back.report.ended.size() == 1);
        CHECK(back.report.ended.front().reason == end_reason::missing);
        CHECK(must(after.history_of("planner")).size() == 2);
        must(back.pod.check("/ws/a/f", permission::write));
        CHECK(why_not(planner.check("/ws/a/f", permission::write)) == errc::revoked);
    }
}

TEMPLATE_LIST_TEST_CASE("F25 a living grandchild of a dead child is adopted", "[pod]", some) {
    play<TestType>(restorations::grandchild_outlives_child);
}

TEMPLATE_LIST_TEST_CASE("F26 a living great-grandchild is adopted two levels up", "[pod]", some) {
    play<TestType>(restorations::two_levels_up);
}

TEMPLATE_LIST_TEST_CASE("F30 orphans that a record does not cover are named and no others",
                        "[pod]",
                        some) {
    play<TestType>(restorations::only_some_on_record);
}

TEMPLATE_LIST_TEST_CASE("F32 one of many that want a segment or an allocation gets it",
                        "[pod]",
                        some) {
    play<TestType>(restorations::one_segment_for_many);
}

// Overtaken when the store runs its transaction first, and no longer when it runs it again.
TEST_CASE("I7 a restore goes by the transaction that was committed and by no other", "[pod]") {
    using twice = configuration<in_bytes, by_script, to_queue>;
    crew_of<twice> c{twice{}};
    c.create(writer("planner", "/ws"));
    c.kill("planner");
    restoring::during_next_probe(c, [&] {
        restoring::pass_on(c, "planner");
        c.backend().only.overtake_next([&] {
            auto store = c.backend().open();
            must(store.write([](auto& txn) { return podscope::registry{txn}.erase("planner"); }));
        });
    });
    c.restore("planner");
    CHECK(may_at(c.at("planner"), "/ws/f") == permission::write);
    c.judge_restored("planner");
}

} // namespace
