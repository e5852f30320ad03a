// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/explorer.hpp>
#include <podscope/verify/fiber.hpp>
#include <podscope/verify/interleaved_store.hpp>
#include <podscope/verify/schedule.hpp>
#include <podscope/verify/scheduled_probe.hpp>
#include <podscope/verify/threaded_store.hpp>

#include <boost/hana/adapt_struct.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct explored_number {
    std::uint64_t granted{};
    podscope::unknown_fields unknown{};

    friend bool operator==(const explored_number&, const explored_number&) = default;
};

BOOST_HANA_ADAPT_STRUCT(explored_number, granted, unknown);

using podscope::basic_memory;
using podscope::probe_subject;
using podscope::result;
using podscope::schema;
using podscope::verdict;
using podscope::verify::alternative;
using podscope::verify::explore;
using podscope::verify::fiber;
using podscope::verify::interleaved_store;
using podscope::verify::mix;
using podscope::verify::replayed;
using podscope::verify::sampler;
using podscope::verify::schedule;
using podscope::verify::scheduled_mutex;
using podscope::verify::scheduled_probe;
using podscope::verify::threaded_store;
using podscope::verify::writing;
using podscope_test::must;

namespace {

struct numbers {
    static constexpr const char* name = "numbers";
    using record = explored_number;
};

// Two processes count in a place that they share: in one step each, or in two, which loses one
// count where the other comes in between.
class counting {
public:
    explicit counting(bool in_one_step, std::size_t crashes = 0) : crashes_{crashes} {
        for (const auto* const name : {"a", "b"}) {
            plan_.add(name, [this, in_one_step] {
                if (!plan_.point("read")) {
                    return;
                }
                const int seen = count_;
                plan_.observe(static_cast<std::uint64_t>(seen));
                if (!in_one_step && !plan_.point("write")) {
                    return;
                }
                count_ = seen + 1;
                ++counted_;
            });
        }
        plan_.begin();
    }

    schedule& plan() { return plan_; }

    std::size_t most_crashes() const { return crashes_; }

    std::uint64_t shared_hash() const {
        return static_cast<std::uint64_t>(count_ * 100 + counted_);
    }

    std::vector<std::string> broken() { return {}; }

    std::vector<std::string> broken_at_the_end() {
        return count_ == counted_ ? std::vector<std::string>{}
                                  : std::vector<std::string>{"a count is lost"};
    }

private:
    std::size_t crashes_;
    int count_ = 0;
    int counted_ = 0;
    schedule plan_{};
};

auto runs(bool in_one_step, std::size_t crashes = 0) {
    return [=] { return std::make_unique<counting>(in_one_step, crashes); };
}

} // namespace

TEST_CASE("a fiber goes on where it left, and ends") {
    std::string trace;
    fiber one{[&] {
        trace += 'a';
        one.leave();
        trace += 'c';
    }};
    one.resume();
    trace += 'b';
    CHECK_FALSE(one.has_ended());
    one.resume();
    CHECK(one.has_ended());
    CHECK(trace == "abc");
}

TEST_CASE("fibers may throw and catch while others are left in the middle") {
    int caught = 0;
    const auto body = [&](fiber*& self) {
        return [&caught, &self] {
            for (int i = 0; i != 3; ++i) {
                try {
                    throw i;
                } catch (int) {
                    ++caught;
                }
                self->leave();
            }
        };
    };
    fiber* first = nullptr;
    fiber* second = nullptr;
    fiber a{body(first)};
    fiber b{body(second)};
    first = &a;
    second = &b;
    for (int i = 0; i != 4; ++i) {
        a.resume();
        b.resume();
    }
    CHECK(caught == 6);
    CHECK(a.has_ended());
    CHECK(b.has_ended());
}

