// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/joined.hpp>
#include <podscope/notification.hpp>
#include <podscope/pod/judgement.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/pod/take_back.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/delegation_layers.hpp>
#include <podscope/store/pod_store.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

template <class Txn, reclaim_policy Policy>
class reconciliation;

/// A live pod as it stands after all its delegations were settled. Nothing else makes a usable pod,
/// and only a reconciliation makes this.
class settled {
public:
    [[nodiscard]] const allocation& row() const noexcept { return row_; }

    [[nodiscard]] const std::vector<deny_layer>& layers() const noexcept { return layers_; }

    [[nodiscard]] const reconcile_report& report() const noexcept { return report_; }

private:
    template <class Txn, reclaim_policy Policy>
    friend class reconciliation;

    settled(allocation row, std::vector<deny_layer> layers, reconcile_report report)
        : row_{std::move(row)},
          layers_{std::move(layers)},
          report_{std::move(report)} {}

    allocation row_;
    std::vector<deny_layer> layers_;
    reconcile_report report_;
};

/// The one place where delegations end and orphans find a parent, within one transaction: restore,
/// reconcile on demand, reclaim, release and the clearing of stale competitors all come here.
///
/// The pod that gets the scope back and is told is the *heir*. Nothing here asks whether the
/// child's allocation still exists before the heir's layer goes, and nothing reads a session log.
template <class Txn, reclaim_policy Policy>
class reconciliation {
public:
    /// @param judged what was probed before; null where nobody was, and a child that is live under
    ///               its grant is taken to live
    /// @param wall_ms the time to note in the history
    reconciliation(Txn& txn, const judgements* judged, const Policy& policy, std::int64_t wall_ms)
        : txn_{&txn},
          judged_{judged},
          policy_{&policy},
          wall_ms_{wall_ms} {}

    /// Settles all delegations of a live pod: ends those whose child is gone or judged to be,
    /// adopts living children of children that ended, at any depth, keeps the rest.
    [[nodiscard]] result<settled> settle(std::string_view heir) {
        auto report = settle_below(heir, heir);
        if (!report) {
            return fail(report);
        }
        auto row = registry{*txn_}.find(heir);
        if (!row) {
            return fail(row);
        }
        if (!*row) {
            return fail({.category = errc::revoked,
                         .message = "the pod '" + std::string{heir} + "' is not live",
                         .subject = std::string{heir}});
        }
        auto layers = registry{*txn_}.layers_of(heir);
        if (!layers) {
            return fail(layers);
        }
        return settled{std::move(**row), std::move(*layers), std::move(*report)};
    }

    /// Ends one delegation of a pod, whoever lives, and settles what was below it. Nothing to do,
    /// and an unchanged report, if there is no such delegation.
    [[nodiscard]] result<reconcile_report>
    end(std::string_view heir, std::string_view child, end_reason reason) {
        auto made = pod_store{*txn_}.find_delegation(heir, child);
        if (!made) {
            return fail(made);
        }
        reconcile_report report;
        if (!*made) {
            return report;
        }
        worklist below;
        auto done = end_line(heir, {std::string{heir}, std::move(**made), std::nullopt}, reason,
                             report, below);
        if (done) {
            done = work_off(heir, std::move(below), report);
        }
        if (!done) {
            return fail(done);
        }
        return report;
    }

    /// Whether a delegation ends whose child has no allocation: not if that may have gone with a
    /// lease, and the policy keeps who does not answer. Until it is reclaimed, its child can come
    /// back by a restore.
    [[nodiscard]] result<bool> ends_absent(const delegation& made) const {
        auto vanished = has_vanished(*txn_, made);
        if (!vanished) {
            return vanished;
        }
        return !*vanished || ends_by(*policy_, made.unreachable, verdict::unreachable);
    }

