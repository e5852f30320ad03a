// SPDX-License-Identifier: BSL-1.0
// Each kind of fault that can be planned for a store, on a store in memory and on a journal.
#include "backend/map_backend.hpp"
#include "backend/other_process.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/leased_memory.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/guessed_reads.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/backend/reverted_rows.hpp>
#include <podscope/pod/open_runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/sink/callback.hpp>
#include <podscope/verify/fault_plan.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::verify::fault_plan;
using podscope::verify::faulty_backend;
using podscope::verify::step;
using podscope_test::eventually;
using podscope_test::is_asleep;
using podscope_test::must;
using podscope_test::why_not;
namespace faults = podscope::verify::faults;
using namespace std::chrono_literals;

// What a store can do besides.
using leasing = podscope::verify::faulty_backend<podscope_test::leased_memory>;
static_assert(podscope::leases_rows<leasing::writer, podscope::tables::allocations>);
static_assert(podscope::reads_leased<leasing::reader, podscope::tables::allocations>);
using plain = faulty_backend<podscope::basic_memory<test_schema>>;
static_assert(!podscope::leases_rows<plain::writer, numbers>);
static_assert(!podscope::reads_leased<plain::reader, numbers>);
static_assert(!podscope::reverts_rows<plain::writer, numbers>);
static_assert(!podscope::guesses_reads<plain::writer>);

struct on_memory {
    using store = podscope::basic_memory<test_schema>;

    [[nodiscard]] store open() const { return only; }

    store only{};
};

struct on_journal {
    using store = podscope::basic_journal<test_schema, podscope::durability::process>;

    [[nodiscard]] store open() const { return must(store::open(folder / "store")); }

    podscope_test::temporary_folder folder{};
};

// Bodies of its writes run twice.
struct on_bytes {
    using store = podscope::lifted<map_backend>;

    [[nodiscard]] store open() const { return store{only}; }

    map_backend only{};
};

using places = std::tuple<on_memory, on_journal>;

template <class Place>
struct subject {
    Place place{};
    faulty_backend<typename Place::store> store{place.open()};
    // Another handle of the same store: what is really there.
    typename Place::store truth{place.open()};
};

template <class Store>
[[nodiscard]] podscope::result<void> put_both(Store& store, std::int64_t value) {
    return store.write([&](auto& txn) -> podscope::result<void> {
        auto done = txn.template put<numbers>("a", {value, {}});
        return done ? txn.template put<numbers>("b", {value, {}}) : done;
    });
}

template <class Store>
[[nodiscard]] std::vector<std::int64_t> values(Store& store) {
    std::vector<std::int64_t> all;
    for (const auto& [key, row] : must(rows_from(store))) {
        all.push_back(row.value);
    }
    return all;
}

using some = std::vector<std::int64_t>;

} // namespace

TEMPLATE_LIST_TEST_CASE("F12 a commit that is to fail changes nothing, and the next works",
                        "[faults]",
                        places) {
    subject<TestType> on;
    must(put_both(on.store, 1));
    on.store.plan().at(step::commit, 1, faults::fails());
    CHECK(why_not(put_both(on.store, 2)) == errc::io);
    CHECK(values(on.truth) == some{1, 1});
    must(put_both(on.store, 3));
    CHECK(values(on.truth) == some{3, 3});
}

TEMPLATE_LIST_TEST_CASE("F45 a commit whose answer is lost has changed all", "[faults]", places) {
    subject<TestType> on;
    on.store.plan().at(step::committed, 2, faults::fails({.category = errc::unavailable}));
    must(put_both(on.store, 1));
    CHECK(why_not(put_both(on.store, 2)) == errc::unavailable);
    CHECK(values(on.truth) == some{2, 2});
    must(put_both(on.store, 3));
}

TEMPLATE_LIST_TEST_CASE("F42 a transaction that is torn in the middle is taken back whole",
                        "[faults]",
                        places) {
    subject<TestType> on;
    must(put_both(on.store, 1));
    on.store.plan().at(step::put, 2, faults::fails());
    CHECK(why_not(put_both(on.store, 2)) == errc::io);
    CHECK(values(on.truth) == some{1, 1});
    on.store.plan().at(step::erase, 1, faults::fails());
    const auto torn = [](auto& txn) -> podscope::result<void> {
        auto done = txn.template put<numbers>("a", {3, {}});
        return done ? txn.template erase<numbers>("b") : done;
    };
    CHECK(why_not(on.store.write(torn)) == errc::io);
    CHECK(values(on.truth) == some{1, 1});
    must(on.store.write(torn));
    CHECK(values(on.truth) == some{3});
}