TEST_CASE("an explorer exhausts what can happen, and finds nothing where nothing is wrong") {
    const auto all = explore(runs(true));
    CHECK(all.exhausted);
    CHECK_FALSE(all.found);
    // The beginning, one of the two done, both done: who was first is forgotten by the end.
    CHECK(all.states == 4);
    CHECK(all.transitions == 4);
    CHECK(all.endings == 1);
    CHECK(all.depth == 2);
}

TEST_CASE("an explorer finds a lost update by a shortest way, which can be gone again") {
    const auto all = explore(runs(false));
    REQUIRE(all.found);
    CHECK(all.found->broken == std::vector<std::string>{"a count is lost"});
    CHECK(all.found->steps.size() == 4);
    CHECK(all.found->steps.front() == "a: read");
    const auto again = replayed(runs(false), all.found->replay);
    CHECK(again.steps == all.found->steps);
    CHECK(again.broken == all.found->broken);
    CHECK(replayed(runs(false), "0.0").broken.empty());
}

TEST_CASE("an actor that crashes has no effect from then on") {
    const auto all = explore(runs(true, 2));
    CHECK(all.exhausted);
    CHECK_FALSE(all.found);
    CHECK(all.states > 4);
    // With a crash before the write of one, the other's count stands: still lost only without one.
    const auto lost = explore(runs(false, 2));
    REQUIRE(lost.found);
    CHECK(lost.found->steps.size() == 4);

    counting run{true, 1};
    run.plan().apply({.actor = 0, .crash = true});
    CHECK(run.plan().has_ended(0));
    CHECK(run.plan().is_crashed(0));
    CHECK(run.shared_hash() == 0);
    CHECK(run.plan().alternatives(true).size() == 2);
    CHECK(run.plan().told({.actor = 1}) == "b: read");
}

TEST_CASE("an answer is chosen by the schedule, and nothing happens before it") {
    std::string said;
    schedule plan;
    plan.add("asker", [&] {
        (void)plan.point("ask");
        said = plan.choose({"yes", "no"}) == 0 ? "yes" : "no";
    });
    plan.add("other", [&] { (void)plan.point("go"); });
    plan.begin();
    plan.apply({.actor = 0});
    const auto now = plan.alternatives(true);
    REQUIRE(now.size() == 2);
    CHECK(now[1] == alternative{.actor = 0, .answer = 1});
    CHECK(plan.told(now[1]) == "asker: no");
    plan.apply(now[1]);
    CHECK(said == "no");
}

TEST_CASE("an actor that waits does nothing before it is woken") {
    bool ran = false;
    schedule plan;
    plan.add("first", [&] {
        (void)plan.point("wake");
        plan.wake(1, 7);
    });
    plan.add("second", [&] { ran = true; }, true);
    plan.begin();
    CHECK(plan.alternatives(true).size() == 2);
    plan.apply({.actor = 0});
    REQUIRE(plan.alternatives(false).size() == 1);
    CHECK_FALSE(ran);
    plan.apply({.actor = 1});
    CHECK(ran);
    CHECK(plan.alternatives(false).empty());
}

TEST_CASE("[random] samples of a scenario find a lost update, and replay") {
    sampler losing{runs(false), 1, 6, 3};
    sampler sound{runs(true), 1, 6, 3};
    std::size_t found = 0;
    for (int i = 0; i != 200; ++i) {
        if (const auto lost = losing(); lost.found) {
            ++found;
            REQUIRE_FALSE(replayed(runs(false), lost.found->replay).broken.empty());
        }
        const auto once = sound();
        REQUIRE_FALSE(once.found);
        REQUIRE(once.steps == 2);
    }
    CHECK(found > 5);
}

