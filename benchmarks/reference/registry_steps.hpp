// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/error.hpp>
#include <podscope/pod/enrolment.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/registry/conflict.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/rule.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace podscope_bench {

/// The registry's tables alone, without those of the pod store.
using registry_schema = podscope::schema<podscope::tables::allocations,
                                         podscope::tables::claims,
                                         podscope::tables::layers,
                                         podscope::tables::children,
                                         podscope::tables::segments>;

// Made alike for both sides of the comparison, since they are no part of what it is about.

/// The layers that a delegation of these rules puts on the pod that makes it.
[[nodiscard]] inline std::vector<podscope::deny_layer> layers_for(
    std::string_view child, podscope::epoch granted, std::span<const podscope::scope_rule> rules) {
    std::vector<podscope::deny_layer> layers;
    layers.reserve(rules.size());
    for (const podscope::scope_rule& rule : rules) {
        if (rule.access == podscope::permission::write) {
            layers.push_back({rule, podscope::delegation_ref{std::string{child}, granted}});
        }
    }
    return layers;
}

[[nodiscard]] inline podscope::error no_such_child(std::string_view parent,
                                                   std::string_view child) {
    return {.category = podscope::errc::unknown_pod,
            .message = "'" + std::string{child} + "' is no child of '" + std::string{parent} + "'",
            .subject = std::string{child}};
}

[[nodiscard]] inline podscope::error name_is_taken(const podscope::allocation& by) {
    return {.category = podscope::errc::duplicate_name,
            .message = "a live pod has the name '" + by.pod + "'",
            .subject = by.pod,
            .current = by.granted};
}

/// The library's registry and conflict search on a memory backend: what
/// podscope::enrolment and podscope::reconciliation do to the registry when a pod is created,
/// delegated or reclaimed, without the pod store's records, which are not what is compared. The
/// side of the library to the comparison with hand_written_registry, which has the same calls.
class registry_steps {
public:
    using store_type = podscope::basic_memory<registry_schema>;

    /// A new root pod, and the segment that it writes if it has one.
    ///
    /// Errors: `duplicate_name`, `segment_held`, `conflict`.
    [[nodiscard]] podscope::result<void> enter(const podscope::allocation& row,
                                               std::span<const podscope::deny_layer> layers,
                                               std::string_view segment = {}) {
        return store_.write([&](auto& txn) -> podscope::result<void> {
            podscope::registry live{txn};
            if (auto done = check_free(live, row.pod); !done) {
                return done;
            }
            auto done = live.insert(row, layers);
            if (done && !segment.empty()) {
                done = live.set_segment(row.pod, segment);
            }
            return done ? refuse_conflict(txn, row.pod) : done;
        });
    }

    /// A pod reserved for a child, whose row says what it gets: a layer for each write rule on the
    /// parent, and the row.
    ///
    /// Errors: `revoked`, `duplicate_name`, `conflict`.
    [[nodiscard]] podscope::result<void> delegate(const podscope::grant& parent,
                                                  const podscope::allocation& child) {
        return store_.write([&](auto& txn) -> podscope::result<void> {
            podscope::registry live{txn};
            auto own = podscope::peek_own(txn, parent);
            if (!own) {
                return podscope::fail(own);
            }
            if (auto done = check_free(live, child.pod); !done) {
                return done;
            }
            auto done =
                live.add_layers(parent.pod, layers_for(child.pod, child.granted, child.allow));
            if (done) {
                done = live.insert(child, {});
            }
            return done ? refuse_conflict(txn, child.pod) : done;
        });
    }

    /// Takes what a parent had delegated to a child back.
    ///
    /// Errors: `revoked`, `unknown_pod`.
    [[nodiscard]] podscope::result<void> reclaim(const podscope::grant& parent,
                                                 std::string_view child) {
        return store_.write([&](auto& txn) -> podscope::result<void> {
            podscope::registry live{txn};
            auto own = podscope::peek_own(txn, parent);
            if (!own) {
                return podscope::fail(own);
            }
            auto row = live.peek(child);
            if (!row) {
                return podscope::fail(row);
            }
            if (!*row || (**row).delegated_from != parent.pod) {
                return podscope::fail(no_such_child(parent.pod, child));
            }
            auto done =
                live.remove_layers(parent.pod, layers_for(child, (**row).granted, (**row).allow));
            return done ? live.erase(child) : done;
        });
    }

    /// All competitors of a live pod.
    [[nodiscard]] podscope::result<std::vector<podscope::standing_competitor>>
    competitors_of(std::string_view pod) const {
        return store_.read([&](auto& txn) { return podscope::conflict_search{txn}.of(pod); });
    }

    [[nodiscard]] std::uint64_t generation() const noexcept { return store_.generation(); }

    [[nodiscard]] store_type& store() noexcept { return store_; }

private:
    template <class Txn>
    [[nodiscard]] static podscope::result<void> check_free(podscope::registry<Txn>& live,
                                                           std::string_view name) {
        auto row = live.peek(name);
        if (!row) {
            return podscope::fail(row);
        }
        return *row ? podscope::fail(name_is_taken(**row)) : podscope::result<void>{};
    }

    template <class Txn>
    [[nodiscard]] static podscope::result<void> refuse_conflict(Txn& txn, std::string_view pod) {
        auto found = podscope::conflict_search{txn}.of(pod);
        if (!found) {
            return podscope::fail(found);
        }
        if (found->empty()) {
            return {};
        }
        return podscope::fail(podscope::conflict_error(podscope::lexical_path{}, pod, *found));
    }

    store_type store_{};
};

} // namespace podscope_bench
