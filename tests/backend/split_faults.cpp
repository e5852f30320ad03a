// SPDX-License-Identifier: BSL-1.0
// Two stores as one, of which each step of either fails once.
#include "backend/map_backend.hpp"
#include "backend/racing_backend.hpp"
#include "backend/split_parts.hpp"
#include "support/catch.hpp"
#include "support/failing_calls.hpp"
#include "support/faults_everywhere.hpp"

#include <podscope/backend/lifted.hpp>
#include <podscope/backend/split.hpp>
#include <podscope/verify/fault_plan.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <sys/syscall.h>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::result;
using podscope::verify::fault_plan;
using podscope::verify::faulty_backend;
using podscope::verify::step;
using podscope_test::fault_at;
using podscope_test::for_each_step;

using pair = std::pair<std::int64_t, std::int64_t>;

constexpr auto every_kind = {step::read, step::write, step::get,    step::scan,
                             step::put,  step::erase, step::commit, step::committed};

// Two parts, each with a plan of its own, on which handles are opened as by other processes.
template <class First, class Second>
struct two_parts {
    using first = faulty_backend<First>;
    using second = faulty_backend<Second>;
    using split = split_of<first, second>;

    First one{};
    Second two{};
    fault_plan of_first{};
    fault_plan of_second{};

    [[nodiscard]] split open(podscope::split_options options = {.patience = 0ms}) const {
        return {first{one, of_first}, second{two, of_second}, options};
    }

    [[nodiscard]] const fault_plan& plan(bool of_the_first) const {
        return of_the_first ? of_first : of_second;
    }
};

struct in_bytes : podscope::lifted<map_backend> {
    in_bytes() : lifted{map_backend{}} {}
};

struct in_races : podscope::lifted<racing_backend> {
    in_races() : lifted{racing_backend{}} {}
};

// One after the other; bodies that are run twice; and side by side.
using in_turn = two_parts<first_memory, second_memory>;
using run_twice = two_parts<in_bytes, in_bytes>;
using side_by_side = two_parts<in_races, in_races>;

