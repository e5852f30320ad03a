// SPDX-License-Identifier: BSL-1.0
// The tests of pods that go by any store, in etcd: in one, in three, and with the pod store on the
// machine itself.
#include "support/etcd_split_configuration.hpp"

#include <tuple>

namespace {

using places = std::tuple<podscope_test::in_etcd,
                          podscope_test::in_three_etcds,
                          podscope_test::in_leased_etcd_and_journal>;

} // namespace

#include "anywhere/batch.hpp"
#include "anywhere/names.hpp"
#include "anywhere/permit.hpp"
#include "anywhere/pod.hpp"
#include "anywhere/runtime.hpp"
