// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/pod/denial.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/holding.hpp>
#include <podscope/pod/judgement.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/permit.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/pod/runtime_core.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/scope.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/store/pod_store.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope {

/// A live pod, held by this process.
///
/// Got from a runtime only, which has settled its delegations before (create, adopt, restore).
/// Every operation fails with `revoked` once its allocation was reclaimed or taken over, by
/// whatever process, and with `forked` in a forked copy of the process that got it. Any of them may
/// be called from several threads at once, except that the pod must not be moved, released or
/// destroyed meanwhile. After a move the source may only be destroyed or assigned to.
///
/// Destroyed without `release`, a pod is left as a dead process would leave it, but seen as dead at
/// once: its parent reclaims it, or it is restored from its record. That is a commit, for which the
/// destructor may wait as long as the backend lets one wait.
template <class Parts>
class basic_pod {
public:
    /// For the runtime: what a reconciliation has settled, and a commit has made to last, becomes a
    /// pod.
    explicit basic_pod(std::unique_ptr<holding<Parts>> held) noexcept : held_{std::move(held)} {
        held_->set_committed();
    }

    [[nodiscard]] const std::string& name() const noexcept { return held_->own().pod; }

    /// The epoch of its allocation. The fencing token to show to others is that of a permit.
    [[nodiscard]] epoch granted() const noexcept { return held_->own().granted; }

    /// The session segment that the pod writes, as it was at the last look. May wait for a look
    /// that another thread is at. Errors: `out_of_memory`.
    [[nodiscard]] result<std::string> segment() const {
        return guarded([&]() -> result<std::string> { return held_->segment(); });
    }

    /// Whether the pod may do `wanted` at a target, now.
    ///
    /// Looks at its allocation first if anything was committed since the last look; one load if
    /// nothing was (on a backend with a generation), after the target is resolved, for which
    /// `canonical_path` asks the file system. What it cannot do is to hold back a write that was
    /// checked before a revocation and is made after it.
    ///
    /// Errors: `denied`, `revoked`, `forked`, `invalid_target`, those of the backend.
    [[nodiscard]] result<void> check(std::string_view target, permission wanted) const {
        return is_plainly_allowed(target, wanted) ? result<void>{} : look_and_judge(target, wanted);
    }

    /// The same for many targets under one look, so that all are judged by one state: the error for
    /// each target that `check` would refuse, in their order; none if the pod may do it at all of
    /// them.
    ///
    /// Errors: `revoked`, `forked`, those of the backend.
    [[nodiscard]] result<std::vector<error>> check_all(std::span<const std::string> targets,
                                                       permission wanted) const {
        return guarded([&]() -> result<std::vector<error>> {
            // First, since a look at the file system may take long.
            std::vector<result<resource>> places;
            places.reserve(targets.size());
            for (const auto& target : targets) {
                places.push_back(core().parts().names.resolve(target));
            }
            return with_scope([&](const scope& now) -> result<std::vector<error>> {
                std::vector<error> refused;
                for (const auto& place : places) {
                    if (!place) {
                        refused.push_back(place.error());
                    } else if (auto allowed =
                                   judge(now, core().parts().names, name(), *place, wanted);
                               !allowed) {
                        refused.push_back(std::move(allowed).error());
                    }
                }
                return refused;
            });
        });
    }

    /// What the pod may do at a target and why, after the same look at its allocation.
    ///
    /// Errors: as `check`, but for `denied`.
    [[nodiscard]] result<explanation> explain(std::string_view target) const {
        return guarded([&]() -> result<explanation> {
            auto place = core().parts().names.resolve(target);
            if (!place) {
                return fail(place);
            }
            return with_scope(
                [&](const scope& now) -> result<explanation> { return now.explain(*place); });
        });
    }

    /// The same as `check`, with a permit to show to whoever does it on the pod's behalf. Errors:
    /// as `check`.
    [[nodiscard]] result<permit> permit_for(std::string_view target, permission wanted) const& {
        return guarded([&]() -> result<permit> {
            auto place = core().parts().names.resolve(target);
            if (!place) {
                return fail(place);
            }
            // What was resolved and not its name, which may lead elsewhere by now.
            auto fence = held_->fence_if([&](const scope& now) {
                return judge(now, core().parts().names, name(), *place, wanted);
            });
            if (!fence) {
                return fail(fence);
            }
            permit given{.by = held_->own(), .place = *std::move(place), .access = wanted};
            if (*fence != given.by.granted) {
                given.returned = *fence;
            }
            return given;
        });
    }

    /// Of a pod that is gone by the end of the expression a permit would say nothing.
    result<permit> permit_for(std::string_view target, permission wanted) const&& = delete;

