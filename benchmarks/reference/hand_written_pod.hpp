// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "hand_written_registry.hpp"
#include "hand_written_scope.hpp"

#include <podscope/error.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/pod/entitlement.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/scope.hpp>

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace podscope_bench {

/// A live pod's checks, for pods over hand_written_registry whose places are paths read as text,
/// and for nothing else: podscope::basic_pod::check and what stands behind it, without a template.
///
/// Made to find out what the layers between a check and its scope cost (basic_pod, holding, the
/// parts, the boundary that lets no exception out), so it makes the same look-ups and keeps the
/// same promises: a fork is noticed, a revocation is found at the next check at the price of one
/// load, a denial says why, nothing is thrown, and any number of threads may ask at once. Creating
/// a pod, and leaving its row to nobody at the end, are the registry's business here.
class hand_written_pod {
public:
    /// The hold on a live allocation of a registry that outlives it.
    ///
    /// Errors: `revoked`.
    [[nodiscard]] static podscope::result<std::unique_ptr<hand_written_pod>>
    of(const hand_written_registry& registry, podscope::grant own) {
        auto seen = registry.look(own, never);
        if (!seen) {
            return podscope::fail(seen);
        }
        return std::make_unique<hand_written_pod>(registry, std::move(own), std::move(*seen));
    }

    /// For `of`.
    hand_written_pod(const hand_written_registry& registry,
                     podscope::grant own,
                     hand_written_registry::view_of_own seen)
        : registry_{&registry},
          own_{std::move(own)},
          scope_{podscope::scope{std::move(seen.row.allow), seen.layers}},
          segment_{std::move(seen.row.segment)},
          layers_revision_{seen.row.layers_revision} {}

    hand_written_pod(const hand_written_pod&) = delete;
    hand_written_pod& operator=(const hand_written_pod&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return own_.pod; }

    /// Whether the pod may do `wanted` at a path, now.
    ///
    /// Errors: `denied`, `revoked`, `forked`, `invalid_target`, `out_of_memory`.
    [[nodiscard]] podscope::result<void> check(std::string_view target,
                                               podscope::permission wanted) noexcept {
        try {
            auto place = podscope::lexical_path{}.resolve(target);
            if (!place) {
                return podscope::fail(place);
            }
            if (auto current = confirm(); !current) {
                return current;
            }
            if (scope_.permission_at(*place) >= wanted) {
                return {};
            }
            return podscope::fail(denial_of(*place, wanted));
        } catch (const std::bad_alloc&) {
            return podscope::fail(
                {.category = podscope::errc::out_of_memory, .message = "out of memory"});
        }
    }

private:
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

    [[nodiscard]] podscope::result<void> confirm() {
        if (!born_.is_current()) {
            return podscope::fail(
                {.category = podscope::errc::forked,
                 .message = "the pod '" + own_.pod +
                            "' belongs to the process that this one was forked from: delegate "
                            "to this one, and let it adopt",
                 .subject = own_.pod});
        }
        if (ended_.load(std::memory_order_acquire)) {
            return podscope::fail(podscope::loss_of(own_, podscope::epoch::none));
        }
        // Taken before the look, so that a commit during the look is looked at again.
        const std::uint64_t now = registry_->generation();
        if (now == seen_.load(std::memory_order_acquire)) {
            return {};
        }
        auto done = look();
        if (done) {
            seen_.store(now, std::memory_order_release);
        }
        return done;
    }

    [[nodiscard]] podscope::result<void> look() {
        const std::lock_guard alone{looking_};
        auto seen = registry_->look(own_, layers_revision_);
        if (!seen) {
            ended_.store(true, std::memory_order_release);
            return podscope::fail(seen);
        }
        if (seen->row.layers_revision != layers_revision_) {
            scope_.replace(podscope::scope{std::move(seen->row.allow), seen->layers});
            layers_revision_ = seen->row.layers_revision;
        }
        segment_ = std::move(seen->row.segment);
        return {};
    }

    [[nodiscard]] podscope::error denial_of(const podscope::resource& place,
                                            podscope::permission wanted) const {
        const std::string shown = podscope::lexical_path{}.display(place);
        const podscope::explanation why = scope_.explain(place);
        std::string text =
            "'" + own_.pod + "' may not " + std::string{to_string(wanted)} + " " + shown + ": ";
        if (!why.allowed_by) {
            text += "no rule allows anything there";
        } else if (!why.capped_by) {
            text += "its rule there is " + shown_rule(*why.allowed_by);
        } else if (const podscope::deny_layer& layer = *why.capped_by; layer.is_base()) {
            text += "its manifest denies " + shown_rule(layer.rule);
        } else {
            text += "it has delegated " + shown_rule(layer.rule) + " to '" +
                    layer.delegation->child + "' (epoch " +
                    std::to_string(static_cast<std::uint64_t>(layer.delegation->granted)) + ")";
        }
        return {.category = podscope::errc::denied, .message = std::move(text), .subject = shown};
    }

    const hand_written_registry* registry_;
    const podscope::grant own_;
    const podscope::fork_stamp born_{};
    hand_written_scope scope_;
    std::atomic<bool> ended_{false};
    std::atomic<std::uint64_t> seen_{never};
    std::mutex looking_{};
    std::string segment_;
    std::uint64_t layers_revision_;
};

} // namespace podscope_bench