TEST_CASE("threads of a process crash together, and wait for a mutex") {
    schedule plan;
    scheduled_mutex mutex;
    std::string trace;
    const auto body = [&](char name) {
        return [&, name] {
            const std::lock_guard alone{mutex};
            trace += name;
            if (plan.point("hold")) {
                trace += name;
            }
        };
    };
    const auto first = plan.add("first", body('a'));
    plan.add_thread("second", body('b'), first);
    plan.begin();
    plan.apply({.actor = 0});
    SECTION("the one that waits goes on once the other has let go") {
        CHECK(plan.alternatives(false) == std::vector<alternative>{{.actor = 0}});
        plan.apply({.actor = 0});
        CHECK(plan.alternatives(false) == std::vector<alternative>{{.actor = 1}});
        plan.apply({.actor = 1});
        plan.apply({.actor = 1});
        CHECK(trace == "aabb");
    }
    SECTION("a crash ends both, and counts once") {
        const auto now = plan.alternatives(true);
        CHECK(now == std::vector<alternative>{{.actor = 0}, {.actor = 0, .crash = true}});
        plan.apply(now[1]);
        CHECK(plan.alternatives(true).empty());
        CHECK(plan.crashes() == 1);
        CHECK(plan.is_crashed(1));
    }
}

namespace {

// Two threads that take two mutexes, one of them the other way round if they are to be crossed.
class locking {
public:
    explicit locking(bool crossed) {
        const auto first = plan_.add("first", [this] { take(mutexes_[0], mutexes_[1]); });
        plan_.add_thread(
            "second",
            [this, crossed] { take(mutexes_[crossed ? 1 : 0], mutexes_[crossed ? 0 : 1]); }, first);
        plan_.begin();
    }

    schedule& plan() { return plan_; }

    std::size_t most_crashes() const { return 1; }

    std::uint64_t shared_hash() const { return 0; }

    std::vector<std::string> broken() { return {}; }

    std::vector<std::string> broken_at_the_end() { return {}; }

private:
    void take(scheduled_mutex& one, scheduled_mutex& other) {
        const std::lock_guard outer{one};
        const std::lock_guard inner{other};
    }

    std::array<scheduled_mutex, 2> mutexes_{};
    schedule plan_{};
};

} // namespace

TEST_CASE("an explorer finds those who wait for each other though a crash would free them") {
    const auto all = explore([] { return std::make_unique<locking>(true); });
    REQUIRE(all.found);
    CHECK(all.found->broken == std::vector<std::string>{"first waits for ever before lock",
                                                        "second waits for ever before lock"});
    CHECK(all.found->steps == std::vector<std::string>{"first: lock", "second: lock"});
    const auto again = replayed([] { return std::make_unique<locking>(true); }, all.found->replay);
    CHECK(again.broken == all.found->broken);
    CHECK_FALSE(explore([] { return std::make_unique<locking>(false); }).found);

    sampler sample{[] { return std::make_unique<locking>(true); }, 1, 4, 2};
    bool is_found = false;
    for (int i = 0; i != 100 && !is_found; ++i) {
        is_found = sample().found.has_value();
    }
    CHECK(is_found);
}

TEST_CASE("what a probe could only say is remembered, though nothing was chosen") {
    // One asks whether another lives, and goes by that when it may be so no more.
    struct asking {
        schedule now{};
        bool lives = true;
        bool is_fooled = false;

        schedule& plan() { return now; }

        std::size_t most_crashes() const { return 0; }

        std::uint64_t shared_hash() const { return (lives ? 1U : 0U) + (is_fooled ? 2U : 0U); }

        std::vector<std::string> broken() { return {}; }

        std::vector<std::string> broken_at_the_end() {
            return is_fooled ? std::vector<std::string>{"fooled"} : std::vector<std::string>{};
        }
    };

    const auto run = [](bool asks_first) {
        return [asks_first] {
            auto made = std::make_unique<asking>();
            auto& world = *made;
            const std::function<void()> ask = [&world] {
                scheduled_probe probe{world.now, [&world](const probe_subject&) {
                                          return std::vector{world.lives ? verdict::reachable
                                                                         : verdict::missing};
                                      }};
                const std::vector<probe_subject> subjects(1);
                std::vector<verdict> said(1);
                probe.probe(subjects, {}, said);
                if (world.now.point("go by it")) {
                    world.is_fooled = said.front() == verdict::reachable && !world.lives;
                }
            };
            const std::function<void()> die = [&world] {
                if (world.now.point("die")) {
                    world.lives = false;
                }
            };
            world.now.add("first", asks_first ? ask : die);
            world.now.add("second", asks_first ? die : ask);
            world.now.begin();
            return made;
        };
    };
    // Whichever of the two ways to one place is gone first.
    CHECK(explore(run(true)).found);
    CHECK(explore(run(false)).found);
}

