// SPDX-License-Identifier: BSL-1.0
// The core over parts that can do nothing but what their concepts name: that it compiles says that
// it uses nothing else, and that it runs says that the archetypes are complete.
#include "backend/map_backend.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/pod/make_runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/split_store.hpp>
#include <podscope/pod/supervisor.hpp>
#include <podscope/pod/terminate_first.hpp>
#include <podscope/probe/combinators.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/memory.hpp>
#include <podscope/sink/queue.hpp>
#include <podscope/sink/session_log.hpp>
#include <podscope/sink/tee.hpp>
#include <podscope/verify/archetypes/byte_backend.hpp>
#include <podscope/verify/archetypes/file_layer.hpp>
#include <podscope/verify/archetypes/leased_store.hpp>
#include <podscope/verify/archetypes/pod_clock.hpp>
#include <podscope/verify/archetypes/probe.hpp>
#include <podscope/verify/archetypes/reclaim_policy.hpp>
#include <podscope/verify/archetypes/resource_namespace.hpp>
#include <podscope/verify/archetypes/self_source.hpp>
#include <podscope/verify/archetypes/session_store.hpp>
#include <podscope/verify/archetypes/sink.hpp>
#include <podscope/verify/archetypes/store.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace podscope;
using namespace podscope::verify;
using podscope_test::must;
using podscope_test::why_not;
using podscope_test::world;
using podscope_test::world_probe;
using namespace std::chrono_literals;

using memory = basic_memory<pod_schema>;
using both = delay_archetype<memory, generation_archetype<memory>>;
using leased = lease_archetype<memory>;
using bytes = backend_test::map_backend;

template <class A>
concept is_least = !std::default_initializable<A> && !std::copy_constructible<A> &&
                   !std::is_copy_assignable_v<A> && !std::is_move_assignable_v<A> &&
                   !std::equality_comparable<A> && std::move_constructible<A>;

static_assert(is_least<store_archetype<memory>> && typed_store<store_archetype<memory>>);
static_assert(!has_generation<store_archetype<memory>>);
static_assert(!delays_durability<store_archetype<memory>>);
static_assert(is_least<generation_archetype<memory>>);
static_assert(has_generation<generation_archetype<memory>>);
static_assert(!delays_durability<generation_archetype<memory>>);
static_assert(is_least<delay_archetype<memory>> && delays_durability<delay_archetype<memory>>);
static_assert(!has_generation<delay_archetype<memory>>);
static_assert(is_least<leased> && !has_generation<leased>);
static_assert(leases_rows<leased::writer, tables::claims, tables::allocations>);
static_assert(reads_leased<leased::reader, tables::allocations>);
static_assert(!leases_rows<both::writer, tables::claims, tables::allocations>);
static_assert(is_least<byte_backend_archetype<bytes>>);
static_assert(byte_backend<byte_backend_archetype<bytes>>);
static_assert(is_least<probe_archetype<world_probe>>);
static_assert(reachability_probe<probe_archetype<world_probe>>);
static_assert(is_least<sink_archetype<queue_sink>>);
static_assert(notification_sink<sink_archetype<queue_sink>>);
static_assert(is_least<session_store_archetype<memory_sessions>>);
static_assert(session_store<session_store_archetype<memory_sessions>>);
static_assert(is_least<namespace_archetype<lexical_path>>);
static_assert(resource_namespace<namespace_archetype<lexical_path>>);
static_assert(is_least<reclaim_archetype<terminate_first<>>>);
static_assert(reclaim_policy<reclaim_archetype<terminate_first<>>>);
static_assert(!reviewing_policy<reclaim_archetype<terminate_first<>>>);
static_assert(is_least<reviewing_archetype<terminate_first<>>>);
static_assert(reviewing_policy<reviewing_archetype<terminate_first<>>>);
static_assert(is_least<clock_archetype<system_clocks>> &&
              pod_clock<clock_archetype<system_clocks>>);
static_assert(is_least<self_archetype<given_process>> &&
              self_source<self_archetype<given_process>>);
