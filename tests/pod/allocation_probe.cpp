// SPDX-License-Identifier: BSL-1.0
// What the leases of allocations say of who is alive.
#include "support/catch.hpp"
#include "support/etcd_configuration.hpp"
#include "support/results.hpp"

#include <podscope/pod/allocation_probe.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/store/pod_store.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using namespace std::chrono_literals;
using podscope::allocation_probe;
using podscope::epoch;
using podscope::etcd_store;
using podscope::result;
using podscope::verdict;

static_assert(podscope::reachability_probe<const allocation_probe<etcd_store>>);

constexpr epoch its_epoch{7};

// A pod as an adopt leaves it, or one that was reserved.
void enter(etcd_store& store, const std::string& pod, bool is_adopted = true) {
    must(store.write([&](auto& txn) -> result<void> {
        must(podscope::registry{txn}.insert(
            {.pod = pod, .granted = its_epoch, .adopted = is_adopted}, {}));
        return podscope::pod_store{txn}.put(
            {.pod = pod, .active_segment = is_adopted ? "segment" : "", .granted = its_epoch});
    }));
}

verdict verdict_on(const etcd_store& store, const std::string& pod, epoch shown = its_epoch) {
    const podscope::probe_subject subject{.pod = pod, .granted = shown};
    verdict found{verdict::unknown};
    allocation_probe{store}.probe({&subject, 1}, {}, {&found, 1});
    return found;
}

} // namespace

TEST_CASE("F44 an allocation tells by its lease whether its holder is alive, and never proves it",
          "[pod][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const in_leased_etcd place;
    auto holder = place.open();
    const auto prober = place.open();
    in_etcd unleased;
    unleased.prefix = place.prefix;
    auto without = unleased.open();

    enter(holder, "child");
    enter(holder, "reserved", /*is_adopted=*/false);
    enter(without, "without");
    CHECK(verdict_on(prober, "child") == verdict::reachable);
    CHECK(verdict_on(prober, "reserved") == verdict::reachable);
    CHECK(verdict_on(prober, "without") == verdict::unknown);
    CHECK(verdict_on(prober, "child", epoch{6}) == verdict::unknown);
    CHECK(verdict_on(prober, "nobody") == verdict::unknown);

    place.end_lease_of("child");
    CHECK(verdict_on(prober, "child") == verdict::unreachable);
    CHECK(verdict_on(prober, "child", epoch{6}) == verdict::unknown);
    CHECK(verdict_on(prober, "reserved") == verdict::unknown);
    CHECK(verdict_on(prober, "without") == verdict::unknown);

    const std::vector<podscope::probe_subject> all{{.pod = "without", .granted = its_epoch},
                                                   {.pod = "child", .granted = its_epoch}};
    std::vector<verdict> found(2, verdict::unknown);
    (void)place.wire.take_count();
    allocation_probe{prober}.probe(all, {}, found);
    CHECK(found == std::vector{verdict::unknown, verdict::unreachable});
    CHECK(place.wire.take_count() == backend_test::etcd_wire::count{1, 0, 0});

    place.wire.meddle([](const auto&, const auto&) { return backend_test::etcd_wire::lost(); });
    CHECK(verdict_on(prober, "child") == verdict::unknown);
}
