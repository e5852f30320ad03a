// SPDX-License-Identifier: BSL-1.0
// Pods whose registry is in etcd and whose records are in a journal, and who die with their leases.
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/etcd_split_configuration.hpp"
#include "support/eventually.hpp"
#include "support/invariants.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"
#include "support/talking_process.hpp"

#include <podscope/pod/allocation_probe.hpp>
#include <podscope/pod/make_runtime.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/sink/queue.hpp>

#include <chrono>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
namespace use = podscope::use;
using podscope::end_reason;
using podscope::errc;

auto runtime_at(const in_leased_etcd_and_journal& place, podscope::queue_sink told = {}) {
    auto store = place.open();
    return podscope::make_runtime(use::backend(store), use::sessions(place.open_sessions()),
                                  use::names(podscope::lexical_path{}), use::sink(std::move(told)),
                                  use::probe(podscope::allocation_probe{store}));
}

using split_runtime = decltype(runtime_at(std::declval<const in_leased_etcd_and_journal&>()));

// Holds pods until it is killed.
class holder_of_pods {
public:
    explicit holder_of_pods(const in_leased_etcd_and_journal& place)
        : library_{runtime_at(place)} {}

    // `create` makes the planner, `delegate` has it delegate and answers the grant, and any other
    // word is a grant to adopt.
    [[nodiscard]] std::string obey(const std::string& told) {
        if (told == "delegate") {
            auto granted = held_.front().delegate(writer("child", "/ws/a"));
            return granted ? granted->to_text() : to_string(granted.error());
        }
        auto pod = told == "create" ? library_.create(writer("planner", "/ws"))
                                    : library_.adopt(must(podscope::grant::from_text(told)));
        if (!pod) {
            return to_string(pod.error());
        }
        held_.push_back(*std::move(pod));
        return "done";
    }

private:
    split_runtime library_;
    std::deque<split_runtime::pod> held_{};
};

class process_with_pods : public talking_process {
public:
    explicit process_with_pods(const in_leased_etcd_and_journal& place)
        : talking_process{
              [&](line_to_test line) { return serve_by<holder_of_pods>(line, place); }} {}
};

// What the invariants say of what is stored, and of the pods that live.
class judge {
public:
    judge(const in_leased_etcd_and_journal& place, podscope::queue_sink told)
        : store_{place.open()},
          told_{std::move(told)} {}

    [[nodiscard]] std::vector<std::string>
    broken(const std::vector<const split_runtime::pod*>& alive) {
        for (const auto& one : told_.drain()) {
            ids_.insert(one.id);
        }
        std::vector<pod_in_memory> in_memory;
        for (const auto* pod : alive) {
            in_memory.push_back({pod->name(), pod->granted(), must(pod->current_scope())});
        }
        return broken_invariants(state(), crew_places(), in_memory, ids_);
    }

    [[nodiscard]] stored_state state() { return stored_state{store_}; }

    [[nodiscard]] std::size_t told() const { return ids_.size(); }

private:
    in_leased_etcd_and_journal::store store_;
    podscope::queue_sink told_;
    std::set<std::string> ids_{};
};

} // namespace

TEST_CASE("I4 I5 F44 what a killed process held comes back once where its record lies elsewhere",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    in_leased_etcd_and_journal place;
    (void)in_etcd::server();
    const auto long_term = std::exchange(place.lease_term, 1s);
    process_with_pods parent{place};
    process_with_pods holder{place};
    place.lease_term = long_term; // who takes back loses nothing itself
    const process_with_pods late{place};

    const podscope::queue_sink told;
    auto library = runtime_at(place, told);
    judge judged{place, told};
    std::optional<split_runtime::pod> planner;
    podscope::grant shown;
    const bool parent_dies = GENERATE(false, true);
    CAPTURE(parent_dies);
    if (parent_dies) {
        REQUIRE(parent.ask("create") == "done");
        shown = must(podscope::grant::from_text(parent.ask("delegate")));
    } else {
        planner.emplace(must(library.create(writer("planner", "/ws"))));
        shown = must(planner->delegate(writer("child", "/ws/a")));
    }
    REQUIRE(holder.ask(shown.to_text()) == "done");
    const auto before = judged.state();
    CHECK(before.of<podscope::tables::allocations>().size() == 2);
    if (planner) {
        CHECK_FALSE(must(planner->reconcile()).changed());
        CHECK(may_at(*planner, "/ws/a/f") == permission::read);
    }

    parent.kill();
    holder.kill();
    REQUIRE(eventually([&] { return !must(library.find("child")); }));
    if (parent_dies) {
        REQUIRE(eventually([&] { return !must(library.find("planner")); }));
    }
    // All that the registry had of it has gone, and nothing of what is on record.
    const auto left = judged.state();
    for (const auto& [key, row] : left.of<podscope::tables::claims>()) {
        CHECK(row.granted != shown.granted);
    }
    CHECK(rows_of<podscope::tables::layers>(left, "child").empty());
    CHECK(left.of<podscope::tables::pods>() == before.of<podscope::tables::pods>());
    CHECK(left.of<podscope::tables::delegations>() == before.of<podscope::tables::delegations>());

    podscope::reconcile_report report;
    if (parent_dies) {
        auto back = must(library.restore("planner"));
        planner.emplace(std::move(back.pod));
        report = std::move(back.report);
    } else {
        report = must(planner->reconcile());
    }
    REQUIRE(report.ended.size() == 1);
    CHECK(report.ended.front().child == "child");
    CHECK(report.ended.front().granted == shown.granted);
    CHECK(report.ended.front().reason == end_reason::absent);
    CHECK(report.undelivered.empty());
    CHECK(judged.broken({&*planner}).empty());
    CHECK(judged.told() == 1);
    CHECK(must(library.history_of("planner")).size() == 1);
    CHECK(may_at(*planner, "/ws/a/f") == permission::write);

    // I8: once is all. I7: its grant is of no use to anybody.
    CHECK_FALSE(must(planner->reconcile()).changed());
    CHECK(late.ask(shown.to_text()).starts_with("stale_epoch: "));
    const auto next = must(planner->delegate(writer("child", "/ws/a")));
    CHECK(next.granted > shown.granted);
    CHECK(late.ask(next.to_text()) == "done");
    CHECK(must(library.find("child")).has_value());
    CHECK(may_at(*planner, "/ws/a/f") == permission::read);
    CHECK(judged.broken({&*planner}).empty());
    CHECK(judged.told() == 1);
}
