// SPDX-License-Identifier: BSL-1.0
// Processes that say in a store until when they live.
#include "backend/map_backend.hpp"
#include "probe/processes.hpp"
#include "support/catch.hpp"
#include "support/faults_everywhere.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/probe/combinators.hpp>
#include <podscope/probe/lease.hpp>
#include <podscope/probe/lease_holder.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/this_process.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

using file_store = basic_journal<lease_schema, durability::process>;
using memory_store = basic_memory<lease_schema>;
using encoded_store = lifted<backend_test::map_backend>;

/// A store that several machines share, as far as its traits say.
struct shared_store : memory_store {
    static constexpr podscope::reach reaches = podscope::reach::cluster;
};

// Long enough for a renewal on any machine, and short enough to be waited for.
constexpr auto term = 2s;

probe_subject subject_of(std::string pod, epoch granted = epoch{7}) {
    return {.pod = std::move(pod), .owner = {}, .endpoint = {}, .granted = granted};
}

template <class Store>
lease_holder<Store> take(const Store& store,
                         const std::string& pod,
                         epoch granted = epoch{7},
                         std::chrono::milliseconds for_long = 1h) {
    return take_lease(store, pod, granted, for_long).value();
}

template <class T, class Store>
std::optional<typename T::record> row_of(Store& store, const std::string& pod) {
    return store
        .read([&](auto& txn) -> result<std::optional<typename T::record>> {
            const auto found = txn.template get<T>(pod);
            return found && *found ? std::optional<typename T::record>{**found} : std::nullopt;
        })
        .value();
}

template <class Store>
void put(Store& store, const std::string& pod, const lease& row) {
    REQUIRE(store.write(
        [&](auto& txn) -> result<void> { return txn.template put<tables::leases>(pod, row); }));
}

template <class Store>
void expect_stale(Store& store, const result<void>& refused, epoch current) {
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().category == errc::stale_epoch);
    CHECK(refused.error().current == current);
    CHECK(row_of<tables::taken_leases>(store, "a pod").value_or(taken_lease{}).granted == current);
}

/// A process that takes a lease, says so, and renews it for as long as it runs.
auto renewing(const std::string& folder, std::string pod) {
    return [=](const voice& out) {
        out.say(this_process().value());
        auto store = file_store::open(folder).value();
        auto held = take_lease(store, pod, epoch{7}, term).value();
        out.say("taken");
        while (held.renew()) {
            ::poll(nullptr, 0, 5);
        }
    };
}

} // namespace

static_assert(reachability_probe<const lease_probe<file_store>>);
static_assert(reachability_probe<const lease_probe<encoded_store>>);

TEST_CASE("F20 a process is unreachable once it has not renewed its lease for a term", "[probe]") {
    const temporary_folder folder;
    const child_process child{renewing(folder / "leases", "a pod")};
    auto subject = subject_of("a pod");
    subject.owner = child.identity();
    REQUIRE(child.line() == "taken");
    const lease_probe leases{file_store::open(folder / "leases").value()};
    CHECK(eventually([&] { return ask(leases, subject) == verdict::reachable; }));
    child.stop();
    CHECK(eventually([&] { return ask(leases, subject) == verdict::unreachable; }));
    CHECK(ask(all_of(process_probe{}, leases), subject) == verdict::unreachable);
    CHECK(ask(first_that_knows(process_probe{}, leases), subject) == verdict::reachable);
    child.resume();
    CHECK(eventually([&] { return ask(leases, subject) == verdict::reachable; }));
}

TEST_CASE("a lease outlives its holder for a term, and never proves it dead", "[probe]") {
    const temporary_folder folder;
    child_process child{renewing(folder / "leases", "a pod")};
    auto subject = subject_of("a pod");
    subject.owner = child.identity();
    REQUIRE(child.line() == "taken");
    const lease_probe leases{file_store::open(folder / "leases").value()};
    child.kill_and_reap();
    CHECK(ask(all_of(process_probe{}, leases), subject) == verdict::missing);
    CHECK(eventually([&] { return ask(leases, subject) != verdict::reachable; }));
    CHECK(ask(leases, subject) == verdict::unreachable);
    // Nobody sees that process, so the lease decides.
    subject.owner.pid_namespace += 1;
    CHECK(ask(first_that_knows(process_probe{}, leases), subject) == verdict::unreachable);
}

