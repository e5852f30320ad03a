// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/registry/keys.hpp>
#include <podscope/registry/pod_rows.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/write_rules.hpp>

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// The error of a registry in which a pod is found above itself.
[[nodiscard]] inline failure descends_from_itself(std::string_view pod) {
    return fail(
        {.category = errc::corrupt,
         .message = "by the registry, the pod '" + std::string{pod} + "' descends from itself",
         .subject = std::string{pod}});
}

/// The table of live allocations, seen through one transaction.
///
/// Each call keeps the five tables of the registry in step with each other (rows, claims, layers,
/// edges to children, held segments); none looks beyond the pods that it names. A call that only
/// reads needs a transaction that only reads. Errors are those of the transaction unless a call
/// says more.
///
/// Where rows can hang on a lease, all of a live pod's hang on one: of the process that has
/// inserted it, or taken it over since. So the end of the lease leaves what `erase` leaves.
template <class Txn>
class registry {
public:
    explicit registry(Txn& txn) noexcept : txn_{&txn} {}

    /// The allocation of a live pod, or nothing.
    [[nodiscard]] result<std::optional<allocation>> find(std::string_view pod) const {
        auto row = peek(pod);
        if (!row) {
            return fail(row);
        }
        return *row ? std::optional<allocation>{**row} : std::nullopt;
    }

    /// The same without a copy: a handle as the transaction gives it, false for nothing, which is
    /// valid until that row changes.
    [[nodiscard]] auto peek(std::string_view pod) const {
        return txn_->template get<tables::allocations>(pod);
    }

    /// Whether that pod is live under that very grant.
    [[nodiscard]] result<bool> is_live(std::string_view pod, epoch granted) const {
        auto row = peek(pod);
        if (!row) {
            return fail(row);
        }
        return *row && (**row).granted == granted;
    }

    /// Adds the allocation of a pod that is not live, with its deny layers: its row, a claim for
    /// each write rule, the edge from its parent. Does not look for competitors: registry/conflict
    /// does, on the state that this leaves.
    [[nodiscard]] result<void> insert(allocation row, std::span<const deny_layer> layers) {
        // An allocation may have vanished by an operator, and its layers not with it.
        if (auto done = erase_all<tables::layers>(registry_keys::name_prefix(row.pod)); !done) {
            return done;
        }
        return put_all(std::move(row), layers);
    }

    /// The same as `update` for who becomes the holder of a pod that has no segment yet: from now
    /// on it hangs on his process's lease.
    [[nodiscard]] result<void> take_over(allocation row) {
        if constexpr (leases_rows<Txn, tables::allocations>) {
            auto layers = layers_of(row.pod);
            return layers ? put_all(std::move(row), *layers) : fail(layers);
        } else {
            return update(std::move(row));
        }
    }

    /// Rewrites the row of a live pod. What claims, edges and held segments are made from (allow
    /// rules, parent, segment) must be as it was; the calls below change those.
    [[nodiscard]] result<void> update(allocation row) {
        const std::string pod = row.pod;
        return put<tables::allocations>(hangs::beside_allocation, pod, pod, std::move(row));
    }

    /// Removes everything of a pod that is live: its row, claims, layers, held segment and the edge
    /// from its parent. Edges to its own children stay, for whoever adopts them. Nothing to do for
    /// a pod that is not live.
    [[nodiscard]] result<void> erase(std::string_view pod) {
        auto row = peek(pod);
        if (!row) {
            return fail(row);
        }
        if (!*row) {
            return {};
        }
        for (const auto& rule : write_rules((**row).allow)) {
            auto done = txn_->template erase<tables::claims>(registry_keys::claim(pod, rule));
            if (!done) {
                return done;
            }
        }
        if (auto done = erase_all<tables::layers>(registry_keys::name_prefix(pod)); !done) {
            return done;
        }
        if (auto done = unlink((**row).delegated_from, pod); !done) {
            return done;
        }
        if (auto done = let_go((**row).segment, pod); !done) {
            return done;
        }
        return txn_->template erase<tables::allocations>(pod);
    }

    /// Adds deny layers to a live pod, which learns of it by its layers' revision. Nothing to do
    /// for a pod that is not live.
    [[nodiscard]] result<void> add_layers(std::string_view pod,
                                          std::span<const deny_layer> layers) {
        auto row = peek(pod);
        if (!row || !*row || layers.empty()) {
            return row ? result<void>{} : fail(row);
        }
        if (auto done = put_layers(hangs::beside_allocation, pod, layers); !done) {
            return done;
        }
        return bump(**row);
    }