result<void> change_second(auto& store, std::int64_t value) {
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
void work(auto& store, Told&& told) {
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

TEMPLATE_TEST_CASE("F09 each step of either part that fails once is an error or no matter",
                   "",
                   in_turn,
                   run_twice,
                   side_by_side) {
    const bool of_the_first = GENERATE(false, true);
    enum class left { nothing, a_change, half_a_change };
    const auto before = GENERATE(left::nothing, left::a_change, left::half_a_change);
    CAPTURE(of_the_first, static_cast<int>(before));
    for_each_step(every_kind, [&](step kind, std::uint64_t number) {
        const TestType parts;
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

TEMPLATE_TEST_CASE("F09 parts that are accepted as they are go on, whatever step has failed",
                   "",
                   in_turn,
                   run_twice) {
    const bool of_the_first = GENERATE(false, true);
    for_each_step(every_kind, [&](step kind, std::uint64_t number) {
        const TestType parts;
        auto store = parts.open();
        REQUIRE(must(increment_both(store, "n")) == 1);
        bool reached = false;
        {
            const fault_at planned{parts.plan(of_the_first), kind, number};
            const auto done = store.accept_as_they_are();
            reached = planned.was_reached();
            REQUIRE((done || reached));
            REQUIRE((done || done.error().category == fault_at::category));
        }
        auto next = parts.open();
        REQUIRE(must(increment_both(store, "n")) == 2);
        REQUIRE(must(both_of(next, "n")) == pair{2, 2});
        REQUIRE(is_settled(next));
        return reached;
    });
}

// Between any two steps of one, another one changes both parts, or lets them meet anew; there may
// be a change besides whose maker has died.
TEST_CASE("F08 two parts belong together whatever others do between two steps") {
    const bool of_the_first = GENERATE(false, true);
    const bool is_unfinished = GENERATE(false, true);
    const bool meets_anew = GENERATE(false, true);
    CAPTURE(of_the_first, is_unfinished, meets_anew);
    for_each_step(every_kind, [&](step kind, std::uint64_t number) {
        const side_by_side parts;
        auto store = parts.open();
        REQUIRE(must(increment_both(store, "n")) == 1);
        if (is_unfinished) {
            auto dying = parts.open();
            fault_plan{parts.of_second}.dead_from(step::committed, 1);
            CHECK_FALSE(increment_both(dying, "n").has_value());
            fault_plan{parts.of_second}.work_again();
        }
        bool reached = false;
        auto other = parts.open();
        auto plan = parts.plan(of_the_first);
        plan.at(kind, number, podscope::verify::faults::calls([&] {
                    reached = true;
                    plan.work_again();
                    if (meets_anew) {
                        (void)other.accept_as_they_are();
                    } else {
                        (void)increment_both(other, "n");
                    }
                }));
        REQUIRE((contents_of(store) || meets_anew));
        const auto done = increment_both(store, "n");
        (void)store.accept_as_they_are();
        plan.work_again();
        auto next = parts.open();
        const auto before = must(both_of(next, "n"));
        // Who accepts what is unfinished has it.
        REQUIRE((meets_anew || is_unfinished || before.first == before.second));
        REQUIRE(must(increment_both(next, "n")) == before.first + 1);
        REQUIRE(must(both_of(store, "n")) == pair{before.first + 1, before.second + 1});
        REQUIRE(is_settled(store));
        REQUIRE((done || reached));
        return reached;
    });
}

TEST_CASE("F12 who has no time left to settle what is unfinished says so") {
    const in_turn parts;
    auto store = parts.open();
    REQUIRE(must(increment_both(store, "n")) == 1);
    fault_plan{parts.of_second}.dead_from(step::committed, 1);
    auto dying = parts.open();
    CHECK_FALSE(increment_both(dying, "n").has_value());
    fault_plan{parts.of_second}.work_again();
    auto hasty = parts.open({.patience = 0ms, .deadline = 0ms});
    const auto late = increment_both(hasty, "n");
    REQUIRE_FALSE(late);
    CHECK(late.error().category == errc::timeout);
    CHECK(must(increment_both(store, "n")) == 2);
}

namespace {

// What is to take an unfinished change back is not what it was; what comes of the next one then.
result<std::int64_t> increment_over(void (*damage)(podscope::split_intent&)) {
    using intents = podscope::tables::split_intents;
    in_turn parts;
    auto store = parts.open();
    REQUIRE(must(increment_both(store, "n")) == 1);
    fault_plan{parts.of_second}.dead_from(step::committed, 1);
    auto dying = parts.open();
    CHECK_FALSE(increment_both(dying, "n").has_value());
    fault_plan{parts.of_second}.work_again();
    must(parts.two.write([&](auto& txn) -> result<void> {
        std::string last;
        podscope::split_intent intent;
        auto found = txn.template scan<intents>("", [&](std::string_view key, const auto& row) {
            last = key;
            intent = row;
            return podscope::scan::next;
        });
        damage(intent);
        return found ? txn.template put<intents>(last, intent) : found;
    }));
    return increment_both(store, "n");
}

} // namespace

TEST_CASE("F08 an unfinished change that cannot be taken back is left as it is, and told") {
    const auto unknown = increment_over(
        [](podscope::split_intent& intent) { intent.replaced.front().table = "of tomorrow"; });
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().category == errc::unsupported_version);
    CHECK(unknown.error().subject == "of tomorrow");
    const auto damaged = increment_over(
        [](podscope::split_intent& intent) { intent.replaced.front().record->pop_back(); });
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().category == errc::corrupt);
    // One that says that it came before itself leads nowhere: what is there counts.
    CHECK(must(increment_over([](podscope::split_intent& intent) { intent.previous = 1'000; })) ==
          2);
}

TEST_CASE("F09 two parts that get no random number have not met, and may try again") {
    PODSCOPE_NEEDS_PTRACE();
    const auto failed = podscope_test::fail_each_call(
        [](std::uint64_t number, const std::uint64_t*) {
            return number == SYS_getrandom ? podscope_test::call_failure{ENOSYS} : std::nullopt;
        },
        [] {
            const in_turn parts;
            auto store = parts.open();
            podscope_test::mark_deed();
            const auto first = increment_both(store, "n");
            podscope_test::mark_deed();
            const bool is_told = first || first.error().category == errc::io;
            const auto next = increment_both(store, "n");
            return is_told && next == (first ? 2 : 1) ? 0 : 1;
        });
    CHECK(failed == 1);
}
