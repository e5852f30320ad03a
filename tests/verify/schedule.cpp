// SPDX-License-Identifier: BSL-1.0
// A schedule at its edges: who never begins, who has crashed, and what is asked outside of it.
#include "support/catch.hpp"
#include "support/failing_calls.hpp"
#include "support/results.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/store_tables.hpp>
#include <podscope/verify/explorer.hpp>
#include <podscope/verify/faulty_backend.hpp>
#include <podscope/verify/fiber.hpp>
#include <podscope/verify/interleaved_store.hpp>
#include <podscope/verify/schedule.hpp>
#include <podscope/verify/scheduled_probe.hpp>
#include <podscope/verify/scheduled_store.hpp>
#include <podscope/verify/threaded_store.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/syscall.h>

using namespace podscope;
using namespace podscope::verify;
using podscope_test::must;

namespace {

using memory = basic_memory<store_kit_schema>;

// Actors that each come to as many points as they are told to.
struct walking {
    schedule now{};
    std::size_t crashes{};
    std::uint64_t steps{};
    std::uint64_t bad_at{~std::uint64_t{0}};

    schedule& plan() { return now; }

    std::size_t most_crashes() const { return crashes; }

    std::uint64_t shared_hash() const { return steps; }

    std::vector<std::string> broken() const {
        return steps == bad_at ? std::vector<std::string>{"it is bad"} : std::vector<std::string>{};
    }

    std::vector<std::string> broken_at_the_end() { return {}; }
};

auto walks(std::size_t points, std::uint64_t bad_at, std::size_t crashes = 0) {
    return [=] {
        auto made = std::make_unique<walking>();
        made->crashes = crashes;
        made->bad_at = bad_at;
        for (const auto* const name : {"a", "b"}) {
            made->now.add(name, [&run = *made, points] {
                for (std::size_t i = 0; i != points; ++i) {
                    if (run.now.point("walk")) {
                        ++run.steps;
                    }
                }
            });
        }
        made->now.begin();
        return made;
    };
}

constexpr std::uint64_t never = ~std::uint64_t{0};

} // namespace

TEST_CASE("who was never woken does nothing, not even at the end") {
    bool ran = false;
    {
        schedule plan;
        plan.add("sleeper", [&] { ran = true; }, true);
        plan.begin();
        CHECK(plan.alternatives(true).empty());
        CHECK(plan.stuck().empty());
        const auto asleep = plan.memory();
        plan.wake(0, 7);
        CHECK(plan.memory() != asleep);
        CHECK(plan.alternatives(false).size() == 1);
        plan.add("another", [&] { ran = true; }, true);
        plan.apply({.actor = 0, .crash = true});
        ran = false;
    }
    CHECK_FALSE(ran);
}

TEST_CASE("who has crashed is asked nothing, and nobody is outside of a schedule") {
    schedule plan;
    std::optional<std::size_t> chosen;
    bool was_alive = false;
    bool is_alive = true;
    plan.add("one", [&] {
        was_alive = plan.is_alive();
        if (!plan.point("go")) {
            chosen = plan.choose({"yes", "no"});
            is_alive = plan.is_alive();
        }
    });
    CHECK(plan.choose({"yes", "no"}) == 0);
    CHECK(plan.is_alive());
    CHECK(plan.point("nowhere"));
    plan.begin();
    const alternative crash{.actor = 0, .crash = true};
    CHECK(plan.told(crash) == "one: crash before go");
    plan.apply(crash);
    CHECK(chosen == 0);
    CHECK(was_alive);
    CHECK_FALSE(is_alive);

    scheduled_mutex alone;
    const std::lock_guard held{alone};
}

TEST_CASE("a process speaks for itself though another one's thread stands between") {
    schedule plan;
    const auto wait = [&] { (void)plan.point("go"); };
    const auto first = plan.add("first", wait);
    plan.add("other", wait);
    plan.add_thread("thread", wait, first);
    plan.begin();
    // Three may go on; of the two processes each may crash once.
    CHECK(plan.alternatives(true).size() == 5);
    plan.apply({.actor = 0});
    CHECK(plan.alternatives(true) == std::vector<alternative>{{.actor = 1},
                                                              {.actor = 1, .crash = true},
                                                              {.actor = 2},
                                                              {.actor = 2, .crash = true}});
}

TEST_CASE("an explorer says of a state by itself what is broken, from the first on") {
    const auto first = explore(walks(1, 0));
    REQUIRE(first.found);
    CHECK(first.found->broken == std::vector<std::string>{"it is bad"});
    CHECK(first.found->steps.empty());
    const auto later = explore(walks(2, 3));
    REQUIRE(later.found);
    CHECK(later.found->steps.size() == 3);
}

TEST_CASE("an explorer gives up where it is told to") {
    CHECK(explore(walks(3, never)).exhausted);
    const auto few = explore(walks(3, never), 2);
    CHECK_FALSE(few.exhausted);
    CHECK(few.states >= 2);
    const auto shallow = explore(walks(3, never), never, 2);
    CHECK_FALSE(shallow.exhausted);
    CHECK(shallow.depth == 2);
    // What is bad lies beyond.
    CHECK_FALSE(explore(walks(3, 5), never, 2).found);
    CHECK(explore(walks(3, 5)).found);
}

