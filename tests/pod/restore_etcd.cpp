// SPDX-License-Identifier: BSL-1.0
// Restores in etcd, and those that die in the middle of one.
#include "deliveries.hpp"
#include "restorations.hpp"
#include "support/anywhere.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/etcd_split_configuration.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace podscope_test;

// Each kind of place in which the rows of a registry in etcd and its records may be.
using places = std::tuple<in_etcd, in_three_etcds, in_leased_etcd_and_journal>;

template <class Place>
void play_there(void (*scenario)(crew_in<Place>&)) {
    PODSCOPE_NEEDS_ETCD();
    crew_in<Place> c;
    scenario(c);
}

} // namespace

#include "anywhere/delivery.hpp"
#include "anywhere/reconcile.hpp"
#include "anywhere/records.hpp"
#include "anywhere/restore.hpp"

namespace {

TEMPLATE_LIST_TEST_CASE("S3 a restore in etcd has reconciled when it returns",
                        "[pod][etcd]",
                        places) {
    play_there<TestType>(restorations::by_name_and_by_manifest);
}

TEMPLATE_LIST_TEST_CASE("S9 each reason against a restore in etcd has its own error",
                        "[pod][etcd]",
                        places) {
    play_there<TestType>(restorations::each_its_own_error);
}

TEMPLATE_LIST_TEST_CASE("F25 a living grandchild of a dead child is adopted in etcd",
                        "[pod][etcd]",
                        places) {
    play_there<TestType>(restorations::grandchild_outlives_child);
}

TEMPLATE_LIST_TEST_CASE("F26 a living great-grandchild is adopted two levels up in etcd",
                        "[pod][etcd]",
                        places) {
    play_there<TestType>(restorations::two_levels_up);
}

TEMPLATE_LIST_TEST_CASE("F30 orphans in etcd that a record does not cover are named and no others",
                        "[pod][etcd]",
                        places) {
    play_there<TestType>(restorations::only_some_on_record);
}

TEMPLATE_LIST_TEST_CASE("F32 one of many in etcd that want a segment or an allocation gets it",
                        "[pod][etcd]",
                        places) {
    play_there<TestType>(restorations::one_segment_for_many);
}

// The commits of a restore, one at a time, as a process finds them that dies in between: nobody
// asks for it what became of the one that it was waiting for.

struct in_hasty_etcd : in_etcd {
    in_hasty_etcd() { deadline = std::chrono::seconds{2}; }
};

using in_haste = configuration<in_hasty_etcd, by_script, to_queue>;
using backend_test::etcd_wire;

// Nobody hears anything from this commit on, which takes place or does not.
void die_at(const etcd_wire& wire, int commit, bool takes_place) {
    wire.meddle([=, begun = std::make_shared<int>(0)](
                    const podscope::etcd_call& call,
                    const auto& pass) -> podscope::result<podscope::etcd_reply> {
        const bool is_next = etcd_wire::is_commit(call);
        *begun += is_next ? 1 : 0;
        if (*begun < commit) {
            return pass();
        }
        if (is_next && *begun == commit && takes_place) {
            (void)pass();
        }
        return etcd_wire::lost();
    });
}

TEST_CASE("F10 F45 a restore whose commit never came to etcd has changed nothing", "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    crew_of<in_haste> c{in_haste{}};
    deliveries::build(c);
    const auto before = c.state();
    die_at(c.backend().wire, 1, false);
    CHECK(error_of(c.hire().library.restore("planner")).system == podscope::etcd_errc::in_doubt);
    c.backend().wire.meddle({});
    CHECK(c.state() == before);
    CHECK(c.told().empty());
    CHECK(c.restore("planner").ended.size() == 2);
    CHECK(c.told().size() == 2);
    c.judge_restored("planner");
}

TEST_CASE("F10 F45 who dies between a commit to etcd and the sink has it told by the next",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    crew_of<in_haste> c{in_haste{}};
    deliveries::build(c);
    auto by = c.hire();
    die_at(c.backend().wire, 1, true);
    CHECK(error_of(by.library.restore("planner")).system == podscope::etcd_errc::in_doubt);
    c.backend().wire.meddle({});
    CHECK(c.told().empty());
    const auto left = deliveries::waiting(c);
    CHECK(left.size() == 2);
    by.who->kill();

    CHECK_FALSE(c.restore("planner").changed());
    CHECK(c.told_one_by_one() == left);
    CHECK(deliveries::waiting(c).empty());
    c.judge_restored("planner");
}

TEST_CASE("F10 F45 who dies before it is noted in etcd that the sink was told has it told again",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    crew_of<in_haste> c{in_haste{}};
    deliveries::build(c);
    auto by = c.hire();
    die_at(c.backend().wire, 2, false);
    auto back = must(by.library.restore("planner"));
    c.backend().wire.meddle({});
    CHECK(back.report.ended.size() == 2);
    REQUIRE(back.report.delivery_error);
    CHECK(back.report.delivery_error->system == podscope::etcd_errc::in_doubt);
    auto told = c.told_one_by_one();
    CHECK(told.size() == 2);
    CHECK(deliveries::waiting(c) == told);
    by.who->kill();

    c.restore("planner");
    const auto once = told;
    told.insert(told.end(), once.begin(), once.end());
    CHECK(c.told_one_by_one() == told);
    CHECK(deliveries::waiting(c).empty());
    CHECK(rows_of<podscope::tables::history>(c.state(), "planner").size() == 2);
    c.judge_restored("planner");
}

} // namespace