TEMPLATE_TEST_CASE("a lease is the subject's own, and of its present incarnation, or says nothing",
                   "[probe]",
                   memory_store,
                   encoded_store) {
    const auto store = [] {
        if constexpr (std::is_same_v<TestType, encoded_store>) {
            return encoded_store{backend_test::map_backend{}};
        } else {
            return TestType{};
        }
    }();
    const lease_probe probe{store};
    auto held = take(store, "a pod");
    CHECK(ask_all(probe, {subject_of("a pod"), subject_of("a"), subject_of("a pod", epoch{6}),
                          subject_of("a pod", epoch{8}), subject_of("")}) ==
          std::vector{verdict::reachable, verdict::unknown, verdict::unknown, verdict::unknown,
                      verdict::unknown});
    REQUIRE(held.drop());
    CHECK(ask(probe, subject_of("a pod")) == verdict::unknown);
    {
        const auto again = take(store, "a pod");
        CHECK(ask(probe, subject_of("a pod")) == verdict::reachable);
    }
    CHECK(ask(probe, subject_of("a pod")) == verdict::unknown);
}

TEST_CASE("an expired lease is renewed as if it had not", "[probe]") {
    memory_store store;
    const lease_probe probe{store};
    auto held = take(store, "a pod", epoch{7}, 1ms);
    CHECK(eventually([&] { return ask(probe, subject_of("a pod")) == verdict::unreachable; }));
    held = take(store, "b pod", epoch{8}); // and gives back what it held
    CHECK(ask(probe, subject_of("a pod")) == verdict::unknown);
    auto row = row_of<tables::leases>(store, "b pod").value();
    row.renewed_ms = 1;
    row.term_ms = 1;
    put(store, "b pod", row);
    CHECK(ask(probe, subject_of("b pod", epoch{8})) == verdict::unreachable);
    REQUIRE(held.renew());
    CHECK(ask(probe, subject_of("b pod", epoch{8})) == verdict::reachable);
}

TEST_CASE("F56 the holder of an older epoch changes nothing in a later one's lease", "[probe]") {
    memory_store store;
    const lease_probe probe{store};
    auto former = take(store, "a pod", epoch{7});
    auto present = take(store, "a pod", epoch{10});
    const auto row = row_of<tables::leases>(store, "a pod");
    expect_stale(store, former.renew(), epoch{10});
    const auto retaken = take_lease(store, "a pod", epoch{9}, 1h);
    REQUIRE_FALSE(retaken.has_value());
    CHECK(retaken.error().category == errc::stale_epoch);
    CHECK(retaken.error().shown == epoch{9});
    CHECK(former.drop());
    { const auto gone = std::move(former); }
    CHECK(row_of<tables::leases>(store, "a pod") == row);
    CHECK(ask(probe, subject_of("a pod", epoch{10})) == verdict::reachable);

    REQUIRE(present.drop());
    expect_stale(store, present.renew(), epoch::none);
    CHECK(row_of<tables::leases>(store, "a pod") == std::nullopt);
}

TEST_CASE("whoever ended a pod's delegation tidies up after it", "[probe]") {
    memory_store store;
    auto held = take(store, "a pod", epoch{7});
    REQUIRE(end_lease(store, "a pod", epoch{6}));
    REQUIRE(end_lease(store, "another", epoch{7}));
    REQUIRE(held.renew());
    REQUIRE(end_lease(store, "a pod", epoch{7}));
    CHECK(row_of<tables::leases>(store, "a pod") == std::nullopt);
    CHECK(row_of<tables::taken_leases>(store, "a pod") == std::nullopt);
    CHECK(held.renew().error().category == errc::stale_epoch);
}

