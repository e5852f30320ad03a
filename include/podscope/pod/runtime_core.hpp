// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/notification.hpp>
#include <podscope/os/deadline_after.hpp>
#include <podscope/pod/clearance.hpp>
#include <podscope/pod/enrolment.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/pod/review.hpp>
#include <podscope/pod/unheld_grants.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/pod_store.hpp>

#include <chrono>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope {

/// What a runtime and its pods share: the parts, and the steps that need more than one transaction
/// (probe, then commit; commit, then deliver). Shared by all of them, and alive as long as one is.
template <class Parts>
class runtime_core {
public:
    explicit runtime_core(Parts parts) : parts_{std::move(parts)} {}

    [[nodiscard]] Parts& parts() noexcept { return parts_; }

    [[nodiscard]] unheld_grants& grants() noexcept { return grants_; }

    /// Runs `body(txn)` as a transaction that writes.
    template <class F>
    [[nodiscard]] auto write(F&& body) {
        return parts_.backend.write(std::forward<F>(body));
    }

    /// Runs `body(txn)` as a transaction that reads.
    template <class F>
    [[nodiscard]] auto read(F&& body) {
        return parts_.backend.read(std::forward<F>(body));
    }

    template <class Txn>
    [[nodiscard]] auto reconciliation_in(Txn& txn, const judgements* judged) {
        return reconciliation{txn, judged, parts_.reclaim, parts_.clock.wall_ms()};
    }

    template <class Txn>
    [[nodiscard]] auto enrolment_in(Txn& txn, std::vector<allocation>& blockers) {
        return enrolment{txn, parts_.names, blockers, parts_.clock.wall_ms()};
    }

    /// Asks the probe about all subjects under one deadline. A subject of which it says nothing is
    /// `unknown`.
    [[nodiscard]] result<judgements> probe(const std::vector<probe_subject>& subjects,
                                           deadline until) {
        judgements judged;
        if (auto done = probe(subjects, until, judged); !done) {
            return fail(done);
        }
        return judged;
    }

    /// The same, added to what was found before: an incarnation that was probed once is not probed
    /// again.
    [[nodiscard]] result<void>
    probe(std::vector<probe_subject> subjects, deadline until, judgements& judged) {
        std::erase_if(subjects, [&](const probe_subject& one) {
            const auto before = judged.find(one.pod);
            return before != judged.end() && before->second.granted == one.granted &&
                   before->second.owner == one.owner;
        });
        // Nobody need be asked about nobody, nor about what this process has and no pod in it.
        std::erase_if(subjects, [&](const probe_subject& one) {
            const bool is_gone = one.owner.is_nobody() || grants_.contains(one);
            if (is_gone) {
                judged.insert_or_assign(one.pod,
                                        judgement{one.owner, one.granted, verdict::missing});
            }
            return is_gone;
        });
        if (subjects.empty()) {
            return {};
        }
        std::vector<verdict> verdicts(subjects.size(), verdict::unknown);
        auto asked = guarded([&]() -> result<void> {
            parts_.probe.probe(std::span<const probe_subject>{subjects}, until,
                               std::span{verdicts});
            return {};
        });
        if (!asked) {
            return asked;
        }
        for (std::size_t i = 0; i != subjects.size(); ++i) {
            auto& one = subjects[i];
            judged.insert_or_assign(std::move(one.pod), judgement{.owner = std::move(one.owner),
                                                                  .granted = one.granted,
                                                                  .found = verdicts[i]});
        }
        return {};
    }

    /// Whether `review` does anything about them. No commit can refuse what that does, so they have
    /// to be read again after the probe, which may have taken long.
    [[nodiscard]] static bool reviews(const std::vector<descendant>& below) noexcept {
        return verdict_review<decltype(Parts::reclaim)>::concerns(below);
    }

    /// Has the reclaim policy deal with those below a pod before their delegations end; what it
    /// finds is in the judgements then.
    [[nodiscard]] result<void>
    review(std::string_view heir, const std::vector<descendant>& below, judgements& judged) {
        return guarded([&]() -> result<void> {
            verdict_review{heir, parts_.reclaim, judged}.run(below);
            return {};
        });
    }

    /// When a call that probes for that long has to be done with it.
    [[nodiscard]] deadline until(std::chrono::milliseconds probe_time) const noexcept {
        return os_detail::deadline_after(parts_.clock.now(), probe_time);
    }

