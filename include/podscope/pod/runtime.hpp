// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/denial.hpp>
#include <podscope/pod/enrolment.hpp>
#include <podscope/pod/entitlement.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/permit.hpp>
#include <podscope/pod/pod.hpp>
#include <podscope/pod/ready_segment.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/pod/restore.hpp>
#include <podscope/pod/runtime_core.hpp>
#include <podscope/registry/owner.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/invalid_target.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/scope.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/store/pod_store.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// How a pod is created or adopted.
struct pod_options {
    std::string endpoint{}; ///< where it answers, if that is known already
    std::string segment{};  ///< the session segment to go on in; empty for a fresh one
    std::chrono::milliseconds probe_time{default_probe_time}; ///< for all probes of the call
};

/// A pod that was restored, and what its reconcile found.
template <class Parts>
struct restored {
    basic_pod<Parts> pod;
    reconcile_report report{};
};

/// Where pods come from: a backend, a session store, a probe, a sink and the rest, put together.
///
/// Copies share the parts, and so do all pods made from them. Every call may be made from several
/// threads and, on a backend that reaches so far, from several processes at once. A call that fails
/// has changed nothing, unless it says so; but that pods which stood in its way and were proven
/// dead are cleared stands whatever becomes of it, as does a session segment that was made for a
/// pod. Where a store cannot tell whether a commit took place, a pod that is there by it can be
/// restored by the same runtime.
template <class Parts>
class basic_runtime {
public:
    using pod = basic_pod<Parts>;

    explicit basic_runtime(Parts parts)
        : core_{std::make_shared<runtime_core<Parts>>(std::move(parts))} {}

    /// Creates a pod that nobody delegated to: a root.
    ///
    /// Errors: `duplicate_name` if there is a record of that name, live or not; `conflict`, with
    /// all competitors named, after those proven dead were cleared; `segment_held`; `invalid_name`,
    /// `invalid_target`, `invalid_manifest`; those of the backend and the session store.
    [[nodiscard]] result<pod> create(const manifest& wanted, const pod_options& options = {}) {
        return guarded([&]() -> result<pod> {
            auto resolved = resolve(wanted, core_->parts().names);
            if (!resolved) {
                return fail(resolved);
            }
            // Asked once before a segment is made for it, and again in the commit.
            auto free = core_->read([&](auto& txn) { return check_free(txn, wanted.name); });
            if (!free) {
                return fail(free);
            }
            const pod_record record{
                .pod = wanted.name, .manifest = std::move(*resolved), .peers = wanted.peers};
            return enter(wanted.name, options, [&](auto& entering, const holder& by) {
                return entering.create(record, by);
            });
        });
    }

    /// Makes a pod that a parent has reserved this process's own.
    ///
    /// Errors: `stale_epoch` if the grant has ended; `already_live` if it was adopted before;
    /// `unknown_pod`; `segment_held`, `unknown_segment`; `invalid_name`; those of the backend and
    /// the session store.
    [[nodiscard]] result<pod> adopt(const grant& shown, const pod_options& options = {}) {
        return guarded([&]() -> result<pod> {
            if (auto checked = check_name(shown.pod); !checked) {
                return fail(checked);
            }
            // Asked once before a segment is made for it, and again in the commit.
            auto row = core_->read([&](auto& txn) { return adoptable(txn, shown); });
            if (!row) {
                return fail(row);
            }
            return enter(shown.pod, options, [&](auto& entering, const holder& by) {
                return entering.adopt(shown, by);
            });
        });
    }

    /// Restores a pod from its record. It is reconciled before anybody can use it: children that
    /// are missing or unreachable are reclaimed, living grandchildren adopted, and their
    /// notifications offered to the sink. A reclaim policy that does something about children is
    /// shown them only once nothing is left that could refuse the restore, but for a competitor. A
    /// refusal may leave behind the segment that was to replace a lost one.
    ///
    /// Its last holder goes as a child does: as was said for the delegation, if it was delegated to
    /// and anything was said, or else as the reclaim policy has it.
    ///
    /// Errors: `unknown_pod`; `already_live` if that keeps its last holder, as it always does one
    /// that answers or of whom nothing is known; `segment_pending`; `unknown_segment`,
    /// `empty_segment`, `corrupt` if its session segment is lost (see
    /// restore_options::replace_lost_segment); `segment_held`; `stale_epoch` if its delegation has
    /// ended; `conflict`, with all competitors named; `invalid_name`; those of the parts.
    [[nodiscard]] result<restored<Parts>> restore(std::string_view name,
                                                  const restore_options& options = {}) {
        return guarded([&]() -> result<restored<Parts>> {
            if (auto checked = check_name(name); !checked) {
                return fail(checked);
            }
            return restore(name, std::nullopt, options);
        });
    }

