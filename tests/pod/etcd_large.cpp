// SPDX-License-Identifier: BSL-1.0
// More children than fit into one of etcd's own transactions.
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/etcd_configuration.hpp"
#include "support/forked.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace podscope_test;
namespace tables = podscope::tables;

auto open_runtime_at(const in_etcd& place) {
    return podscope::basic_runtime{
        system_parts<in_etcd>{place.open(), place.open_sessions(), {}, {}, {}, {}, {}, {}}};
}

} // namespace

TEST_CASE("F23 I10 a thousand children that died at once come back to their parent in etcd",
          "[pod][etcd][slow]") {
    PODSCOPE_NEEDS_ETCD();
    constexpr std::size_t count = 1'000;
    in_etcd place;
    place.deadline = std::chrono::minutes{1};
    (void)in_etcd::server();
    forked_process team{[&] {
        auto library = open_runtime_at(place);
        auto planner = must(library.create(writer("planner", "/ws")));
        std::vector<manifest> wanted;
        for (std::size_t i = 0; i != count; ++i) {
            wanted.push_back(writer("child" + std::to_string(i), "/ws/part" + std::to_string(i)));
        }
        return must(planner.delegate_all(wanted)).size() == count ? 0 : 1;
    }};
    REQUIRE(team.status() == 0);

    auto library = open_runtime_at(place);
    auto back = must(library.restore("planner", {.probe_time = patience}));
    CHECK(back.report.ended.size() == count);
    CHECK(back.report.undelivered.empty());
    CHECK(may_at(back.pod, "/ws/part7/f") == permission::write);
    auto store = place.open();
    CHECK(stored_state{store}.of<tables::allocations>().size() == 1);
    CHECK(stored_state{store}.of<tables::layers>().empty());
    CHECK(must(library.history_of("planner")).size() == count);
}
