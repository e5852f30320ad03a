// SPDX-License-Identifier: BSL-1.0
// The tests of pods that go by any store, in etcd: in one, in three, and with the pod store on the
// machine itself.
#include "support/etcd_split_configuration.hpp"
#include "threaded.hpp"

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

PODSCOPE_TEST_ANYWHERE("I7 whoever checks after a revocation was reported finds it", "[pod]") {
    podscope_test::crew_in<Place> c;
    podscope_test::threaded::check_after_a_revocation(c);
}

PODSCOPE_TEST_ANYWHERE("I1 threads that check while the scope changes never see a place twice",
                       "[pod]") {
    podscope_test::crew_in<Place> c;
    podscope_test::threaded::check_while_it_changes(c);
}

PODSCOPE_TEST_ANYWHERE("I3 threads that delegate and reclaim through one pod lose no layer",
                       "[pod]") {
    podscope_test::crew_in<Place> c;
    podscope_test::threaded::delegate_and_reclaim(c);
}

PODSCOPE_TEST_ANYWHERE("F32 of threads that adopt one reservation one has it", "[pod]") {
    podscope_test::crew_in<Place> c;
    podscope_test::threaded::adopt_one_reservation(c);
}
