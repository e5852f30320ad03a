// SPDX-License-Identifier: BSL-1.0
// A pod store in etcd, in one and in three.
#include "support/etcd_configuration.hpp"

#include <tuple>

namespace {

using places = std::tuple<podscope_test::in_etcd, podscope_test::in_three_etcds>;

} // namespace

#include "store/anywhere/pod_store.hpp"