    /// Removes just these layers from a pod: a layer that is equal but for its origin stays.
    /// Layers that are not there are no error. Logarithmic for each layer.
    /// @param fence the pod's fence from now on, if scope returns to it by that
    [[nodiscard]] result<void> remove_layers(std::string_view pod,
                                             std::span<const deny_layer> layers,
                                             std::optional<epoch> fence = std::nullopt) {
        auto row = peek(pod);
        if (!row || !*row || layers.empty()) {
            return row ? result<void>{} : fail(row);
        }
        for (const auto& one : layers) {
            auto done = txn_->template erase<tables::layers>(registry_keys::layer(pod, one));
            if (!done) {
                return done;
            }
        }
        return bump(**row, fence);
    }

    /// All deny layers of a pod, in the order of their targets.
    [[nodiscard]] result<std::vector<deny_layer>> layers_of(std::string_view pod) const {
        std::vector<deny_layer> found;
        auto done = scan_prefix<tables::layers>(*txn_, registry_keys::name_prefix(pod),
                                                [&](std::string_view, const standing_layer& one) {
                                                    found.push_back(one.layer);
                                                    return scan::next;
                                                });
        if (!done) {
            return fail(done);
        }
        return found;
    }

    /// Visits the deny layers of a pod that cover a region whole, as `visit(layer)`, until that
    /// answers `scan::stop`. One range seek for each component of the region's target, whatever the
    /// number of layers.
    template <class Visitor>
    [[nodiscard]] result<void>
    for_each_covering_layer(std::string_view pod, const region& where, Visitor&& visit) const {
        bool stopped = false;
        std::string_view key = where.target.key();
        for (std::string rows_at = registry_keys::layers_at(pod, key);;) {
            auto done = scan_prefix<tables::layers>(
                *txn_, rows_at, [&](std::string_view, const standing_layer& one) {
                    stopped = contains(region_of(one.layer.rule), where) &&
                              visit(one.layer) == scan::stop;
                    return stopped ? scan::stop : scan::next;
                });
            if (!done || stopped || key.empty()) {
                return done;
            }
            registry_keys::ascend(rows_at, key);
            key = resource::parent_key(key);
        }
    }

    /// A live pod and those that it descends from by delegation, itself first, as far up as they
    /// are live.
    ///
    /// Errors: `corrupt` if a pod descends from itself.
    [[nodiscard]] result<std::vector<allocation>> descent_of(std::string_view pod) const {
        std::vector<allocation> descent;
        std::set<std::string, std::less<>> met;
        for (std::string next{pod}; !next.empty(); next = descent.back().delegated_from) {
            auto row = find(next);
            if (!row) {
                return fail(row);
            }
            if (!*row) {
                break;
            }
            if (!met.insert(next).second) {
                return descends_from_itself(next);
            }
            descent.push_back(std::move(**row));
        }
        return descent;
    }

    /// The names of a pod's live children.
    [[nodiscard]] result<std::vector<std::string>> children_of(std::string_view pod) const {
        std::vector<std::string> found;
        auto done = scan_prefix<tables::children>(*txn_, registry_keys::name_prefix(pod),
                                                  [&](std::string_view, const child_link& one) {
                                                      found.push_back(one.child);
                                                      return scan::next;
                                                  });
        if (!done) {
            return fail(done);
        }
        return found;
    }

    /// Hangs a live pod below another parent; an empty name makes it a root.
    [[nodiscard]] result<void> reparent(std::string_view pod, std::string_view parent) {
        auto row = find(pod);
        if (!row || !*row) {
            return row ? result<void>{} : fail(row);
        }
        if (auto done = unlink((*row)->delegated_from, pod); !done) {
            return done;
        }
        if (auto done = link(hangs::beside_allocation, parent, pod); !done) {
            return done;
        }
        (*row)->delegated_from = parent;
        return update(std::move(**row));
    }

    /// Which live pod holds a session segment, or nothing.
    [[nodiscard]] result<std::optional<segment_hold>> holder_of(std::string_view segment) const {
        auto hold = txn_->template get<tables::segments>(segment);
        if (!hold) {
            return fail(hold);
        }
        if (!*hold) {
            return std::nullopt;
        }
        segment_hold found = **hold;
        auto live = is_live(found.pod, found.granted);
        if (!live) {
            return fail(live);
        }
        return *live ? std::optional{std::move(found)} : std::nullopt;
    }