TEST_CASE("a way that does not fit its scenario is gone as far as it does") {
    CHECK(replayed(runs(false), "0.9.0").steps.size() == 1);
    CHECK(replayed(runs(false), "0.x.0").steps.size() == 1);
    CHECK(replayed(runs(false), "0x.0").steps.empty());
    CHECK(replayed(runs(false), "99999999999999999999").steps.empty());
}

TEST_CASE("who looks at a generation may be overtaken") {
    const auto run = [] {
        struct looking {
            basic_memory<schema<numbers>> memory{};
            std::vector<std::uint64_t> seen{};
            schedule now{};

            schedule& plan() { return now; }
            std::size_t most_crashes() const { return 0; }
            std::uint64_t shared_hash() const {
                std::uint64_t hash = memory.generation();
                for (const auto one : seen) {
                    hash = mix(hash, one);
                }
                return hash;
            }
            std::vector<std::string> broken() { return {}; }
            std::vector<std::string> broken_at_the_end() {
                return seen == std::vector<std::uint64_t>{0, 1}
                           ? std::vector<std::string>{"between"}
                           : std::vector<std::string>{};
            }
        };
        auto made = std::make_unique<looking>();
        auto& world = *made;
        world.now.add("reader", [&world] {
            const threaded_store<basic_memory<schema<numbers>>> store{world.memory, world.now};
            world.seen.push_back(store.generation());
            world.seen.push_back(store.generation());
        });
        world.now.add("writer", [&world] {
            threaded_store<basic_memory<schema<numbers>>> store{world.memory, world.now};
            (void)store.write([](auto& txn) { return txn.template put<numbers>("n", {}); });
        });
        world.now.begin();
        return made;
    };
    const auto all = explore(run);
    REQUIRE(all.found);
    CHECK(all.found->broken == std::vector<std::string>{"between"});
}

TEMPLATE_TEST_CASE_SIG("transactions with a point at each end are serialisable",
                       "",
                       ((writing Way), Way),
                       writing::in_turn,
                       writing::optimistic) {
    // Two count, each in one transaction.
    struct world {
        schedule now{};
        interleaved_store<schema<numbers>, Way> store{"numbers", now};
        std::uint64_t counted = 0;

        schedule& plan() { return now; }

        std::size_t most_crashes() const { return 1; }

        std::uint64_t shared_hash() const { return store.hash() + counted; }

        std::vector<std::string> broken() { return {}; }

        std::vector<std::string> broken_at_the_end() {
            const auto stored = must(store.read([](auto& txn) -> result<std::uint64_t> {
                auto row = txn.template get<numbers>("n");
                return row && *row ? (**row).granted : std::uint64_t{0};
            }));
            return stored == counted ? std::vector<std::string>{}
                                     : std::vector<std::string>{"a count is lost"};
        }
    };

    const auto all = explore([] {
        auto made = std::make_unique<world>();
        for (const auto* const name : {"a", "b"}) {
            made->now.add(name, [&run = *made] {
                const auto done = run.store.write([](auto& txn) -> result<void> {
                    auto row = txn.template get<numbers>("n");
                    const std::uint64_t seen = row && *row ? (**row).granted : 0;
                    return txn.template put<numbers>("n", {.granted = seen + 1});
                });
                run.counted += done ? 1U : 0U;
            });
        }
        made->now.begin();
        return made;
    });
    CHECK(all.exhausted);
    CHECK_FALSE(all.found);
    CHECK(all.endings > 1);
}