static_assert(file_layer<file_layer_archetype<system_files>>);

// A review that changes nothing, so that nobody's process is ended.
struct looks_on : reclaim_and_fence {
    void review(std::span<const probe_subject>, std::span<verdict>) {}
};

// What all the runtimes of a test share.
struct surroundings {
    world all{};
    memory_sessions sessions{};
    queue_sink queue{};
};

// A runtime of a process of its own.
template <class Backend, class Reclaim>
auto runtime_of(const process_identity& who, surroundings& of, Backend backend, Reclaim reclaim) {
    return make_runtime(
        use::backend(std::move(backend)), use::sessions(session_store_archetype{of.sessions}),
        use::probe(probe_archetype{world_probe{of.all}}), use::sink(sink_archetype{of.queue}),
        use::names(namespace_archetype{lexical_path{}}), use::reclaim(std::move(reclaim)),
        use::clock(clock_archetype{system_clocks{}}),
        use::self(self_archetype{given_process{who}}));
}

// Each of the core's operations once.
template <class Open>
void play(surroundings& of, Open open) {
    const auto first = of.all.process();
    auto mine = open(first);
    auto planner = must(mine.create(manifest{"planner"}.may(rules::write("/ws"))));
    const auto hire = [&](std::string name, std::string place) {
        auto runtime = open(of.all.process());
        auto granted = must(planner.delegate(manifest{std::move(name)}.may(rules::write(place))));
        return must(runtime.adopt(granted, {.endpoint = "somewhere"}));
    };
    auto coder = hire("coder", "/ws/src");
    auto tester = hire("tester", "/ws/tests");
    auto writer = hire("writer", "/ws/docs");

    must(coder.check("/ws/src/a", permission::write));
    CHECK_FALSE(planner.check("/ws/src/a", permission::write));
    auto shown = must(coder.permit_for("/ws/src/a", permission::write));
    must(mine.validate(shown));
    auto made_up = shown;
    made_up.place.push("..");
    CHECK(why_not(mine.validate(made_up)) == errc::invalid_target);
    CHECK(must(mine.who("/ws/src/a"))->owner.pod == "coder");
    auto helper = must(coder.delegate(manifest{"helper"}.may(rules::write("/ws/src/lib"))));
    auto helping = must(open(of.all.process()).adopt(helper));
    must(writer.release());
    CHECK(must(planner.reclaim("tester")).changed());
    CHECK(why_not(tester.check("/ws/tests/a", permission::write)) == errc::revoked);
    CHECK_FALSE(must(planner.reconcile()).changed());
    CHECK(must(mine.history_of("planner")).size() == 2);

    // The planner and the coder die; the helper lives on below the planner.
    of.all.kill(first);
    of.all.kill(must(mine.find("coder"))->owner);
    auto next = open(of.all.process());
    auto back = must(next.restore("planner"));
    CHECK(back.report.changed());
    must(back.pod.check("/ws/src/a", permission::write));
    CHECK_FALSE(back.pod.check("/ws/src/lib/a", permission::write));
    must(helping.check("/ws/src/lib/a", permission::write));
    CHECK(must(next.outbox_of("planner")).empty());
    CHECK(of.queue.size() != 0);

    // One that hangs is found by a supervisor.
    std::mutex telling;
    std::condition_variable told;
    bool ended = false;
    auto guard = must(supervise(back.pod,
                                [&](const result<reconcile_report>& seen) {
                                    const std::lock_guard alone{telling};
                                    ended = ended || (seen && seen->changed());
                                    told.notify_all();
                                },
                                {.probe_every = 1ms}));
    of.all.hang(must(next.find("helper"))->owner);
    {
        std::unique_lock waiting{telling};
        REQUIRE(told.wait_for(waiting, 30s, [&] { return ended; }));
    }
    must(back.pod.check("/ws/src/lib/a", permission::write));
    CHECK_FALSE(must(next.reclaim_stale()).changed());
    CHECK(must(next.deliver("planner")).undelivered.empty());
    (void)must(watch(back.pod)).attend();
}

} // namespace

