// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/split.hpp>
#include <podscope/backend/split_options.hpp>
#include <podscope/backend/split_records.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/store/records.hpp>

#include <utility>

namespace podscope {

/// The tables of the registry alone.
using registry_schema =
    schema<tables::allocations, tables::claims, tables::layers, tables::children, tables::segments>;

/// The tables of the pod store alone.
using pod_store_schema =
    schema<tables::pods, tables::delegations, tables::history, tables::outbox, tables::counters>;

/// The tables of a backend that holds its records as they are, as the registry's part of a
/// `split_store`: `basic_memory<registry_part>`.
using registry_part = split_first_schema<registry_schema>;

/// The same as the pod store's part: `basic_journal<pod_store_part>`.
using pod_store_part = split_second_schema<pod_store_schema>;

/// The backend of a runtime whose registry and pod store live in different ones:
///
///     use::backend(split_store{my_registry, my_pod_store})
///
/// Both together change as one, see basic_split: the record is written first, with what takes it
/// back, the registry decides, and the next comer takes back what a crash left undecided. One
/// backend for both, given to `use::backend` as it is, has a single transaction instead: half the
/// commits.
///
/// The registry is a view of what lives, so it may be in memory: the pod store outlives it, and the
/// pods come back by `restore`. Where its rows can hang on a lease (`leases_rows`), those of live
/// pods do, as with one backend for both: provided that the registry can take back what a body has
/// done to a row (`reverts_rows`, which etcd can), or that the pod store's writes run in turn.
template <typed_store Registry, typed_store PodStore>
class split_store : public basic_split<Registry, PodStore, pod_store_schema> {
public:
    split_store(Registry registry, PodStore pod_store, const split_options& options = {})
        : basic_split<Registry, PodStore, pod_store_schema>{std::move(registry),
                                                            std::move(pod_store), options} {}
};

} // namespace podscope