TEST_CASE("F11 a lease of another boot is a dead process's where one machine has the store",
          "[probe]") {
    const auto ask_about_another_boot = [](auto store) {
        const auto held = take(store, "a pod");
        auto row = row_of<tables::leases>(store, "a pod").value();
        row.boot.low += 1;
        put(store, "a pod", row);
        return ask(lease_probe{store}, subject_of("a pod"));
    };
    CHECK(ask_about_another_boot(memory_store{}) == verdict::missing);
    CHECK(ask_about_another_boot(shared_store{}) == verdict::unknown);
}

TEST_CASE("a lease on a clock that cannot be compared says nothing", "[probe]") {
    memory_store store;
    const lease_probe probe{store};
    const auto held = take(store, "a pod");
    const auto good = row_of<tables::leases>(store, "a pod").value();
    const auto with = [&](auto change) {
        auto row = good;
        change(row);
        put(store, "a pod", row);
        return ask(probe, subject_of("a pod"));
    };
    CHECK(with([](lease&) {}) == verdict::reachable);
    CHECK(with([](lease& row) { row.time_namespace += 1; }) == verdict::unknown);
    CHECK(with([](lease& row) { row.renewed_ms += 3'600'000; }) == verdict::unknown);
    CHECK(with([](lease& row) { row.renewed_ms = INT64_MIN; }) == verdict::unknown);
    CHECK(with([](lease& row) { row.term_ms = INT64_MIN; }) == verdict::unreachable);
    CHECK(with([](lease& row) { row.term_ms = INT64_MAX; }) == verdict::reachable);
}

TEST_CASE("a lease that its store let vanish is as good as expired", "[probe]") {
    shared_store store;
    auto held = take(store, "a pod");
    REQUIRE(store.write([](auto& txn) { return txn.template erase<tables::leases>("a pod"); }));
    const lease_probe probe{store};
    CHECK(ask(probe, subject_of("a pod")) == verdict::unreachable);
    CHECK(ask(probe, subject_of("a pod", epoch{8})) == verdict::unknown);
    REQUIRE(held.renew());
    CHECK(ask(probe, subject_of("a pod")) == verdict::reachable);
}

TEST_CASE("nothing is known of leases in a store that cannot be read", "[probe]") {
    verify::faulty_backend store{memory_store{}};
    const auto held = take(store, "a pod");
    const lease_probe probe{store};
    const std::vector subjects{subject_of("a pod"), subject_of("a pod")};
    for (const bool throws : {false, true}) {
        store.plan().at(verify::step::read, 1, [=]() -> result<void> {
            if (throws) {
                throw std::runtime_error{"a store that throws"};
            }
            return fail({.category = errc::io});
        });
        CHECK(ask_all(probe, subjects) == std::vector(2, verdict::unknown));
        CHECK(ask_all(probe, subjects) == std::vector(2, verdict::reachable));
    }
}

TEST_CASE("a probe that waits for its store takes nobody for silent because of that", "[probe]") {
    verify::faulty_backend store{memory_store{}};
    const auto held = take(store, "a pod");
    auto row = row_of<tables::leases>(store, "a pod").value();
    store.plan().at(verify::step::read, 1, [&]() -> result<void> {
        row.renewed_ms = probe_detail::monotonic_ms();
        row.term_ms = 1;
        put(store.store(), "a pod", row);
        (void)eventually([&] { return probe_detail::monotonic_ms() > row.renewed_ms + 1; });
        return {};
    });
    const lease_probe probe{store};
    CHECK(ask(probe, subject_of("a pod")) == verdict::reachable);
    CHECK(ask(probe, subject_of("a pod")) == verdict::unreachable);
}

TEST_CASE("a lease that cannot be read hides no other", "[probe]") {
    backend_test::map_backend bytes;
    const encoded_store store{bytes};
    const auto first = take(store, "first");
    const auto second = take(store, "second");
    REQUIRE(bytes.write([](auto& txn) { return txn.put(std::string{"leases\0first", 12}, "?"); }));
    CHECK(ask_all(lease_probe{store}, {subject_of("first"), subject_of("second")}) ==
          std::vector{verdict::unknown, verdict::reachable});
}

