// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/journal_sync_plan.hpp>

#include <cstdint>

using podscope::backend_detail::plan_sync;

TEST_CASE("F03 a commit says of all before it that they are not known to be on the disk") {
    const auto promised = GENERATE(podscope::durability::none, podscope::durability::process,
                                   podscope::durability::power);
    const bool delayed = GENERATE(false, true);
    CHECK(plan_sync(2, promised, delayed, 0, 1).unsynced == 0);
    CHECK(plan_sync(2, promised, delayed, 1'000, 1).unsynced == 1'000);
    // What a page says that belongs to nothing here.
    CHECK(plan_sync(2, promised, delayed, std::uint64_t{1} << 40, 1).unsynced == 0xFFFF);
}

TEST_CASE("a commit that promises power is synced unless it is delayed behind few") {
    constexpr auto power = podscope::durability::power;
    CHECK(plan_sync(2, power, false, 0, 1).syncs);
    CHECK_FALSE(plan_sync(2, power, true, 63, 1).syncs);
    CHECK(plan_sync(2, power, true, 63, 1).counts);
    CHECK(plan_sync(2, power, true, 63, 2).syncs);
    CHECK_FALSE(plan_sync(2, power, true, 63, 2).counts);
}

TEST_CASE("a commit that promises less is synced only where no frame could say how many are not") {
    const auto promised = GENERATE(podscope::durability::none, podscope::durability::process);
    const bool delayed = GENERATE(false, true);
    CHECK_FALSE(plan_sync(2, promised, delayed, 0xFFFE, 1).syncs);
    CHECK(plan_sync(2, promised, delayed, 0xFFFE, 1).counts);
    CHECK(plan_sync(2, promised, delayed, 0xFFFE, 2).syncs);
    CHECK_FALSE(plan_sync(2, promised, delayed, 0xFFFE, 2).counts);
}

TEST_CASE("a commit to a file whose frames say nothing is synced where it promises power") {
    const bool delayed = GENERATE(false, true);
    for (const auto promised :
         {podscope::durability::none, podscope::durability::process, podscope::durability::power}) {
        const auto plan = plan_sync(1, promised, delayed, 7, 1);
        CHECK(plan.syncs == (promised == podscope::durability::power));
        CHECK_FALSE(plan.counts);
        CHECK(plan.unsynced == 0);
    }
}
