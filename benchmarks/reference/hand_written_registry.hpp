// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "hand_written_conflict.hpp"
#include "hand_written_tables.hpp"
#include "registry_steps.hpp"

#include <podscope/error.hpp>
#include <podscope/pod/entitlement.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/registry/conflict.hpp>
#include <podscope/registry/keys.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/rule.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_bench {

/// The registry of live pods in the memory of one process, as somebody would write it who needs
/// this one configuration and no other: no template, no policy, no concept.
///
/// Made to find out what the library's templates cost, so it has the same guarantees (all or
/// nothing, even when memory runs out; the same lock; a generation that moves with each commit),
/// keeps the same records under the same keys, and does the same things to its maps in the same
/// order. What no template stands before (records, keys, regions, resources) is the library's own.
/// It takes the freedom that the library gives up by not knowing its backend: a row is looked at
/// where it lies, and not copied, and what cannot fail returns no result.
///
/// registry_steps is the library's side, call by call.
class hand_written_registry {
public:
    hand_written_registry() = default;
    hand_written_registry(const hand_written_registry&) = delete;
    hand_written_registry& operator=(const hand_written_registry&) = delete;

    /// A new root pod, and the segment that it writes if it has one.
    ///
    /// Errors: `duplicate_name`, `segment_held`, `conflict`.
    [[nodiscard]] podscope::result<void> enter(const podscope::allocation& row,
                                               std::span<const podscope::deny_layer> layers,
                                               std::string_view segment = {}) {
        const std::unique_lock lock{mutex_};
        hand_written_transaction txn{tables_};
        if (const auto* taken = find_allocation(tables_, row.pod); taken != nullptr) {
            return podscope::fail(name_is_taken(*taken));
        }
        insert(txn, row, layers);
        if (!segment.empty()) {
            if (auto done = set_segment(txn, row.pod, segment); !done) {
                return done;
            }
        }
        return commit_unless_conflict(txn, row.pod);
    }

    /// A pod reserved for a child, whose row says what it gets: a layer for each write rule on the
    /// parent, and the row.
    ///
    /// Errors: `revoked`, `duplicate_name`, `conflict`.
    [[nodiscard]] podscope::result<void> delegate(const podscope::grant& parent,
                                                  const podscope::allocation& child) {
        const std::unique_lock lock{mutex_};
        hand_written_transaction txn{tables_};
        if (!is_own(parent)) {
            return podscope::fail(loss_of(parent));
        }
        if (const auto* taken = find_allocation(tables_, child.pod); taken != nullptr) {
            return podscope::fail(name_is_taken(*taken));
        }
        add_layers(txn, parent.pod, layers_for(child.pod, child.granted, child.allow));
        insert(txn, child, {});
        return commit_unless_conflict(txn, child.pod);
    }

    /// Takes what a parent had delegated to a child back.
    ///
    /// Errors: `revoked`, `unknown_pod`.
    [[nodiscard]] podscope::result<void> reclaim(const podscope::grant& parent,
                                                 std::string_view child) {
        const std::unique_lock lock{mutex_};
        hand_written_transaction txn{tables_};
        if (!is_own(parent)) {
            return podscope::fail(loss_of(parent));
        }
        const podscope::allocation* const row = find_allocation(tables_, child);
        if (row == nullptr || row->delegated_from != parent.pod) {
            return podscope::fail(no_such_child(parent.pod, child));
        }
        remove_layers(txn, parent.pod, layers_for(child, row->granted, row->allow));
        erase(txn, child);
        commit(txn);
        return {};
    }

    /// All competitors of a live pod.
    [[nodiscard]] podscope::result<std::vector<podscope::standing_competitor>>
    competitors_of(std::string_view pod) const {
        const std::shared_lock lock{mutex_};
        return hand_written_conflict_search{tables_}.of(pod);
    }

    /// What a pod finds when it looks at its allocation.
    struct view_of_own {
        podscope::allocation row{};
        std::vector<podscope::deny_layer> layers{}; ///< if they are not those that it knows
    };

    /// The allocation of a live pod, with its layers if they have another revision than it knows.
    ///
    /// Errors: `revoked`.
    [[nodiscard]] podscope::result<view_of_own> look(const podscope::grant& own,
                                                     std::uint64_t known_revision) const {
        const std::shared_lock lock{mutex_};
        const podscope::allocation* const row = find_allocation(tables_, own.pod);
        if (row == nullptr || row->granted != own.granted) {
            return podscope::fail(loss_of(own));
        }
        view_of_own seen{.row = *row};
        if (seen.row.layers_revision != known_revision) {
            const std::string prefix = podscope::registry_keys::name_prefix(own.pod);
            for (auto at = tables_.layers.lower_bound(prefix);
                 at != tables_.layers.end() && at->first.starts_with(prefix); ++at) {
                seen.layers.push_back(at->second.layer);
            }
        }
        return seen;
    }

    /// Moves with every commit. One load.
    [[nodiscard]] std::uint64_t generation() const noexcept {
        return generation_.load(std::memory_order_acquire);
    }

    /// The rows as they lie there: for tests, while nothing changes them.
    [[nodiscard]] const hand_written_tables& tables() const noexcept { return tables_; }

private:
    [[nodiscard]] bool is_own(const podscope::grant& own) const {
        const podscope::allocation* const row = find_allocation(tables_, own.pod);
        return row != nullptr && row->granted == own.granted;
    }

    [[nodiscard]] podscope::error loss_of(const podscope::grant& own) const {
        const auto* const row = find_allocation(tables_, own.pod);
        return podscope::loss_of(own, row != nullptr ? row->granted : podscope::epoch::none);
    }