    /// Settles what a pod has delegated for another one, which gets the children who live: the pod
    /// itself, or the one above it.
    [[nodiscard]] result<reconcile_report> settle_below(std::string_view heir,
                                                        std::string_view delegator) {
        auto made = pod_store{*txn_}.delegations_of(delegator);
        if (!made) {
            return fail(made);
        }
        worklist below;
        for (auto& one : *made) {
            below.push_back({std::string{delegator}, std::move(one), std::nullopt});
        }
        reconcile_report report;
        auto done = work_off(heir, std::move(below), report);
        return done ? result<reconcile_report>{std::move(report)} : fail(done);
    }

    /// Takes a pod out of the registry that nobody delegated to. Its record stays, to be restored
    /// from, and so do its children.
    [[nodiscard]] result<void> drop_root(std::string_view pod) {
        return registry{*txn_}.erase(pod);
    }

    /// Gives a live pod's scope back for good: to the pod that had delegated it, or to nobody. Its
    /// record goes, its history stays.
    [[nodiscard]] result<reconcile_report> release(const allocation& row) {
        if (row.delegated_from.empty()) {
            return release_root(row.pod);
        }
        auto report = end(row.delegated_from, row.pod, end_reason::released);
        if (!report) {
            return report;
        }
        if (report->ended.empty()) {
            // The parent's record knows of no such delegation, so there is nobody to give it to.
            return release_root(row.pod);
        }
        auto done = pod_store{*txn_}.erase(row.pod);
        return done ? std::move(report) : fail(done);
    }

private:
    // Its children become roots.
    [[nodiscard]] result<reconcile_report> release_root(std::string_view pod) {
        pod_store store{*txn_};
        auto made = store.delegations_of(pod);
        if (!made) {
            return fail(made);
        }
        reconcile_report report;
        worklist work;
        for (auto& one : *made) {
            work.push_back({std::string{pod}, std::move(one), end_reason::released});
        }
        auto done = drop_root(pod);
        for (std::size_t next = 0; done && next != work.size(); ++next) {
            line now = std::move(work[next]);
            auto row = registry{*txn_}.find(now.made.child);
            if (!row) {
                return fail(row);
            }
            const bool lives = *row && (*row)->granted == now.made.granted;
            // A reservation that nobody has adopted would be a root that nobody can restore.
            if (lives && (*row)->adopted) {
                done = adopt(std::move(now), {}, report);
            } else {
                done = end_line(pod, std::move(now),
                                lives ? end_reason::revoked : end_reason::absent, report, work);
            }
        }
        if (done) {
            done = store.erase(pod);
        }
        if (!done) {
            return fail(done);
        }
        return report;
    }

    // A delegation to be settled, and why its delegator's own one ended, if it did.
    struct line {
        std::string delegator;
        delegation made;
        std::optional<end_reason> cause;
    };

    // Grows at its end while it is worked off from its front.
    using worklist = std::vector<line>;

    enum class fate : std::uint8_t { kept, undecided, ended };

    struct decision {
        fate what;
        end_reason reason{};
    };

    [[nodiscard]] result<void>
    work_off(std::string_view heir, worklist work, reconcile_report& report) {
        for (std::size_t next = 0; next != work.size(); ++next) {
            line now = std::move(work[next]);
            auto decided = decide(now.made);
            if (!decided) {
                return fail(decided);
            }
            result<void> done{};
            if (decided->what == fate::ended) {
                done = end_line(heir, std::move(now), decided->reason, report, work);
            } else {
                if (decided->what == fate::undecided) {
                    report.undecided.push_back(now.made.child);
                }
                if (now.delegator == heir) {
                    report.kept.push_back(std::move(now.made.child));
                } else {
                    done = adopt(std::move(now), heir, report);
                }
            }
            if (!done) {
                return done;
            }
        }
        return {};
    }

    [[nodiscard]] result<decision> decide(const delegation& made) const {
        auto row = registry{*txn_}.find(made.child);
        if (!row) {
            return fail(row);
        }
        if (!*row) {
            auto ends = ends_absent(made);
            if (!ends) {
                return fail(ends);
            }
            return *ends ? decision{fate::ended, end_reason::absent} : decision{fate::kept};
        }
        if ((*row)->granted != made.granted) {
            return decision{fate::ended, end_reason::absent};
        }
        if (judged_ == nullptr) {
            return decision{fate::kept};
        }
        const auto said = judged_->find(made.child);
        if (said == judged_->end() || said->second.granted != (*row)->granted ||
            said->second.owner != (*row)->owner) {
            return decision{fate::undecided};
        }
        const verdict found = said->second.found;
        if (!ends_by(*policy_, made.unreachable, found)) {
            return decision{fate::kept};
        }
        return decision{fate::ended,
                        found == verdict::missing ? end_reason::missing : end_reason::unreachable};
    }

