// SPDX-License-Identifier: BSL-1.0
// Random sequences and trees, as in sequences.cpp and trees.cpp, in etcd.
#include "support/catch.hpp"
#include "support/etcd_configuration.hpp"
#include "support/sequences.hpp"
#include "support/trees.hpp"

namespace {

using namespace podscope_test;

TEST_CASE("I1 to I11 hold after every step of random sequences in etcd", "[pod][random][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    play_sequences<in_etcd>(80);
}

TEST_CASE("I1 to I11 hold after every step of random sequences in etcd with leases",
          "[pod][random][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    play_sequences<in_leased_etcd>(80);
}

TEST_CASE("I1 to I11 F24 F25 F26 hold after every reclaim in random trees in etcd",
          "[pod][random][etcd]") {
    PODSCOPE_NEEDS_ETCD();
    play_trees<in_etcd>(80);
}

} // namespace
