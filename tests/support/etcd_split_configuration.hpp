// SPDX-License-Identifier: BSL-1.0
// A registry in etcd, whose rows hang on leases, and a pod store elsewhere.
#pragma once

#include "support/etcd_configuration.hpp"
#include "support/split_configuration.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/pod/split_store.hpp>

namespace podscope_test {

struct in_leased_etcd_and_journal : in_leased_etcd {
    static constexpr const char* name = "leased etcd and a journal";
    using pod_store = in_two::pod_store;
    using store = podscope::split_store<in_leased_etcd::store, pod_store>;

    [[nodiscard]] store open() const {
        return store{in_leased_etcd::open(), must(pod_store::open(folder / "pods", in_two::small))};
    }
};

} // namespace podscope_test