TEST_CASE("F23 the leases of a thousand are read at once", "[probe]") {
    verify::faulty_backend store{memory_store{}};
    std::vector<lease_holder<verify::faulty_backend<memory_store>>> held;
    std::vector<probe_subject> subjects;
    for (int i = 0; i < 1'000; ++i) {
        subjects.push_back(subject_of(std::to_string(i)));
        held.push_back(take(store, subjects.back().pod));
    }
    store.plan().at(verify::step::read, 2, verify::faults::fails());
    CHECK(ask_all(lease_probe{store}, subjects) == std::vector(1'000, verdict::reachable));
}

TEST_CASE("leases are read by several threads while they are renewed", "[probe][concurrent]") {
    const memory_store store;
    auto held = take(store, "a pod");
    const lease_probe probe{store};
    std::atomic<int> reached{0};
    {
        std::vector<std::jthread> asking;
        for (int i = 0; i < 2; ++i) {
            asking.emplace_back([&] {
                for (int n = 0; n < 100; ++n) {
                    reached += ask(probe, subject_of("a pod")) == verdict::reachable ? 1 : 0;
                }
            });
        }
        for (int n = 0; n < 100; ++n) {
            (void)held.renew();
        }
    }
    CHECK(reached == 200);
}

TEST_CASE("F22 a forked copy holds no lease", "[probe]") {
    memory_store store;
    auto held = std::make_unique<lease_holder<memory_store>>(take(store, "a pod"));
    const auto copy = ::fork();
    if (copy == 0) {
        const auto is_forked = [](const result<void>& done) {
            return !done && done.error().category == errc::forked;
        };
        const bool refused = is_forked(held->renew()) && is_forked(held->drop());
        held.reset();
        const bool stays = row_of<tables::leases>(store, "a pod").has_value();
        ::_exit(refused && stays ? 0 : 1);
    }
    int status = 1;
    REQUIRE(::waitpid(copy, &status, 0) == copy);
    CHECK(status == 0);
    CHECK(held->renew());
}

TEST_CASE("a lease needs a name that a pod may have, and a store that works", "[probe]") {
    verify::faulty_backend store{memory_store{}};
    CHECK(take_lease(store, "a/b", epoch{7}, 1h).error().category == errc::invalid_name);
    store.plan().at(verify::step::commit, 1, verify::faults::fails());
    CHECK(take_lease(store, "a pod", epoch{7}, 1h).error().category == errc::io);
    CHECK(row_of<tables::taken_leases>(store, "a pod") == std::nullopt);
    auto held = take(store, "a pod");
    store.plan().at(verify::step::commit, 1, verify::faults::fails());
    CHECK(held.renew().error().category == errc::io);
    CHECK(held.renew());
}

TEST_CASE("F12 a store that fails while a lease is held is named, and what was held stays",
          "[probe]") {
    using verify::step;
    for_each_step(
        {step::write, step::get, step::put, step::erase, step::commit}, [](auto kind, auto number) {
            verify::faulty_backend store{memory_store{}};
            const lease_probe probe{store};
            bool reached = false;
            std::optional<lease_holder<verify::faulty_backend<memory_store>>> held;
            {
                const fault_at planned{store.plan(), kind, number};
                auto taken = take_lease(store, "a pod", epoch{7}, 1h);
                if (!taken) {
                    CHECK(taken.error().category == fault_at::category);
                    CHECK(row_of<tables::taken_leases>(store, "a pod") == std::nullopt);
                    return true;
                }
                held = *std::move(taken);
                const auto renewed = held->renew();
                reached = planned.was_reached();
                CHECK(reached == !renewed);
                const auto seen = ask(probe, subject_of("a pod"));
                CHECK((seen == verdict::reachable ||
                       (seen == verdict::unknown && !reached && planned.was_reached())));
                reached = planned.was_reached();
                if (!reached) {
                    const auto dropped = held->drop();
                    reached = planned.was_reached();
                    CHECK(reached == !dropped);
                    // Whole, or as before.
                    CHECK(row_of<tables::leases>(store, "a pod").has_value() == reached);
                    CHECK(row_of<tables::taken_leases>(store, "a pod").has_value() == reached);
                }
            }
            CHECK(held->drop());
            CHECK(row_of<tables::leases>(store, "a pod") == std::nullopt);
            held.reset();
            return reached;
        });
}