TEST_CASE("the core runs over parts that can do only what their concepts name", "[concurrent]") {
    surroundings of;
    const memory all;
    play(of, [&](const process_identity& who) {
        return runtime_of(who, of, store_archetype{all}, reclaim_archetype{reclaim_and_fence{}});
    });
}

TEST_CASE("the core uses no more of the refinements of a concept than they name", "[concurrent]") {
    surroundings of;
    const memory all;
    play(of, [&](const process_identity& who) {
        return runtime_of(who, of, both{all}, reviewing_archetype{looks_on{}});
    });
}

TEST_CASE("the core uses no more of leases than their concept names", "[concurrent]") {
    surroundings of;
    const memory all;
    play(of, [&](const process_identity& who) {
        return runtime_of(who, of, leased{all}, reclaim_archetype{reclaim_and_fence{}});
    });
}

TEST_CASE("what is made of parts uses no more of them than their concepts name") {
    surroundings of;
    const auto dead = of.all.process();
    of.all.kill(dead);
    const std::vector<probe_subject> subjects{{.owner = dead}, {.owner = of.all.process()}};
    const std::vector found{verdict::missing, verdict::reachable};
    const auto ask = [&](auto probe) {
        std::vector verdicts(2, verdict::unknown);
        probe.probe(std::span<const probe_subject>{subjects}, deadline{}, std::span{verdicts});
        return verdicts == found;
    };
    const auto sees = [&] { return probe_archetype{world_probe{of.all}}; };
    CHECK(ask(all_of(sees(), sees())));
    CHECK(ask(any_of(sees(), sees())));
    CHECK(ask(first_that_knows(sees(), sees())));

    const auto segment = must(of.sessions.create({}));
    tee_sink tee{sink_archetype{of.queue},
                 session_log_sink{session_store_archetype{of.sessions},
                                  namespace_archetype{lexical_path{}}, segment}};
    must(tee.notify({.id = "1"}));
    CHECK(of.queue.size() == 1);
    CHECK(must(of.sessions.info(segment)).entries == 1);
}

TEST_CASE("what is made of stores uses no more of them than their concepts name") {
    using namespace backend_test;
    const auto fill = [](auto& store) {
        must(put_number(store, "a", 1));
        must(put_number(store, "b", 2));
        must(erase(store, "a"));
        CHECK(must(rows_from(store)) == rows_of<number>{{"b", {2, {}}}});
        CHECK(must(value_of(store, "b")) == number{2, {}});
    };
    lifted over_bytes{byte_backend_archetype{bytes{}}};
    fill(over_bytes);

    const podscope_test::temporary_folder folder;
    using least_files = file_layer_archetype<system_files>;
    auto journal = must(basic_journal<test_schema, durability::power, least_files>::open(
        folder / "store", {.compact_above = 0, .compact_factor = 0}));
    fill(journal);
    // What a journal asks only where something is wrong with its files.
    std::array<char, 1> byte{};
    CHECK(least_files::read(-1, byte.data(), byte.size(), 0) == EBADF);
    CHECK(least_files::cut(-1, 0) == EBADF);
    // And what fails beneath fails here.
    faulty_backend failing{memory{}};
    failing.plan().at(step::get, 1, faults::fails());
    store_archetype over_failing{failing};
    CHECK_FALSE(over_failing.read([](auto& txn) -> result<void> {
        auto row = txn.template get<tables::pods>("k");
        return row ? result<void>{} : fail(row);
    }));

    split_store split{store_archetype{basic_memory<registry_part>{}},
                      store_archetype{basic_memory<pod_store_part>{}}};
    must(split.write([](auto& txn) -> result<void> {
        must(txn.template put<tables::segments>("s", {}));
        return txn.template put<tables::pods>("p", pod_record{.pod = "p"});
    }));
    CHECK(must(split.read([](auto& txn) -> result<std::string> {
              return (*must(txn.template get<tables::pods>("p"))).pod;
          })) == "p");
}