    /// Restores a pod from its record, but with the rules of a manifest, which become the record's.
    /// A pod that was delegated to may get less by that, but not more.
    ///
    /// Errors: as above; `not_within_authority`; those of the manifest.
    [[nodiscard]] result<restored<Parts>> restore(const manifest& wanted,
                                                  const restore_options& options = {}) {
        return guarded([&]() -> result<restored<Parts>> {
            auto resolved = resolve(wanted, core_->parts().names);
            if (!resolved) {
                return fail(resolved);
            }
            return restore(wanted.name, replacement{std::move(*resolved), wanted.peers}, options);
        });
    }

    /// Probes all live pods and ends those that are proven dead, each in a commit of its own: what
    /// keeps one from being ended is in the report. No other call looks at all of them. Whom it
    /// gives scope back to is told at his next `deliver`, reconcile or restore.
    ///
    /// Errors: those of the backend and the probe, before anything was ended.
    [[nodiscard]] result<stale_report>
    reclaim_stale(std::chrono::milliseconds probe_time = default_probe_time) {
        return guarded([&]() -> result<stale_report> {
            auto rows = live();
            if (!rows) {
                return fail(rows);
            }
            return core_->clear_dead(*rows, core_->until(probe_time));
        });
    }

    /// All allocations, in the order of their pods' names; linear in their number. Errors, as of
    /// every call below: those of the backend.
    [[nodiscard]] result<std::vector<allocation>> live() const {
        return reading([](auto& txn) -> result<std::vector<allocation>> {
            std::vector<allocation> rows;
            auto done = txn.template scan<tables::allocations>(
                {}, [&](std::string_view, const allocation& row) {
                    rows.push_back(row);
                    return scan::next;
                });
            if (!done) {
                return fail(done);
            }
            return rows;
        });
    }

    /// The allocation of a pod, or nothing if it is not live.
    [[nodiscard]] result<std::optional<allocation>> find(std::string_view name) const {
        return reading([&](auto& txn) { return registry{txn}.find(name); });
    }

    /// The deny layers of a live pod, as the registry has them.
    [[nodiscard]] result<std::vector<deny_layer>> layers_of(std::string_view name) const {
        return reading([&](auto& txn) { return registry{txn}.layers_of(name); });
    }

    /// A pod's durable record. Errors: `unknown_pod`.
    [[nodiscard]] result<pod_record> record_of(std::string_view name) const {
        return reading([&](auto& txn) { return pod_store{txn}.require(name); });
    }

    /// What a pod has delegated and not got back.
    [[nodiscard]] result<std::vector<delegation>> delegations_of(std::string_view name) const {
        return reading([&](auto& txn) { return pod_store{txn}.delegations_of(name); });
    }

    /// What came back to a pod, oldest grant first.
    [[nodiscard]] result<std::vector<ended_delegation>> history_of(std::string_view name) const {
        return reading([&](auto& txn) { return pod_store{txn}.history_of(name); });
    }

    /// The notifications for a pod that no sink has taken yet.
    [[nodiscard]] result<std::vector<notification>> outbox_of(std::string_view name) const {
        return reading([&](auto& txn) { return pod_store{txn}.outbox_of(name); });
    }

    /// Offers the notifications for a pod that no sink has taken yet to the sink, whether or not
    /// the pod is live: what a pod that was released has left, for instance. The report says which
    /// of them the sink did not take.
    [[nodiscard]] result<reconcile_report> deliver(std::string_view name) {
        return guarded([&]() -> result<reconcile_report> {
            reconcile_report report;
            auto done = core_->deliver(name, report);
            return done ? result<reconcile_report>{std::move(report)} : fail(done);
        });
    }

    /// Who may write at a target, by what right, since when and why; nothing if nobody may.
    ///
    /// Errors: `invalid_target`, those of the backend.
    [[nodiscard]] result<std::optional<ownership>> who(std::string_view target) const {
        auto place = guarded([&] { return core_->parts().names.resolve(target); });
        if (!place) {
            return fail(place);
        }
        return reading([&](auto& txn) -> result<std::optional<ownership>> {
            auto found = owner_of(txn, *place);
            if (!found || !*found) {
                return found;
            }
            auto record = pod_store{txn}.peek((*found)->owner.pod);
            if (!record) { // what a damaged one would add is not worth the answer
                return record.error().category == errc::corrupt ? std::move(found) : fail(record);
            }
            if (*record && (**record).granted == (*found)->owner.granted) {
                (*found)->since_ms = (**record).granted_ms;
                (*found)->reason = (**record).manifest.reason;
            }
            return found;
        });
    }

