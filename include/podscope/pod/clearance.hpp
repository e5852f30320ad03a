// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/pod_store.hpp>

#include <optional>
#include <string_view>
#include <utility>

namespace podscope {

/// Ends, within one transaction, what stands in somebody's way and belongs to nobody who lives.
/// What it ends goes through the reconciliation, as everything does that ends.
template <class Txn, reclaim_policy Policy>
class clearance {
public:
    clearance(Txn& txn, reconciliation<Txn, Policy> settling, const judgements& judged)
        : txn_{&txn},
          settling_{std::move(settling)},
          judged_{&judged} {}

    /// Ends a pod that was judged dead, if that incarnation is still there.
    ///
    /// Of a line of dead pods, each delegated to by the one above, the topmost below a root goes
    /// first, and the others with it: what they held goes to somebody who may live and will be
    /// told, or stays with a root to be restored with it.
    [[nodiscard]] result<stale_report> end_dead(std::string_view pod) {
        auto descent = registry{*txn_}.descent_of(pod);
        if (!descent) {
            return fail(descent);
        }
        stale_report report;
        if (descent->empty() || !is_dead(descent->front())) {
            report.overtaken.emplace_back(pod);
            return report;
        }
        const auto* topmost = &descent->front();
        for (const auto& above : *descent) {
            if (above.delegated_from.empty() || !is_dead(above)) {
                break;
            }
            topmost = &above;
        }
        if (!topmost->delegated_from.empty()) {
            auto made = pod_store{*txn_}.find_delegation(topmost->delegated_from, topmost->pod);
            if (!made) {
                return fail(made);
            }
            if (*made && (*made)->granted == topmost->granted) {
                return end(topmost->delegated_from, topmost->pod, end_reason::missing);
            }
        }
        if (auto done = settling_.drop_root(topmost->pod); !done) {
            return fail(done);
        }
        report.dropped.push_back(topmost->pod);
        return report;
    }

    /// Ends the delegation to the first pod above a living one whose allocation is gone, so that
    /// those below it descend from somebody again; that alone, if the reclaim policy keeps the
    /// delegation. No change if there is none.
    [[nodiscard]] result<stale_report> end_vanished_above(std::string_view pod) {
        auto descent = registry{*txn_}.descent_of(pod);
        if (!descent) {
            return fail(descent);
        }
        if (descent->empty() || descent->back().delegated_from.empty()) {
            return stale_report{};
        }
        auto gone = pod_store{*txn_}.find(descent->back().delegated_from);
        if (!gone) {
            return fail(gone);
        }
        if (!*gone || (*gone)->delegated_from.empty()) {
            return stale_report{};
        }
        auto made = pod_store{*txn_}.find_delegation((*gone)->delegated_from, (*gone)->pod);
        if (!made) {
            return fail(made);
        }
        if (!*made) {
            return stale_report{};
        }
        auto ends = settling_.ends_absent(**made);
        if (!ends) {
            return fail(ends);
        }
        return *ends ? end((*gone)->delegated_from, (*gone)->pod, end_reason::absent)
                     : report_of(settling_.settle_below((*gone)->delegated_from, (*gone)->pod));
    }

private:
    [[nodiscard]] bool is_dead(const allocation& row) const {
        const auto said = judged_->find(row.pod);
        return said != judged_->end() && said->second.found == verdict::missing &&
               said->second.granted == row.granted && said->second.owner == row.owner;
    }

    [[nodiscard]] result<stale_report>
    end(std::string_view parent, std::string_view child, end_reason reason) {
        return report_of(settling_.end(parent, child, reason));
    }

    [[nodiscard]] static result<stale_report> report_of(result<reconcile_report> settled) {
        if (!settled) {
            return fail(settled);
        }
        stale_report report;
        report.reclaimed = std::move(settled->ended);
        report.adopted = std::move(settled->adopted);
        return report;
    }

    Txn* txn_;
    reconciliation<Txn, Policy> settling_;
    const judgements* judged_;
};

} // namespace podscope
