// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/pod/judgement.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/records.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace podscope {

/// Tells who is alive by the leases that allocations hang on, of a runtime's own backend:
///
///     auto store = open_etcd_store(cluster, etcd_over_http()).value();
///     … use::backend(store), use::probe(allocation_probe{store}) …
///
/// | the subject's allocation | verdict |
/// | --- | --- |
/// | is there, and hangs on a lease | reachable |
/// | has gone since it was adopted, though nobody has ended it | unreachable |
/// | is there and hangs on none, or is another incarnation's | unknown |
/// | cannot be read | unknown |
///
/// That it has gone is evidence and never proof: the process may have been cut off or stopped, or
/// the cluster may have stood still. So nobody is ever `missing`, and the reclaim policy decides. A
/// process whose work hangs and whose threads run is reachable: ask it as well, by
/// `all_of(tcp_probe{}, allocation_probe{store})`.
///
/// Asks no process. All subjects in one read of the store, with one lookup for each that is there
/// and one more for each that is not. That read may take as long as the store lets it, whatever the
/// deadline is. May be called from several threads at once.
template <typed_store Store>
    requires reads_leased<typename Store::reader, tables::allocations>
class allocation_probe {
public:
    explicit allocation_probe(Store store) : store_{std::move(store)} {}

    void
    probe(std::span<const probe_subject> subjects, deadline, std::span<verdict> verdicts) const {
        const auto read = guarded([&] {
            return store_.read([&](auto& txn) -> result<void> {
                for (std::size_t i = 0; i < subjects.size(); ++i) {
                    auto found = judge(txn, subjects[i]);
                    if (!found) {
                        return fail(found);
                    }
                    verdicts[i] = *found;
                }
                return {};
            });
        });
        if (!read) {
            std::ranges::fill(verdicts, verdict::unknown);
        }
    }

private:
    template <class Txn>
    [[nodiscard]] static result<verdict> judge(Txn& txn, const probe_subject& subject) {
        auto row = registry{txn}.peek(subject.pod);
        if (!row) {
            return fail(row);
        }
        if (!*row) {
            auto gone = has_vanished(txn, {.child = subject.pod, .granted = subject.granted});
            return gone ? result<verdict>{*gone ? verdict::unreachable : verdict::unknown}
                        : fail(gone);
        }
        if ((**row).granted != subject.granted) {
            return verdict::unknown;
        }
        auto leased = txn.template is_leased<tables::allocations>(subject.pod);
        return leased ? result<verdict>{*leased ? verdict::reachable : verdict::unknown}
                      : fail(leased);
    }

    mutable Store store_; // whose functions may be called from several threads at once
};

} // namespace podscope
