// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/enrolment.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/pod/runtime_core.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/store/pod_store.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// Puts one pod back from its record: reads it, probes everybody below it at once, and then, in one
/// commit, enters it under a new grant, settles its delegations and refuses if anybody else may
/// write where it may.
template <class Parts>
class restoration {
public:
    /// @param snapshot what a manifest says, to be put in the place of what the record says;
    ///                 nothing to go by the record
    restoration(runtime_core<Parts>& core,
                std::string_view pod,
                std::optional<manifest_snapshot> snapshot,
                std::string_view endpoint,
                deadline until)
        : core_{&core},
          pod_{pod},
          snapshot_{std::move(snapshot)},
          endpoint_{endpoint},
          until_{until} {}

    [[nodiscard]] result<settled> run() {
        auto self = core_->parts().self.self();
        if (!self) {
            return fail(self);
        }
        self_ = std::move(*self);
        return core_->clearing_the_dead(
            until_, [&](std::vector<allocation>& blockers) { return attempt(blockers); });
    }

private:
    // The state that a restore starts from. What was probed counts only while this holds.
    struct survey {
        pod_record record;
        std::optional<allocation> row; // of an incarnation before this one
        std::vector<probe_subject> below;
    };

    [[nodiscard]] result<settled> attempt(std::vector<allocation>& blockers) {
        blockers.clear();
        auto seen = core_->read([&](auto& txn) { return look(txn); });
        if (!seen) {
            return fail(seen);
        }
        if (auto usable = check_segment(seen->record); !usable) {
            return fail(usable);
        }
        auto subjects = std::move(seen->below);
        if (seen->row) {
            subjects.push_back(runtime_core<Parts>::subject_of(*seen->row));
        }
        auto judged = core_->probe(subjects, until_);
        if (!judged) {
            return fail(judged);
        }
        if (seen->row) {
            if (auto gone = check_gone(*seen->row, *judged); !gone) {
                return fail(gone);
            }
        }
        return core_->write([&](auto& txn) { return commit(txn, seen->row, *judged, blockers); });
    }

    template <class Txn>
    [[nodiscard]] result<survey> look(Txn& txn) const {
        auto record = pod_store{txn}.require(pod_);
        if (!record) {
            return fail(record);
        }
        auto row = registry{txn}.find(pod_);
        if (!row) {
            return fail(row);
        }
        auto below = subjects_below(txn, pod_);
        if (!below) {
            return fail(below);
        }
        return survey{std::move(*record), std::move(*row), std::move(*below)};
    }

    // Whether there is a session to go on with. Only that it exists matters: what stands in it is
    // history, and is not read.
    [[nodiscard]] result<void> check_segment(const pod_record& record) {
        if (record.active_segment.empty()) {
            return fail({.category = errc::segment_pending,
                         .message = "the pod '" + record.pod +
                                    "' was reserved and never adopted: it has no session to go on "
                                    "with",
                         .subject = record.pod});
        }
        auto info = guarded([&] { return core_->parts().sessions.info(record.active_segment); });
        if (!info) {
            return fail(info);
        }
        if (info->entries == 0) {
            return fail({.category = errc::empty_segment,
                         .message = "the session segment '" + record.active_segment + "' of '" +
                                    record.pod + "' has no entries",
                         .subject = record.active_segment});
        }
        return {};
    }

    [[nodiscard]] result<void> check_gone(const allocation& row, const judgements& judged) const {
        const verdict found = judged.at(row.pod).found;
        if (found != verdict::unknown && core_->parts().reclaim.ends(found)) {
            return {};
        }
        return fail(still_live(row, found));
    }

    [[nodiscard]] error still_live(const allocation& row, verdict found) const {
        return {.category = errc::already_live,
                .message = "the pod '" + row.pod + "' is held by process " +
                           std::to_string(row.owner.pid) + ", which is " +
                           (found == verdict::unknown ? "not known to be gone"
                                                      : std::string{to_string(found)}),
                .subject = row.pod,
                .current = row.granted};
    }

    template <class Txn>
    [[nodiscard]] result<settled> commit(Txn& txn,
                                         const std::optional<allocation>& before,
                                         const judgements& judged,
                                         std::vector<allocation>& blockers) {
        auto record = pod_store{txn}.require(pod_);
        if (!record) {
            return fail(record);
        }
        auto row = registry{txn}.find(pod_);
        if (!row) {
            return fail(row);
        }
        if (*row &&
            (!before || (*row)->granted != before->granted || (*row)->owner != before->owner)) {
            return fail(still_live(**row, verdict::unknown));
        }
        if (auto done = take_snapshot(*record); !done) {
            return fail(done);
        }
        enrolment entering{txn, core_->parts().names, blockers};
        const holder by{.owner = self_, .endpoint = endpoint_, .segment = record->active_segment};
        if (auto done = entering.put_back(std::move(*record), by); !done) {
            return fail(done);
        }
        auto all = core_->reconciliation_in(txn, &judged).settle(pod_);
        if (!all) {
            return fail(all);
        }
        if (auto done = entering.refuse_conflict(pod_); !done) {
            return fail(done);
        }
        return all;
    }

    // A root's manifest is its owner's word. A child's stays within what it was given.
    [[nodiscard]] result<void> take_snapshot(pod_record& record) const {
        if (!snapshot_) {
            return {};
        }
        if (!record.delegated_from.empty()) {
            const auto within = [](const std::vector<scope_rule>& wanted,
                                   const std::vector<scope_rule>& given) {
                return std::ranges::all_of(wanted, [&](const scope_rule& rule) {
                    return grants(given, region_of(rule), rule.access);
                });
            };
            if (!within(snapshot_->allow, record.manifest.allow) ||
                !within(snapshot_->authority, record.manifest.authority)) {
                return fail({.category = errc::not_within_authority,
                             .message = "the manifest of '" + record.pod +
                                        "' asks for more than '" + record.delegated_from +
                                        "' had delegated to it",
                             .subject = record.pod});
            }
        }
        auto unknown = std::move(record.manifest.unknown);
        record.manifest = *snapshot_;
        record.manifest.unknown = std::move(unknown);
        return {};
    }

    runtime_core<Parts>* core_;
    std::string pod_;
    std::optional<manifest_snapshot> snapshot_;
    std::string endpoint_;
    deadline until_;
    process_identity self_{};
};

} // namespace podscope
