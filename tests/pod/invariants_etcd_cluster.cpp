// SPDX-License-Identifier: BSL-1.0
// The invariants in an etcd of three members, of which each dies while the pods are at work.
#include "laws.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/dying_cluster.hpp"
#include "support/etcd_configuration.hpp"
#include "support/etcd_server.hpp"

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;

struct in_dying_etcds : in_leased_etcd {
    static constexpr const char* name = "dying etcds";

    [[nodiscard]] store open() const { return open_at(endpoints); }

    // Of the test's own cluster.
    static inline std::vector<std::string> endpoints{};
};

using three = configuration<in_dying_etcds, by_default, to_tee>;

} // namespace

TEST_CASE("I1 I2 I3 I4 I5 I6 I7 I8 I9 I10 I11 F43 the invariants hold while each member is killed "
          "in turn",
          "[pod][invariants][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const dying_cluster cluster;
    in_dying_etcds::endpoints = cluster.endpoints();
    const std::vector<std::pair<std::string, void (*)(crew_of<three>&)>> all{
        {"I1", laws::exclusion},
        {"I2", laws::containment},
        {"I3", laws::agreement},
        {"I4", laws::no_leak},
        {"I5", laws::nothing_lost},
        {"I6", laws::log_is_no_authority},
        {"I7", laws::fencing},
        {"I8", laws::idempotence},
        {"I9", laws::exactness},
        {"I10", laws::no_half_pod},
        {"I11", laws::one_writer_per_segment},
    };
    for (const auto& [invariant, law] : all) {
        CAPTURE(invariant);
        cluster.strike();
        play<three>(law);
    }
    CHECK(cluster.strikes() == all.size());
}
