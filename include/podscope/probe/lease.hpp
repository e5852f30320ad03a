// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/boot_id.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/lease_records.hpp>
#include <podscope/probe/monotonic_clock.hpp>
#include <podscope/probe/vantage.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace podscope {

/// Tells by the leases in a store who is alive; lease_holder holds them. Endpoints have no part in
/// it.
///
/// | the lease of the subject's name | verdict |
/// | --- | --- |
/// | the subject's, and within its term | reachable |
/// | the subject's, and expired | unreachable |
/// | the subject took one, and it has vanished without being given back | unreachable |
/// | the subject's, taken in another boot of this machine | missing |
/// | the same, in a store that several machines share | unknown |
/// | of another time namespace, or renewed at a time yet to come | unknown |
/// | none, given back, or another incarnation's | unknown |
/// | cannot be read | unknown |
///
/// An expired lease is evidence, and never proof: its holder may live, and be about to renew it. So
/// the reclaim policy decides what it means. Another incarnation's proves nothing either: its rows
/// stay when a process is killed, and a later incarnation need not have taken a lease.
///
/// **Clocks.** CLOCK_MONOTONIC: setting the wall clock changes nothing, and a suspended machine
/// ages no lease. A holder that is stopped, swapped out or held in a debugger for longer than its
/// term is unreachable until it renews; and when all processes were held up at once (a virtual
/// machine that was paused), so is everybody. Choose a term well above such pauses, or have
/// `grace_period` wait for a second look.
///
/// Asks no process. All subjects in one read of the store, with at most two lookups for each. That
/// read may have to wait as long as the store lets it, whatever the deadline is: give a store with
/// locks a time limit below that of the probe. May be called from several threads at once, and in
/// forked copies if the store may.
template <lease_store Store>
class lease_probe {
public:
    explicit lease_probe(Store store) : store_{std::move(store)} {}

    void
    probe(std::span<const probe_subject> subjects, deadline, std::span<verdict> verdicts) const {
        const auto here = probe_detail::present_vantage();
        const auto clocks = probe_detail::time_namespace();
        if (!here || !clocks) {
            return;
        }
        // Taken before the store is read: if this process is held up in between, that is nobody's
        // silence.
        const view from{here->boot, *clocks, probe_detail::monotonic_ms()};
        const auto read = guarded([&] {
            return store_.read([&](auto& txn) -> result<void> {
                for (std::size_t i = 0; i < subjects.size(); ++i) {
                    verdicts[i] = judge(txn, subjects[i], from);
                }
                return {};
            });
        });
        if (!read) {
            std::ranges::fill(verdicts, verdict::unknown);
        }
    }

private:
    struct view {
        boot_id boot{};
        std::uint64_t time_namespace{};
        std::int64_t begin_ms{};
    };

    template <class Txn>
    [[nodiscard]] static verdict judge(Txn& txn, const probe_subject& subject, const view& from) {
        const auto taken = txn.template get<tables::taken_leases>(subject.pod);
        if (!taken || !*taken || (**taken).granted != subject.granted) {
            return verdict::unknown;
        }
        const auto found = txn.template get<tables::leases>(subject.pod);
        if (!found) {
            return verdict::unknown;
        }
        return *found ? judge(**found, from) : verdict::unreachable;
    }

    [[nodiscard]] static verdict judge(const lease& found, const view& from) noexcept {
        if (found.boot != from.boot) {
            return Store::reaches == reach::cluster ? verdict::unknown : verdict::missing;
        }
        if (found.time_namespace != from.time_namespace || found.renewed_ms < 0 ||
            found.renewed_ms > probe_detail::monotonic_ms()) {
            return verdict::unknown;
        }
        return from.begin_ms - found.renewed_ms > found.term_ms ? verdict::unreachable
                                                                : verdict::reachable;
    }

    mutable Store store_; // whose functions may be called from several threads at once
};

} // namespace podscope
