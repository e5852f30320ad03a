// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/notification.hpp>
#include <podscope/pod/enrolment.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/pod_store.hpp>

#include <cstddef>
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

    /// Asks the probe about all subjects under one deadline. A subject of which it says nothing is
    /// `unknown`.
    [[nodiscard]] result<judgements> probe(const std::vector<probe_subject>& subjects,
                                           deadline until) {
        std::vector<verdict> verdicts(subjects.size(), verdict::unknown);
        if (!subjects.empty()) {
            auto asked = guarded([&]() -> result<void> {
                parts_.probe.probe(subjects, until, verdicts);
                return {};
            });
            if (!asked) {
                return fail(asked);
            }
        }
        judgements judged;
        for (std::size_t i = 0; i != subjects.size(); ++i) {
            const auto& one = subjects[i];
            judged.insert_or_assign(
                one.pod,
                judgement{.owner = one.owner, .granted = one.granted, .found = verdicts[i]});
        }
        return judged;
    }

    /// Runs a step that enters or moves a pod. If others stand in its way, they are probed, those
    /// that are proven dead are cleared, and the step runs again; until it succeeds, or is refused
    /// by somebody who may live.
    ///
    /// @param step `result<R>(blockers&)`; it fills in who stood in its way
    template <class F>
    [[nodiscard]] auto clearing_the_dead(deadline until, F&& step)
        -> std::invoke_result_t<F, std::vector<allocation>&> {
        for (std::vector<allocation> blockers;;) {
            auto outcome = step(blockers);
            if (outcome || blockers.empty()) {
                return outcome;
            }
            auto cleared = clear_dead(blockers, until);
            if (!cleared) {
                return fail(cleared);
            }
            if (!cleared->changed()) {
                return outcome;
            }
        }
    }

    /// Probes live pods and ends those that are proven dead. A pod that somebody delegated to goes
    /// the way of every reclaimed child; a root leaves the registry, and its record stays.
    [[nodiscard]] result<stale_report> clear_dead(const std::vector<allocation>& rows,
                                                  deadline until) {
        std::vector<probe_subject> subjects;
        for (const auto& row : rows) {
            subjects.push_back(subject_of(row));
        }
        auto judged = probe(subjects, until);
        if (!judged) {
            return fail(judged);
        }
        stale_report report;
        for (const auto& [pod, said] : *judged) {
            if (said.found != verdict::missing) {
                continue;
            }
            auto done = write([&](auto& txn) { return end_dead(txn, pod, said, *judged); });
            if (!done) {
                return fail(done);
            }
            report.merge(std::move(*done));
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
        std::vector<std::string> taken;
        for (auto& told : *waiting) {
            auto done = guarded([&] { return parts_.sink.notify(told); });
            if (done) {
                taken.push_back(std::move(told.id));
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
        return write([&](auto& txn) -> result<void> {
            for (const auto& id : taken) {
                if (auto done = pod_store{txn}.acknowledge(pod, id); !done) {
                    return done;
                }
            }
            return {};
        });
    }

    [[nodiscard]] static probe_subject subject_of(const allocation& row) {
        return {
            .pod = row.pod, .owner = row.owner, .endpoint = row.endpoint, .granted = row.granted};
    }

private:
    template <class Txn>
    [[nodiscard]] result<stale_report>
    end_dead(Txn& txn, const std::string& pod, const judgement& said, const judgements& judged) {
        stale_report report;
        auto row = registry{txn}.find(pod);
        if (!row) {
            return fail(row);
        }
        if (!*row || (*row)->granted != said.granted || (*row)->owner != said.owner) {
            return report;
        }
        auto settling = reconciliation_in(txn, &judged);
        const std::string parent = (*row)->delegated_from;
        auto made = pod_store{txn}.find_delegation(parent, pod);
        if (!made) {
            return fail(made);
        }
        if (!parent.empty() && *made && (*made)->granted == said.granted) {
            auto ended = settling.end(parent, pod, end_reason::missing);
            if (!ended) {
                return fail(ended);
            }
            report.reclaimed = std::move(ended->ended);
            report.adopted = std::move(ended->adopted);
            return report;
        }
        if (auto done = settling.drop_root(pod); !done) {
            return fail(done);
        }
        report.dropped.push_back(pod);
        return report;
    }

    Parts parts_;
};

} // namespace podscope
