// SPDX-License-Identifier: BSL-1.0
// Two stores as one, of which each step of either fails once.
#include "backend/split_parts.hpp"
#include "support/catch.hpp"
#include "support/faults_everywhere.hpp"

#include <podscope/backend/split.hpp>
#include <podscope/verify/fault_plan.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::result;
using podscope::verify::fault_plan;
using podscope::verify::faulty_backend;
using podscope::verify::step;
using podscope_test::fault_at;
using podscope_test::for_each_step;

using first = faulty_backend<first_memory>;
using second = faulty_backend<second_memory>;
using split = split_of<first, second>;

using pair = std::pair<std::int64_t, std::int64_t>;

constexpr auto every_kind = {step::read, step::write, step::get,    step::scan,
                             step::put,  step::erase, step::commit, step::committed};

// Two parts, each with a plan of its own, on which handles are opened as by other processes.
struct two_parts {
    first_memory one{};
    second_memory two{};
    fault_plan of_first{};
    fault_plan of_second{};

    [[nodiscard]] split open() const {
        return {first{one, of_first}, second{two, of_second}, {.patience = 0ms}};
    }

    [[nodiscard]] const fault_plan& plan(bool of_the_first) const {
        return of_the_first ? of_first : of_second;
    }
};

result<void> change_second(split& store, std::int64_t value) {
    return store.write([&](auto& txn) -> result<void> {
        auto done = txn.template put<notes>("brief", {"", {}, {}});
        if (done) {
            done = txn.template erase<notes>("brief");
        }
        return done ? txn.template put<notes>("alone", {std::to_string(value), {}, {}}) : done;
    });
}

// Everything that a handle does. What failed says that it was the plan.
template <class Told>
void work(split& store, Told&& told) {
    told(increment_both(store, "n"));
    told(both_of(store, "n"));
    told(put_number(store, "alone", 1));
    told(change_second(store, 2));
    told(store.write([&](auto& txn) -> result<void> {
        auto done = txn.template erase<notes>("alone");
        return done ? txn.template erase<numbers>("alone") : done;
    }));
    told(contents_of(store));
}

} // namespace

TEST_CASE("F09 each step of either part that fails once is an error or no matter") {
    const bool of_the_first = GENERATE(false, true);
    enum class left { nothing, a_change, half_a_change };
    const auto before = GENERATE(left::nothing, left::a_change, left::half_a_change);
    CAPTURE(of_the_first, static_cast<int>(before));
    for_each_step(every_kind, [&](step kind, std::uint64_t number) {
        const two_parts parts;
        auto store = parts.open();
        std::int64_t least = 0;
        std::int64_t most = 1;
        if (before != left::nothing) {
            REQUIRE(must(increment_both(store, "n")) == 1);
            ++least, ++most;
        }
        // Nobody knows what has become of a change whose maker died between the two parts.
        if (before == left::half_a_change) {
            ++most;
            auto dying = parts.open();
            fault_plan{parts.of_second}.dead_from(step::committed, 1);
            CHECK_FALSE(increment_both(dying, "n").has_value());
            fault_plan{parts.of_second}.work_again();
        }
        bool reached = false;
        bool has_failed = false;
        {
            auto used = parts.open();
            const fault_at planned{parts.plan(of_the_first), kind, number};
            work(used, [&](const auto& given) {
                if (!given) {
                    has_failed = true;
                    REQUIRE(given.error().category == fault_at::category);
                }
            });
            reached = planned.was_reached();
        }
        REQUIRE((reached || !has_failed));
        auto next = parts.open();
        for (auto* each : {&store, &next}) {
            const auto found = must(both_of(*each, "n"));
            REQUIRE(found.first == found.second);
            REQUIRE(found.first >= least);
            REQUIRE(found.first <= most);
        }
        const auto now = must(both_of(next, "n")).first;
        REQUIRE(must(increment_both(store, "n")) == now + 1);
        REQUIRE(must(both_of(next, "n")) == pair{now + 1, now + 1});
        REQUIRE(is_settled(next));
        return reached;
    });
}