    /// Whether a permit still holds: its pod is live under that epoch, and may still do that there.
    /// One that was given before the pod handed the place on and got it back holds again: it is the
    /// pod's still, and what has come between is for the fence to tell. Linear in the layers of the
    /// pod.
    ///
    /// Errors: `invalid_target` if its place is none that a target can name, as `/ws/../etc` read
    /// from a text that somebody made up; `revoked`, with the epoch that was shown and the present
    /// one, and likewise for a fence above the pod's; `denied`; those of the backend.
    [[nodiscard]] result<void> validate(const permit& shown) const {
        if (auto checked = check_place(shown.place); !checked) {
            return checked;
        }
        return reading([&](auto& txn) -> result<void> {
            auto row = require_own(txn, shown.by);
            if (!row) {
                return fail(row);
            }
            // A service that keeps the highest fence would never again take one that was given.
            if (const epoch fence = row->fence(); shown.fence() > fence) {
                return fail({.category = errc::revoked,
                             .message = "the pod '" + shown.by.pod + "' has never had fence " +
                                        std::to_string(static_cast<std::uint64_t>(shown.fence())),
                             .subject = shown.by.pod,
                             .shown = shown.fence(),
                             .current = fence});
            }
            auto layers = registry{txn}.layers_of(shown.by.pod);
            if (!layers) {
                return fail(layers);
            }
            const scope now{std::move(row->allow), *layers};
            return judge(now, core_->parts().names, shown.by.pod, shown.place, shown.access);
        });
    }

    /// The parts that this runtime was put together from.
    [[nodiscard]] Parts& parts() const noexcept { return core_->parts(); }

private:
    [[nodiscard]] result<void> check_place(const resource& place) const {
        return guarded([&]() -> result<void> {
            const auto& names = core_->parts().names;
            return is_place_of(names, place)
                       ? result<void>{}
                       : fail(invalid_target(names.display(place), "is no place as it is written"));
        });
    }

    template <class F>
    [[nodiscard]] auto reading(F&& body) const {
        return guarded([&] { return core_->read(std::forward<F>(body)); });
    }

    // A pod that is entered, before its commit.
    struct entry {
        std::unique_ptr<holding<Parts>> held;
        reconcile_report report;
    };

    [[nodiscard]] result<entry> hold(const settled& from) const {
        return entry{std::make_unique<holding<Parts>>(core_, from), from.report()};
    }

    // Enters a pod by `step(enrolment, holder)`, settles it, and searches for competitors.
    template <class F>
    [[nodiscard]] result<pod> enter(std::string_view name, const pod_options& options, F&& step) {
        auto self = core_->parts().self.self();
        if (!self) {
            return fail(self);
        }
        auto segment = segment_for(options);
        if (!segment) {
            return fail(segment);
        }
        const holder by{.owner = std::move(*self),
                        .endpoint = options.endpoint,
                        .segment = std::move(*segment)};
        stale_report cleared;
        auto entered = core_->clearing_the_dead(
            core_->until(options.probe_time), cleared, [&](auto& blockers) {
                return core_->write([&](auto& txn) -> result<entry> {
                    auto entering = core_->enrolment_in(txn, blockers);
                    if (auto done = step(entering, by); !done) {
                        return fail(done);
                    }
                    auto all = core_->reconciliation_in(txn, nullptr).settle(name);
                    return all ? hold(*all) : fail(all);
                });
            });
        if (!entered) {
            return fail(entered);
        }
        return pod{std::move(entered->held)};
    }

    [[nodiscard]] result<ready_segment> segment_for(const pod_options& options) {
        auto& sessions = core_->parts().sessions;
        return options.segment.empty() ? ready_segment::begin(sessions)
                                       : ready_segment::find(sessions, options.segment);
    }

    [[nodiscard]] result<restored<Parts>>
    restore(std::string_view name, std::optional<replacement> by, const restore_options& options) {
        restoration restoring{*core_, name, std::move(by), options,
                              core_->until(options.probe_time)};
        auto done = restoring.run([&](const settled& from) { return hold(from); });
        if (!done) {
            return fail(done);
        }
        restored<Parts> back{.pod = pod{std::move(done->held)}, .report = std::move(done->report)};
        back.report.lost_segment = restoring.take_lost_segment();
        core_->deliver_into(name, back.report);
        return back;
    }

    std::shared_ptr<runtime_core<Parts>> core_;
};

} // namespace podscope