TEST_CASE("[random] samples crash, too") {
    sampler sample{walks(3, 3, 1), 1, 6, 2};
    bool has_crashed = false;
    for (int i = 0; i != 2'000 && !has_crashed; ++i) {
        if (const auto found = sample().found) {
            for (const auto& step : found->steps) {
                has_crashed = has_crashed || step.find("crash") != std::string::npos;
            }
        }
    }
    CHECK(has_crashed);
}

TEST_CASE("a fiber that gets no stack says so") {
    PODSCOPE_NEEDS_PTRACE();
    const auto fails = [](std::uint64_t number,
                          const std::uint64_t* arguments) -> podscope_test::call_failure {
        const bool is_stack = (number == SYS_mmap && (arguments[3] & MAP_STACK) != 0) ||
                              (number == SYS_mprotect && arguments[2] == PROT_NONE);
        return is_stack ? podscope_test::call_failure{ENOMEM} : std::nullopt;
    };
    std::vector<int> codes;
    const auto deed = [] {
        podscope_test::mark_deed();
        int code = 2;
        try {
            const fiber_stack stack;
            code = 0;
        } catch (const std::system_error&) {}
        podscope_test::mark_deed();
        return code;
    };
    podscope_test::fail_each_call(fails, deed, [&](int code) { codes.push_back(code); });
    CHECK(codes == std::vector{2, 2, 0});
}

TEST_CASE("what a probe has answered is told") {
    schedule plan;
    std::vector<std::string> heard;
    scheduled_probe probe{
        plan, [](const probe_subject&) { return std::vector{verdict::missing, verdict::unknown}; },
        [&](const probe_subject& who, verdict said) {
            heard.push_back(who.pod + " " + std::string{to_string(said)});
        }};
    std::vector<verdict> said(1);
    plan.add("asker", [&] { probe.probe(std::vector<probe_subject>{{.pod = "p"}}, {}, said); });
    plan.begin();
    plan.apply({.actor = 0});
    plan.apply({.actor = 0, .answer = 1});
    CHECK(heard == std::vector<std::string>{"p unknown"});
}

TEST_CASE("F12 what a scheduled store cannot read is an error, and remembered by nobody") {
    schedule plan;
    const fault_plan faults;
    using store = scheduled_store<faulty_backend<memory>>;
    store under{faulty_backend{memory{}, faults}, plan};
    fault_plan{faults}.at(step::get, 1, faults::fails());
    fault_plan{faults}.at(step::scan, 1, faults::fails());
    CHECK_FALSE(under.read([](auto& txn) -> result<void> {
        auto row = txn.template get<kit_table>("k");
        return row ? result<void>{} : fail(row);
    }));
    CHECK_FALSE(contents_hash(store_kit_schema{}, under));
    const auto empty = must(contents_hash(store_kit_schema{}, under));
    must(under.write([](auto& txn) { return txn.template put<kit_table>("k", {}); }));
    CHECK(must(contents_hash(store_kit_schema{}, under)) != empty);
}

TEST_CASE("a crashed actor reads nothing, and remembers what it has seen") {
    memory rows;
    const auto seen = [&rows](bool crashes) {
        schedule plan;
        scheduled_store<memory> store{rows, plan};
        std::size_t count = 0;
        plan.add("reader", [&] {
            (void)store.read([&](auto& txn) {
                return txn.template scan<kit_table>("", [&](std::string_view, const kit_row&) {
                    ++count;
                    return scan::next;
                });
            });
            (void)plan.point("end");
        });
        plan.begin();
        plan.apply({.actor = 0, .crash = crashes});
        return std::pair{count, plan.memory()};
    };
    must(rows.write([](auto& txn) { return txn.template put<kit_table>("k", {1, "", {}}); }));
    const auto before = seen(false);
    CHECK(before.first == 1);
    CHECK(seen(true).first == 0);
    must(rows.write([](auto& txn) { return txn.template put<kit_table>("k", {2, "", {}}); }));
    CHECK(seen(false).second != before.second);
}

TEST_CASE("F12 a put that fails beneath a faulty store is no change of its") {
    fault_plan beneath;
    fault_plan above;
    faulty_backend store{faulty_backend{memory{}, beneath}, above};
    beneath.at(step::put, 1, faults::fails());
    CHECK(store.write([](auto& txn) -> result<void> {
        CHECK_FALSE(txn.template put<kit_table>("k", {}));
        CHECK_FALSE(txn.has_changes());
        return {};
    }));
    CHECK(above.count(step::commit) == 0);
}

TEST_CASE("an interleaved transaction that fails or changes nothing has no second point") {
    schedule plan;
    interleaved_store<store_kit_schema, writing::optimistic> store{"rows", plan};
    const auto before = store.hash();
    std::vector<result<void>> outcomes;
    plan.add("one", [&] {
        outcomes.push_back(store.write([](auto& txn) -> result<void> {
            must(txn.template put<kit_table>("k", {}));
            return fail({.category = errc::conflict});
        }));
        outcomes.push_back(store.write([](auto&) -> result<void> { return {}; }));
        outcomes.push_back(store.read([](auto&) -> result<void> { return {}; }));
    });
    plan.begin();
    plan.apply({.actor = 0});
    plan.apply({.actor = 0});
    plan.apply({.actor = 0, .crash = true});
    REQUIRE(outcomes.size() == 3);
    CHECK_FALSE(outcomes[0]);
    CHECK(outcomes[1]);
    CHECK_FALSE(outcomes[2]);
    CHECK(store.hash() == before);
}