    [[nodiscard]] result<void> end_line(std::string_view heir,
                                        line now,
                                        end_reason reason,
                                        reconcile_report& report,
                                        worklist& below) {
        pod_store store{*txn_};
        const delegation& made = now.made;

        // The heir's layers go first and unasked: the child's allocation may be gone already.
        auto done = take_back(*txn_, heir, made);
        if (done) {
            done = end_allocation(made);
        }
        if (done) {
            done = store.erase_delegation(now.delegator, made.child);
        }
        ended_delegation ended{.child = made.child,
                               .delegator = now.delegator,
                               .granted = made.granted,
                               .rules = made.rules,
                               .reason = reason,
                               .at_ms = wall_ms_};
        if (done) {
            done = store.archive(heir, ended);
        }
        if (done) {
            done = tell(heir, event::ended, now, reason);
        }
        if (!done) {
            return done;
        }
        report.ended.push_back(std::move(ended));

        auto orphans = store.delegations_of(made.child);
        if (!orphans) {
            return fail(orphans);
        }
        for (auto& one : *orphans) {
            below.push_back({made.child, std::move(one), reason});
        }
        return {};
    }

    // A row under another grant is another incarnation, which this delegation says nothing about.
    [[nodiscard]] result<void> end_allocation(const delegation& made) {
        auto live = registry{*txn_}.is_live(made.child, made.granted);
        if (!live || !*live) {
            return live ? result<void>{} : fail(live);
        }
        return registry{*txn_}.erase(made.child);
    }

    // Hangs a living orphan below the heir, with layers, record and epoch to match; an empty heir
    // makes it a root.
    [[nodiscard]] result<void> adopt(line now, std::string_view heir, reconcile_report& report) {
        registry live{*txn_};
        pod_store store{*txn_};
        const delegation& made = now.made;
        auto done = live.reparent(made.child, heir);
        if (done) {
            done = store.erase_delegation(now.delegator, made.child);
        }
        if (done) {
            done = set_parent_on_record(made.child, heir);
        }
        if (done && !heir.empty()) {
            done = live.add_layers(heir, layers_of(made));
            if (done) {
                done = store.put_delegation(heir, made);
            }
            if (done) {
                done = tell(heir, event::adopted, now, now.cause.value_or(end_reason::absent));
            }
        }
        if (done) {
            report.adopted.push_back({made.child, now.delegator, made.granted, made.rules});
        }
        return done;
    }

    [[nodiscard]] result<void> set_parent_on_record(std::string_view child,
                                                    std::string_view parent) {
        pod_store store{*txn_};
        auto record = store.find(child);
        if (!record || !*record) {
            return record ? result<void>{} : fail(record);
        }
        (*record)->delegated_from = parent;
        return store.put(**std::move(record));
    }

    // No name holds a slash, so the id says unambiguously what it is about; the epoch makes it
    // unique, since no grant is ended or adopted twice by the same pod.
    [[nodiscard]] result<void>
    tell(std::string_view heir, event what, const line& about, end_reason reason) {
        const delegation& made = about.made;
        const auto granted = std::to_string(static_cast<std::uint64_t>(made.granted));
        return pod_store{*txn_}.queue(
            {.id = joined({to_string(what), "/", heir, "/", made.child, "/", granted}),
             .what = what,
             .pod = std::string{heir},
             .child = made.child,
             .delegator = about.delegator,
             .reason = reason,
             .granted = made.granted,
             .at_ms = wall_ms_,
             .rules = made.rules});
    }

    Txn* txn_;
    const judgements* judged_;
    const Policy* policy_;
    std::int64_t wall_ms_;
};

} // namespace podscope