    /// Runs `body(scope)` after the same look at the allocation, and gives the result that it
    /// returns. Whoever wants to change the scope waits for the body: it has to be short, and must
    /// not use this pod, whose next look might wait for it. For anything else there is
    /// `current_scope`. Errors: `revoked`, `forked`, those of the backend and of the body.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, const scope&> with_scope(F&& body) const {
        return guarded([&]() -> std::invoke_result_t<F&, const scope&> {
            auto current = held_->confirm();
            return current ? held_->scope().read(body) : fail(current);
        });
    }

    /// A copy of the scope, after the same look. Linear in its rules. Errors: as above.
    [[nodiscard]] result<scope> current_scope() const {
        return with_scope([](const scope& now) -> result<scope> { return now; });
    }

    /// Hands a part of what it may hand on to a child that does not live yet: reserves a pod for
    /// it, in one commit that also takes the part out of this pod's own scope. Start the child with
    /// the grant; it adopts.
    ///
    /// Who stands in the way is probed before the refusal, within `probe_time`, and cleared if
    /// proven dead.
    ///
    /// Errors: `not_within_authority`, `conflict` (all competitors named), `duplicate_name`,
    /// `invalid_name`, `invalid_target`, `invalid_manifest`, `revoked`, `forked`, those of the
    /// backend.
    [[nodiscard]] result<grant>
    delegate(const manifest& child, std::chrono::milliseconds probe_time = default_probe_time) {
        auto made = delegate_all({&child, 1}, probe_time);
        return made ? result<grant>{std::move(made->front())} : fail(made);
    }

    /// The same for many children in one commit: a grant for each, in their order, or none at all.
    /// They must not compete with each other either.
    ///
    /// Errors: as `delegate`, of one child that cannot be had.
    [[nodiscard]] result<std::vector<grant>>
    delegate_all(std::span<const manifest> children,
                 std::chrono::milliseconds probe_time = default_probe_time) {
        return guarded([&]() -> result<std::vector<grant>> {
            if (auto here = held_->not_forked(); !here) {
                return fail(here);
            }
            std::vector<pod_record> records;
            for (const auto& child : children) {
                auto resolved = resolve(child, core().parts().names);
                if (!resolved) {
                    return fail(resolved);
                }
                records.push_back(
                    {.pod = child.name, .manifest = std::move(*resolved), .peers = child.peers});
            }
            std::vector<grant> grants;
            grants.reserve(children.size()); // after the commit nothing may fail
            stale_report cleared;
            auto made =
                core().clearing_the_dead(core().until(probe_time), cleared, [&](auto& blockers) {
                    return held_->commit([&](auto& txn, const allocation& own) {
                        return core().enrolment_in(txn, blockers).delegate(own, records);
                    });
                });
            if (cleared.changed()) {
                (void)deliver(); // some of it may have come back to this pod
            }
            if (!made) {
                return fail(made);
            }
            for (auto& one : *made) {
                grants.push_back({.pod = std::move(one.child), .granted = one.granted});
            }
            return grants;
        });
    }

    /// Takes what it had delegated to a child back, alive or not; the child finds out at its next
    /// check. Living grandchildren become its own children. No child of that name: no change.
    ///
    /// Errors: `revoked`, `forked`, those of the backend.
    [[nodiscard]] result<reconcile_report> reclaim(std::string_view child) {
        return held_->commit_and_tell([&](auto& txn, const allocation&) {
            return core().reconciliation_in(txn, nullptr).end(name(), child, end_reason::revoked);
        });
    }

    /// Probes everybody below it under one deadline and does what a restore does: ends delegations
    /// whose child is gone, adopts orphans, queues and delivers notifications. A reclaim policy
    /// that does more about a child takes its own time.
    ///
    /// Errors: `revoked`, `forked`, those of the backend and of the probe.
    [[nodiscard]] result<reconcile_report>
    reconcile(std::chrono::milliseconds probe_time = default_probe_time) {
        return guarded([&]() -> result<reconcile_report> {
            auto judged = held_->judge_descendants(core().until(probe_time));
            return judged ? reconcile(*judged) : fail(judged);
        });
    }

    /// The same by what is known already, without a probe. Who is not among those judged, or is
    /// another incarnation by now, stays as he is.
    ///
    /// Errors: `revoked`, `forked`, those of the backend.
    [[nodiscard]] result<reconcile_report> reconcile(const judgements& judged) {
        return held_->commit_and_tell(
            [&](auto& txn, const allocation&) -> result<reconcile_report> {
                auto all = core().reconciliation_in(txn, &judged).settle(name());
                if (!all) {
                    return fail(all);
                }
                return all->report();
            });
    }

    /// Everybody below it, children's children too: of whom `reconcile` probes those who are live.
    /// Errors: `revoked`, `forked`, those of the backend.
    [[nodiscard]] result<std::vector<descendant>> descendants() const {
        return guarded([&] { return held_->descendants(); });
    }

    /// A number that moves with every commit by anybody, so that one need not look when it has not;
    /// nothing on a backend that has none.
    [[nodiscard]] std::optional<std::uint64_t> generation() const noexcept {
        if constexpr (has_generation<typename Parts::backend_type>) {
            return core().parts().backend.generation();
        } else {
            return std::nullopt;
        }
    }

    /// Offers what is in its outbox to the sink again; the report says what stays there. Errors:
    /// `revoked`, `forked`, those of the backend.
    [[nodiscard]] result<reconcile_report> deliver() {
        return held_->commit_and_tell([](auto&, const allocation&) -> result<reconcile_report> {
            return reconcile_report{};
        });
    }

    /// Gives its scope back for good: to its parent, who is told; living children pass to the
    /// parent too, or become roots if there is none. Its record goes, its history stays. The pod is
    /// of no further use.
    ///
    /// Errors: `revoked`, `forked`, those of the backend; nothing is changed then.
    [[nodiscard]] result<reconcile_report> release() {
        auto report = held_->commit_and_tell([&](auto& txn, allocation row) {
            return core().reconciliation_in(txn, nullptr).release(row);
        });
        if (report) {
            held_->set_released();
        }
        return report;
    }

    /// Says where the pod answers from now on. Errors: `revoked`, `forked`, those of the backend.
    [[nodiscard]] result<void> set_endpoint(std::string_view endpoint) {
        return held_->commit([&](auto& txn, allocation row) {
            row.endpoint = endpoint;
            return registry{txn}.update(std::move(row));
        });
    }

    /// Goes on in another session segment, which no other live pod may hold. One that does is
    /// probed before the refusal, and cleared if proven dead.
    ///
    /// Errors: `segment_held`, `unknown_segment`, `revoked`, `forked`, those of the backend.
    [[nodiscard]] result<void>
    switch_segment(std::string_view segment,
                   std::chrono::milliseconds probe_time = default_probe_time) {
        return guarded([&]() -> result<void> {
            auto next = ready_segment::find(core().parts().sessions, segment);
            if (!next) {
                return fail(next);
            }
            stale_report cleared;
            auto switched =
                core().clearing_the_dead(core().until(probe_time), cleared, [&](auto& blockers) {
                    return held_->commit([&](auto& txn, const allocation&) {
                        return core().enrolment_in(txn, blockers).go_on_in(name(), *next);
                    });
                });
            if (cleared.changed()) {
                (void)deliver(); // some of it may have come back to this pod
            }
            if (switched) { // for `segment()`, which looks at nothing
                (void)guarded([&] { return held_->confirm(); });
            }
            return switched;
        });
    }

    /// Adds an entry to its session segment, after the same look as a check, and gives its index
    /// there. As with a check, an entry may still follow a revocation that came after the look.
    ///
    /// Errors: `revoked`, `forked`, those of the backend and of the session store.
    [[nodiscard]] result<std::uint64_t> append(const session_entry& entry) {
        return guarded([&]() -> result<std::uint64_t> {
            if (auto current = held_->confirm(); !current) {
                return fail(current);
            }
            return core().parts().sessions.append(held_->segment(), entry);
        });
    }

    /// Visits the entries of its session segment, from an index on, as they were written, after the
    /// same look. History only: nothing in them has a part in what the pod may do.
    ///
    /// Errors: `revoked`, `forked`, those of the backend, of the session store and of the visitor.
    template <class Visitor>
    [[nodiscard]] result<void> replay(std::uint64_t from, Visitor&& visit) const {
        return guarded([&]() -> result<void> {
            if (auto current = held_->confirm(); !current) {
                return current;
            }
            return core().parts().sessions.read(held_->segment(), from,
                                                std::forward<Visitor>(visit));
        });
    }

private:
    [[nodiscard]] runtime_core<Parts>& core() const noexcept { return held_->core(); }

    // The usual case of a check, apart from all that makes an error: `check` itself is then so
    // small that it disappears in its caller, with the room for an error that nobody looks at.
    [[nodiscard, gnu::noinline]] bool is_plainly_allowed(std::string_view target,
                                                         permission wanted) const noexcept {
        try {
            const auto place = core().parts().names.resolve(target);
            return place && held_->is_confirmed() && held_->scope().allows(*place, wanted);
        } catch (...) {
            return false; // said by whoever asks for the reason
        }
    }

    [[nodiscard, gnu::noinline]] result<void> look_and_judge(std::string_view target,
                                                             permission wanted) const noexcept {
        return guarded([&]() -> result<void> {
            auto place = core().parts().names.resolve(target);
            if (!place) {
                return fail(place);
            }
            return judge_now(*place, wanted);
        });
    }

    [[nodiscard]] result<void> judge_now(const resource& place, permission wanted) const {
        return with_scope([&](const scope& now) {
            return judge(now, core().parts().names, name(), place, wanted);
        });
    }

    std::unique_ptr<holding<Parts>> held_;
};

} // namespace podscope