    /// Makes a live pod the one writer of a segment, and lets go of the one that it held.
    ///
    /// Errors: `segment_held` if another live pod has it; nothing is changed then.
    [[nodiscard]] result<void> set_segment(std::string_view pod, std::string_view segment) {
        auto row = find(pod);
        if (!row || !*row) {
            return row ? result<void>{} : fail(row);
        }
        auto hold = holder_of(segment);
        if (!hold) {
            return fail(hold);
        }
        if (*hold && (*hold)->pod != pod) {
            return fail({.category = errc::segment_held,
                         .message = "the live pod '" + (*hold)->pod + "' writes segment '" +
                                    std::string{segment} + "'",
                         .subject = std::string{segment},
                         .current = (*hold)->granted});
        }
        if ((*row)->segment != segment) {
            if (auto done = let_go((*row)->segment, pod); !done) {
                return done;
            }
        }
        segment_hold mine{.pod = std::string{pod}, .granted = (*row)->granted};
        if (auto done =
                put<tables::segments>(hangs::beside_allocation, pod, segment, std::move(mine));
            !done) {
            return done;
        }
        (*row)->segment = segment;
        return update(std::move(**row));
    }

private:
    using hangs = registry_detail::hangs;

    template <table T>
    [[nodiscard]] result<void>
    put(hangs how, std::string_view pod, std::string_view key, typename T::record&& value) {
        return registry_detail::put_row<T>(*txn_, how, pod, key, std::move(value));
    }

    // All that a live pod has, but for its segment.
    [[nodiscard]] result<void> put_all(allocation row, std::span<const deny_layer> layers) {
        for (const auto& rule : write_rules(row.allow)) {
            auto done = put<tables::claims>(hangs::on_own_lease, row.pod,
                                            registry_keys::claim(row.pod, rule),
                                            claim{.granted = row.granted});
            if (!done) {
                return done;
            }
        }
        if (auto done = put_layers(hangs::on_own_lease, row.pod, layers); !done) {
            return done;
        }
        if (auto done = link(hangs::on_own_lease, row.delegated_from, row.pod); !done) {
            return done;
        }
        const std::string pod = row.pod;
        return put<tables::allocations>(hangs::on_own_lease, pod, pod, std::move(row));
    }

    [[nodiscard]] result<void>
    put_layers(hangs how, std::string_view pod, std::span<const deny_layer> layers) {
        for (const auto& one : layers) {
            auto done = put<tables::layers>(how, pod, registry_keys::layer(pod, one),
                                            standing_layer{.layer = one});
            if (!done) {
                return done;
            }
        }
        return {};
    }

    [[nodiscard]] result<void> bump(allocation row, std::optional<epoch> fence = std::nullopt) {
        ++row.layers_revision;
        row.returned = fence ? fence : row.returned;
        return update(std::move(row));
    }

    [[nodiscard]] result<void> link(hangs how, std::string_view parent, std::string_view pod) {
        if (parent.empty()) {
            return {};
        }
        return put<tables::children>(how, pod, registry_keys::child(parent, pod),
                                     child_link{.child = std::string{pod}});
    }

    [[nodiscard]] result<void> unlink(std::string_view parent, std::string_view pod) {
        if (parent.empty()) {
            return {};
        }
        return txn_->template erase<tables::children>(registry_keys::child(parent, pod));
    }

    [[nodiscard]] result<void> let_go(std::string_view segment, std::string_view pod) {
        if (segment.empty()) {
            return {};
        }
        auto hold = holder_of(segment);
        if (!hold) {
            return fail(hold);
        }
        if (!*hold || (*hold)->pod != pod) {
            return {};
        }
        return txn_->template erase<tables::segments>(segment);
    }

    template <table T>
    [[nodiscard]] result<void> erase_all(const std::string& prefix) {
        std::vector<std::string> keys;
        auto done =
            scan_prefix<T>(*txn_, prefix, [&](std::string_view key, const typename T::record&) {
                keys.emplace_back(key);
                return scan::next;
            });
        for (const auto& key : keys) {
            if (!done) {
                break;
            }
            done = txn_->template erase<T>(key);
        }
        return done;
    }

    Txn* txn_;
};

} // namespace podscope
