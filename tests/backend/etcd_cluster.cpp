// SPDX-License-Identifier: BSL-1.0
// A store in an etcd of three members, of which each dies while the store is used.
#include "backend/etcd_handle.hpp"
#include "support/catch.hpp"
#include "support/dying_cluster.hpp"
#include "support/etcd_server.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/verify/conformance/catch2.hpp>
#include <podscope/verify/conformance/store.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace {

using podscope_test::dying_cluster;
using podscope_test::etcd_cluster;

} // namespace

TEST_CASE("F01 F42 F43 a store in etcd keeps its promises while each member is killed in turn",
          "[etcd][concurrent]") {
    PODSCOPE_NEEDS_ETCD();
    const dying_cluster cluster;
    const auto endpoints = cluster.endpoints();
    std::size_t places = 0;
    // In the middle of what is done for each promise.
    const auto make_place = [&] {
        cluster.strike();
        return backend_test::etcd_place{
            {.endpoints = endpoints, .prefix = "place" + std::to_string(++places) + "/"}};
    };
    PODSCOPE_CHECK_PROMISES(podscope::verify::check_store(make_place, {.rounds = 2}));
    CHECK(places > etcd_cluster::members);
    CHECK(cluster.strikes() == places);
}