    /// Runs a step that enters or moves a pod. If others stand in its way, they are probed, those
    /// that are proven dead are cleared, and the step runs again; until it succeeds, or is refused
    /// by somebody who may live.
    ///
    /// @param step `result<R>(blockers&)`; it fills in who stood in its way
    /// @param cleared takes what was cleared on the way
    template <class F>
    [[nodiscard]] auto clearing_the_dead(deadline until, stale_report& cleared, F&& step)
        -> std::invoke_result_t<F, std::vector<allocation>&> {
        for (;;) {
            std::vector<allocation> blockers;
            auto outcome = step(blockers);
            if (outcome) {
                return outcome;
            }
            auto now = clear_dead(blockers, until);
            if (!now) {
                return fail(now);
            }
            const bool again = now->changed() || !now->overtaken.empty();
            cleared.merge(std::move(*now));
            if (!again) {
                return outcome;
            }
        }
    }

    /// Probes live pods and ends those that are proven dead. A pod that somebody delegated to goes
    /// the way of every reclaimed child; a root leaves the registry, and its record stays. What
    /// keeps one from being ended is in the report, and keeps no other from it.
    [[nodiscard]] result<stale_report> clear_dead(const std::vector<allocation>& rows,
                                                  deadline until) {
        std::vector<probe_subject> subjects;
        subjects.reserve(rows.size());
        for (const auto& row : rows) {
            subjects.push_back(subject_of(row));
        }
        auto judged = probe(subjects, until);
        if (!judged) {
            return fail(judged);
        }
        stale_report report;
        report.failed.reserve(rows.size()); // after a commit nothing may fail
        std::set<std::string_view> left;    // those among them that have not ended with others
        for (const auto& row : rows) {
            left.insert(row.pod);
        }
        for (const auto& row : rows) {
            if (!left.contains(row.pod)) {
                continue;
            }
            const bool dead = judged->at(row.pod).found == verdict::missing;
            auto done = guarded([&] {
                return write([&](auto& txn) -> result<stale_report> {
                    clearance clearing{txn, reconciliation_in(txn, &*judged), *judged};
                    auto ended =
                        dead ? clearing.end_dead(row.pod) : clearing.end_vanished_above(row.pod);
                    if (ended) {
                        report.make_room_for(*ended);
                    }
                    return ended;
                });
            });
            if (done) {
                for (const auto& one : done->reclaimed) {
                    left.erase(one.child);
                }
                report.merge(std::move(*done));
            } else {
                report.failed.push_back(std::move(done).error());
            }
        }
        return report;
    }

    /// Offers the notifications in a pod's outbox to the sink, and takes out those that it took.
    /// Those that it did not are in the report, with the first reason.
    [[nodiscard]] result<void> deliver(std::string_view pod, reconcile_report& report) {
        auto waiting = read([&](auto& txn) { return pod_store{txn}.outbox_of(pod); });
        if (!waiting) {
            return fail(waiting);
        }
        std::vector<notification> taken;
        for (auto& told : *waiting) {
            auto done = guarded([&] { return parts_.sink.notify(told); });
            if (done) {
                taken.push_back(std::move(told));
                continue;
            }
            report.undelivered.push_back(std::move(told));
            if (!report.delivery_error) {
                report.delivery_error = std::move(done).error();
            }
        }
        if (taken.empty()) {
            return {};
        }
        // If a crash takes this back, they are told again.
        return write_delayed(parts_.backend, [&](auto& txn) -> result<void> {
            for (const auto& told : taken) {
                if (auto done = pod_store{txn}.acknowledge(told); !done) {
                    return done;
                }
            }
            return {};
        });
    }

    /// The same after a commit that stands whatever becomes of the delivery: what fails is in the
    /// report.
    void deliver_into(std::string_view pod, reconcile_report& report) noexcept {
        auto done = guarded([&] { return deliver(pod, report); });
        if (!done && !report.delivery_error) {
            report.delivery_error = std::move(done).error();
        }
    }

    [[nodiscard]] static probe_subject subject_of(const allocation& row) {
        return {
            .pod = row.pod, .owner = row.owner, .endpoint = row.endpoint, .granted = row.granted};
    }

private:
    Parts parts_;
    unheld_grants grants_{};
};

} // namespace podscope