TEMPLATE_LIST_TEST_CASE("F12 reads fail where they are to fail", "[faults]", places) {
    subject<TestType> on;
    must(put_both(on.store, 1));
    const auto where = GENERATE(step::read, step::get);
    on.store.plan().at(where, 2, faults::fails());
    CHECK(must(value_of(on.store, "a")) == number{1, {}});
    CHECK(why_not(value_of(on.store, "a")) == errc::io);
    CHECK(must(value_of(on.store, "a")) == number{1, {}});
    on.store.plan().at(step::scan, 1, faults::fails());
    CHECK(why_not(rows_from(on.store)) == errc::io);
    CHECK(values(on.store) == some{1, 1});
    // A body that cannot read what it is to change changes nothing.
    on.store.plan().at(step::get, 1, faults::fails());
    CHECK(why_not(increment(on.store, "a")) == errc::io);
    CHECK(values(on.truth) == some{1, 1});
    on.store.plan().at(step::write, 1, faults::fails());
    CHECK(why_not(increment(on.store, "a")) == errc::io);
    CHECK(must(increment(on.store, "a")) == 2);
}

TEMPLATE_LIST_TEST_CASE("F12 what fails from some commit on fails until it is to work again",
                        "[faults]",
                        places) {
    subject<TestType> on;
    on.store.plan().from(step::commit, 2, faults::fails());
    must(put_number(on.store, "a", 1));
    CHECK(why_not(put_number(on.store, "a", 2)) == errc::io);
    CHECK(why_not(put_number(on.store, "a", 3)) == errc::io);
    CHECK(must(value_of(on.store, "a")) == number{1, {}});
    on.store.plan().work_again();
    must(put_number(on.store, "a", 4));
}

TEMPLATE_LIST_TEST_CASE("F10 what is dead does nothing more, through any handle",
                        "[faults]",
                        places) {
    subject<TestType> on;
    auto other = on.store;
    on.store.plan().dead_from(step::committed, 1);
    CHECK(why_not(put_number(on.store, "a", 1)) == errc::io);
    CHECK(why_not(put_number(other, "a", 2)) == errc::io);
    CHECK(why_not(value_of(other, "a")) == errc::io);
    CHECK(must(value_of(on.truth, "a")) == number{1, {}});
    on.store.plan().work_again();
    CHECK(must(value_of(other, "a")) == number{1, {}});
}

TEMPLATE_LIST_TEST_CASE("A commit that changes nothing, or is refused by its body, is none",
                        "[faults]",
                        places) {
    subject<TestType> on;
    on.store.plan().from(step::commit, 1, faults::fails());
    must(on.store.write([](auto&) -> podscope::result<void> { return {}; }));
    CHECK(why_not(on.store.write([](auto& txn) -> podscope::result<void> {
              auto done = txn.template put<numbers>("a", {1, {}});
              return done ? podscope::fail({.category = errc::denied}) : done;
          })) == errc::denied);
    CHECK(on.store.plan().count(step::commit) == 0);
    CHECK(on.store.plan().count(step::committed) == 0);
    CHECK(on.store.plan().count(step::write) == 2);
}

TEMPLATE_LIST_TEST_CASE("F08 a commit that is held up holds up those behind it, and takes place",
                        "[faults]",
                        places) {
    subject<TestType> on;
    std::promise<void> reached;
    std::promise<void> go_on;
    on.store.plan().at(step::commit, 1, faults::calls([&] {
                           reached.set_value();
                           go_on.get_future().wait();
                       }));
    std::atomic<bool> second_is_done{false};
    std::thread first{[&] { must(put_number(on.store, "a", 1)); }};
    reached.get_future().wait();
    std::atomic<int> second_thread{0};
    std::thread second{[&] {
        second_thread = ::gettid();
        must(increment(on.store, "a"));
        second_is_done = true;
    }};
    CHECK(eventually([&] {
        const bool waits = on.store.plan().count(step::write) == 2 && is_asleep(second_thread);
        return waits || second_is_done;
    }));
    CHECK_FALSE(second_is_done);
    go_on.set_value();
    first.join();
    second.join();
    CHECK(must(value_of(on.truth, "a")) == number{2, {}});
}

TEST_CASE("Where a body is run again its steps come again", "[faults]") {
    subject<on_bytes> on;
    must(put_both(on.store, 1));
    CHECK(on.store.plan().count(step::write) == 1);
    CHECK(on.store.plan().count(step::put) == 4);
    CHECK(on.store.plan().count(step::commit) == 2);
    CHECK(on.store.plan().count(step::committed) == 1);
    on.store.plan().at(step::put, 4, faults::fails());
    CHECK(why_not(put_both(on.store, 2)) == errc::io);
    CHECK(values(on.truth) == some{1, 1});
}

TEST_CASE("A fault of delay keeps its step waiting, and the step goes on", "[faults]") {
    bool was_seen = false;
    // However rarely this thread gets to look, a delay is long enough at last.
    for (auto delay = 30ms; !was_seen && delay < 1min; delay *= 2) {
        subject<on_memory> on;
        on.store.plan().at(step::commit, 1, faults::delays(delay));
        std::atomic<int> delayed_thread{0};
        std::atomic<bool> is_done{false};
        std::thread delayed{[&] {
            delayed_thread = ::gettid();
            must(put_number(on.store, "a", 1));
            is_done = true;
        }};
        CHECK(eventually([&] {
            was_seen =
                was_seen || (on.store.plan().count(step::commit) == 1 && is_asleep(delayed_thread));
            return is_done.load();
        }));
        delayed.join();
        CHECK(must(value_of(on.truth, "a")) == number{1, {}});
    }
    CHECK(was_seen);
}