    void commit(hand_written_transaction& txn) noexcept {
        if (txn.has_changes()) {
            txn.keep();
            generation_.fetch_add(1, std::memory_order_release);
        }
    }

    [[nodiscard]] podscope::result<void> commit_unless_conflict(hand_written_transaction& txn,
                                                                std::string_view pod) {
        auto found = hand_written_conflict_search{tables_}.of(pod);
        if (!found) {
            return podscope::fail(found);
        }
        if (!found->empty()) {
            return podscope::fail(conflict_among_paths(pod, *found));
        }
        commit(txn);
        return {};
    }

    static void insert(hand_written_transaction& txn,
                       const podscope::allocation& row,
                       std::span<const podscope::deny_layer> layers) {
        for (const podscope::scope_rule& rule : row.allow) {
            if (rule.access == podscope::permission::write) {
                txn.put_claim(podscope::registry_keys::claim(row.pod, rule),
                              {.granted = row.granted});
            }
        }
        erase_all_layers(txn, row.pod);
        put_layers(txn, row.pod, layers);
        if (!row.delegated_from.empty()) {
            txn.put_child(podscope::registry_keys::child(row.delegated_from, row.pod),
                          {.child = row.pod});
        }
        txn.put_allocation(row.pod, row);
    }

    static void erase(hand_written_transaction& txn, std::string_view pod) {
        const podscope::allocation* const row = find_allocation(txn.tables(), pod);
        if (row == nullptr) {
            return;
        }
        for (const podscope::scope_rule& rule : row->allow) {
            if (rule.access == podscope::permission::write) {
                txn.erase_claim(podscope::registry_keys::claim(pod, rule));
            }
        }
        erase_all_layers(txn, pod);
        if (!row->delegated_from.empty()) {
            txn.erase_child(podscope::registry_keys::child(row->delegated_from, pod));
        }
        let_go(txn, row->segment, pod);
        txn.erase_allocation(pod);
    }

    static void add_layers(hand_written_transaction& txn,
                           std::string_view pod,
                           const std::vector<podscope::deny_layer>& layers) {
        const podscope::allocation* const row = find_allocation(txn.tables(), pod);
        if (row == nullptr || layers.empty()) {
            return;
        }
        put_layers(txn, pod, layers);
        bump(txn, pod, *row);
    }

    static void remove_layers(hand_written_transaction& txn,
                              std::string_view pod,
                              const std::vector<podscope::deny_layer>& layers) {
        const podscope::allocation* const row = find_allocation(txn.tables(), pod);
        if (row == nullptr || layers.empty()) {
            return;
        }
        for (const podscope::deny_layer& one : layers) {
            txn.erase_layer(podscope::registry_keys::layer(pod, one));
        }
        bump(txn, pod, *row);
    }

    static void put_layers(hand_written_transaction& txn,
                           std::string_view pod,
                           std::span<const podscope::deny_layer> layers) {
        for (const podscope::deny_layer& one : layers) {
            txn.put_layer(podscope::registry_keys::layer(pod, one), {.layer = one});
        }
    }

    static void erase_all_layers(hand_written_transaction& txn, std::string_view pod) {
        const std::string prefix = podscope::registry_keys::name_prefix(pod);
        const layer_map& layers = txn.tables().layers;
        std::vector<std::string> keys;
        for (auto at = layers.lower_bound(prefix);
             at != layers.end() && at->first.starts_with(prefix); ++at) {
            keys.push_back(at->first);
        }
        for (const std::string& key : keys) {
            txn.erase_layer(key);
        }
    }

    // A new row, and not a number changed in the old one, since the old one is what the transaction
    // goes back to.
    static void
    bump(hand_written_transaction& txn, std::string_view pod, podscope::allocation row) {
        ++row.layers_revision;
        txn.put_allocation(pod, std::move(row));
    }

    [[nodiscard]] static const podscope::segment_hold* holder_of(const hand_written_tables& tables,
                                                                 std::string_view segment) {
        const auto hold = tables.segments.find(segment);
        if (hold == tables.segments.end()) {
            return nullptr;
        }
        const podscope::allocation* const row = find_allocation(tables, hold->second.pod);
        return row != nullptr && row->granted == hold->second.granted ? &hold->second : nullptr;
    }

    static void
    let_go(hand_written_transaction& txn, std::string_view segment, std::string_view pod) {
        if (segment.empty()) {
            return;
        }
        if (const auto* hold = holder_of(txn.tables(), segment);
            hold != nullptr && hold->pod == pod) {
            txn.erase_segment(segment);
        }
    }

    [[nodiscard]] static podscope::result<void>
    set_segment(hand_written_transaction& txn, std::string_view pod, std::string_view segment) {
        const podscope::allocation* const row = find_allocation(txn.tables(), pod);
        const podscope::segment_hold* const hold = holder_of(txn.tables(), segment);
        if (hold != nullptr && hold->pod != pod) {
            return podscope::fail({.category = podscope::errc::segment_held,
                                   .message = "the live pod '" + hold->pod + "' writes segment '" +
                                              std::string{segment} + "'",
                                   .subject = std::string{segment},
                                   .current = hold->granted});
        }
        if (row->segment != segment) {
            let_go(txn, row->segment, pod);
        }
        podscope::allocation changed = *row;
        txn.put_segment(segment, {.pod = std::string{pod}, .granted = changed.granted});
        changed.segment = segment;
        txn.put_allocation(pod, std::move(changed));
        return {};
    }

    mutable std::shared_mutex mutex_{};
    hand_written_tables tables_{};
    std::atomic<std::uint64_t> generation_{0};
};

} // namespace podscope_bench