TEST_CASE("Faults of one step come in the order of their plan, up to the first error", "[faults]") {
    subject<on_memory> on;
    std::string seen;
    auto& plan = on.store.plan();
    plan.from(step::commit, 1, faults::calls([&] { seen += 'a'; }));
    plan.at(step::commit, 2, faults::fails());
    plan.from(step::commit, 1, faults::calls([&] { seen += 'b'; }));
    // A fault may change the plan.
    plan.at(step::commit, 3, faults::calls([&] { plan.work_again(); }));
    must(put_number(on.store, "a", 1));
    CHECK(why_not(put_number(on.store, "a", 2)) == errc::io);
    must(put_number(on.store, "a", 3));
    must(put_number(on.store, "a", 4));
    CHECK(seen == "abaab");
}

TEST_CASE("A faulty store has what the store beneath it has", "[faults]") {
    using over_journal = faulty_backend<on_journal::store>;
    using over_bytes = faulty_backend<on_bytes::store>;
    STATIC_REQUIRE(podscope::typed_store<over_journal>);
    STATIC_REQUIRE(podscope::reads<over_journal::reader, notes>);
    STATIC_REQUIRE(podscope::writes<over_journal::writer, notes>);
    STATIC_REQUIRE(podscope::writes<over_bytes::writer, notes>);
    STATIC_REQUIRE(podscope::has_generation<over_journal>);
    STATIC_REQUIRE(podscope::delays_durability<over_journal>);
    STATIC_REQUIRE_FALSE(podscope::delays_durability<faulty_backend<on_memory::store>>);
    STATIC_REQUIRE(podscope::writes_in_turn<over_journal>);
    STATIC_REQUIRE_FALSE(podscope::writes_in_turn<over_bytes>);
    STATIC_REQUIRE(over_journal::durable == on_journal::store::durable);
    STATIC_REQUIRE(over_journal::reaches == on_journal::store::reaches);

    subject<on_journal> on;
    const auto before = on.store.generation();
    must(put_number(on.store, "a", 1));
    CHECK(on.store.generation() != before);
    on.store.plan().at(step::commit, 1, faults::fails());
    const auto put = [](auto& txn) { return txn.template put<numbers>("a", {2, {}}); };
    CHECK(why_not(on.store.write_delayed(put)) == errc::io);
    must(on.store.write_delayed(put));
    CHECK(must(value_of(on.truth, "a")) == number{2, {}});
}

TEST_CASE("F01 a process that is killed before its commit has changed nothing, after it all",
          "[faults]") {
    const bool before = GENERATE(true, false);
    const on_journal place;
    other_process killed{[&](const other_process::line& told) {
        faulty_backend store{place.open()};
        must(put_both(store, 1));
        told.tell();
        store.plan().at(before ? step::commit : step::committed, 1, faults::kills());
        (void)put_both(store, 2);
        return 0;
    }};
    REQUIRE(killed.wait());
    CHECK(killed.exit_code() == -1);
    auto left = place.open();
    CHECK(values(left) == (before ? some{1, 1} : some{2, 2}));
    must(put_both(left, 3));
}

TEST_CASE("F10 who is killed between the commit and the sink has it told by the next", "[faults]") {
    const podscope_test::temporary_folder folder;
    const auto open = [&](auto sink) {
        faulty_backend store{must(podscope::journal_backend::open(folder / "store"))};
        return std::pair{must(podscope::open_runtime(folder.path(), podscope::use::backend(store),
                                                     podscope::use::sink(std::move(sink)))),
                         store.plan()};
    };
    const auto planner = podscope::manifest{"planner"}.may(podscope::rules::write("/ws"));
    const auto child = podscope::manifest{"child"}.may(podscope::rules::write("/ws/a"));
    other_process killed{[&](const other_process::line& told) {
        auto [runtime, plan] = open(podscope::callback_sink{[&](const auto&) { told.tell(); }});
        auto pod = must(runtime.create(planner));
        (void)must(pod.delegate(child));
        plan.at(step::committed, 1, faults::kills());
        (void)pod.reclaim("child");
        return 0;
    }};
    // It has told nothing.
    CHECK_FALSE(killed.wait());
    CHECK(killed.exit_code() == -1);
    std::vector<std::string> told;
    auto [runtime, plan] = open(podscope::callback_sink{
        [&](const auto& notification) { told.push_back(notification.id); }});
    CHECK(must(runtime.delegations_of("planner")).empty());
    const auto waiting = must(runtime.outbox_of("planner"));
    REQUIRE(waiting.size() == 1);
    CHECK(must(runtime.restore("planner")).report.undelivered.empty());
    CHECK(told == std::vector{waiting.front().id});
    CHECK(must(runtime.outbox_of("planner")).empty());
}
