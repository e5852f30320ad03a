// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/enrolment.hpp>
#include <podscope/pod/entitlement.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/ready_segment.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/pod/resumed_segment.hpp>
#include <podscope/pod/runtime_core.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/rules_by_target.hpp>
#include <podscope/store/pod_store.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope {

/// How a pod is restored.
struct restore_options {
    std::string endpoint{}; ///< where it answers, if that is known already
    std::chrono::milliseconds probe_time{default_probe_time}; ///< for all probes of the call

    /// Goes on in a fresh session segment if the one on record is lost: is not there, is empty, or
    /// is `corrupt` at its beginning. The report says so. What the pod may do, and what it has
    /// delegated, is on its record and comes back all the same.
    bool replace_lost_segment{false};
};

/// What a manifest puts in the place of what a record says.
struct replacement {
    manifest_snapshot snapshot{};
    std::optional<std::vector<std::string>> peers{}; ///< nothing to leave the record's
};

/// Puts one pod back from its record: reads it, probes everybody below it at once, and then, in one
/// commit, enters it under a new grant, settles its delegations and refuses if anybody else may
/// write where it may.
template <class Parts>
class restoration {
public:
    /// @param by what a manifest says, to be put in the place of what the record says;
    ///                 nothing to go by the record
    restoration(runtime_core<Parts>& core,
                std::string_view pod,
                std::optional<replacement> by,
                const restore_options& options,
                deadline until)
        : core_{&core},
          pod_{pod},
          replaced_{std::move(by)},
          endpoint_{options.endpoint},
          segment_{options.replace_lost_segment},
          until_{until} {}

    /// Restores the pod, and runs `make(settled)` within the commit, so that nothing can fail once
    /// that stands.
    template <class Make>
    [[nodiscard]] auto run(Make&& make) -> std::invoke_result_t<Make, settled> {
        auto self = core_->parts().self.self();
        if (!self) {
            return fail(self);
        }
        self_ = std::move(*self);
        stale_report cleared;
        for (;; --rounds_left_) {
            auto outcome =
                core_->clearing_the_dead(until_, cleared, [&](std::vector<allocation>& blockers) {
                    return attempt(make, blockers);
                });
            if (!overtaken_) {
                return outcome;
            }
        }
    }

    /// Why the pod goes on in a fresh session segment, if it does. Given once.
    [[nodiscard]] std::optional<error> take_lost_segment() noexcept { return segment_.take_loss(); }

private:
    // So that a tree that never rests is not waited for.
    static constexpr int most_rounds = 16;

    // The state that a restore starts from. What was probed counts only while this holds.
    struct survey {
        pod_record record;
        std::optional<allocation> row;               // of an incarnation before this one
        std::optional<when_unreachable> unreachable; // what was said for that one's delegation
        std::vector<descendant> below;
    };

    template <class Make>
    [[nodiscard]] auto attempt(Make& make, std::vector<allocation>& blockers)
        -> std::invoke_result_t<Make, settled> {
        overtaken_ = false;
        auto seen = core_->read([&](auto& txn) { return look(txn); });
        if (!seen) {
            return fail(seen);
        }
        if (auto usable = check_usable(seen->record); !usable) {
            return fail(usable);
        }
        if (auto asked = ask(*seen); !asked) {
            return fail(asked);
        }
        auto segment = guarded([&] { return segment_.make(core_->parts().sessions); });
        if (!segment) {
            return fail(segment);
        }
        // A policy that ends processes does so only for whom nothing but a competitor can refuse.
        if (may_act(*seen)) {
            seen = confirm(*seen);
            if (!seen) {
                return fail(seen);
            }
        }
        auto judged = review(*seen);
        if (!judged) {
            return fail(judged);
        }
        return core_->write([&](auto& txn) -> std::invoke_result_t<Make, settled> {
            auto all = commit(txn, seen->row, *judged, *segment, blockers);
            return all ? make(std::move(*all)) : fail(all);
        });
    }

    // What was found out about an incarnation holds for all rounds. A later round has less time,
    // and who does not answer within a part of it is not shown to hang.
    [[nodiscard]] result<void> ask(const survey& seen) {
        judgements now = judged_;
        auto subjects = subjects_among(seen.below);
        if (seen.row) {
            subjects.push_back(runtime_core<Parts>::subject_of(*seen.row));
        }
        if (auto asked = core_->probe(std::move(subjects), until_, now); !asked) {
            return asked;
        }
        for (auto& [pod, said] : now) {
            const auto before = judged_.find(pod);
            const bool is_new = before == judged_.end() || before->second != said;
            if (is_new && said.found == verdict::unreachable && !first_round_) {
                said.found = verdict::unknown;
            }
        }
        judged_ = std::move(now);
        first_round_ = false;
        return {};
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
        auto from = lived_on(txn, *record);
        if (!from) {
            return fail(from);
        }
        auto below = descendants_of(txn, pod_);
        if (!below) {
            return fail(below);
        }
        return survey{std::move(*record), std::move(*row),
                      *from ? (*from)->unreachable : std::nullopt, std::move(*below)};
    }

    // The state as it is after the probe, which may have taken long, if the commit would still go
    // by what was found out.
    [[nodiscard]] result<survey> confirm(const survey& before) {
        auto now = core_->read([&](auto& txn) { return look(txn); });
        if (!now) {
            return now;
        }
        auto same = check_same(before.row, now->row, now->record);
        return same ? std::move(now) : fail(same);
    }

    // Whether nobody else has held the pod, or moved its log, since it was looked at.
    [[nodiscard]] result<void> check_same(const std::optional<allocation>& before,
                                          const std::optional<allocation>& row,
                                          const pod_record& record) {
        if (row && (!before || row->granted != before->granted || row->owner != before->owner)) {
            note_overtaken();
            return fail(still_live(*row, verdict::unknown));
        }
        if (!segment_.is_for(record)) {
            note_overtaken();
            return fail(
                {.category = errc::timeout,
                 .message = "'" + pod_ +
                            "' went on in another session segment while it was restored: try again",
                 .subject = pod_});
        }
        return {};
    }

    // What the commit would refuse too, asked before anybody is probed.
    [[nodiscard]] result<void> check_usable(pod_record record) {
        auto usable = guarded([&] { return segment_.choose(core_->parts().sessions, record); });
        return usable ? take_snapshot(record) : std::move(usable);
    }

    // What the reclaim policy makes of what was found. From the beginning in each round: it must
    // not take its own answers for the probe's.
    [[nodiscard]] result<judgements> review(const survey& seen) {
        judgements all = judged_;
        if (auto gone = let_go(seen, all); !gone) {
            return fail(gone);
        }
        auto reviewed = core_->review(pod_, seen.below, all);
        return reviewed ? result<judgements>{std::move(all)} : fail(reviewed);
    }

    // The last holder has to go before anybody has its scope: as if it were a child of its own.
    [[nodiscard]] std::vector<descendant> last_holder(const survey& seen) const {
        if (!seen.row) {
            return {};
        }
        return {{.child = pod_,
                 .delegator = pod_,
                 .depth = 1,
                 .unreachable = seen.unreachable,
                 .live = runtime_core<Parts>::subject_of(*seen.row)}};
    }

    [[nodiscard]] bool may_act(const survey& seen) const {
        return core_->reviews(last_holder(seen)) || core_->reviews(seen.below);
    }

    [[nodiscard]] result<void> let_go(const survey& seen, judgements& judged) {
        if (!seen.row) {
            return {};
        }
        if (auto reviewed = core_->review(pod_, last_holder(seen), judged); !reviewed) {
            return reviewed;
        }
        const verdict found = judged.at(pod_).found;
        if (ends_by(core_->parts().reclaim, seen.unreachable, found)) {
            return {};
        }
        return fail(still_live(*seen.row, found));
    }

    [[nodiscard]] error still_live(const allocation& row, verdict found) const {
        return {.category = errc::already_live,
                .message = "the pod '" + row.pod + "' (epoch " +
                           std::to_string(static_cast<std::uint64_t>(row.granted)) +
                           ") is held by process " + std::to_string(row.owner.pid) + ", which is " +
                           (found == verdict::unknown ? "not known to be gone"
                                                      : std::string{to_string(found)}),
                .subject = row.pod,
                .current = row.granted};
    }

    // Something changed hands between the probe and the commit: to be looked at again while there
    // is time, and once in any case, since what was let go needs none. The commit is given up.
    void note_overtaken() {
        overtaken_ = rounds_left_ == most_rounds ||
                     (rounds_left_ != 0 && core_->parts().clock.now() < until_);
    }

    template <class Txn>
    [[nodiscard]] result<settled> commit(Txn& txn,
                                         const std::optional<allocation>& before,
                                         const judgements& judged,
                                         const ready_segment& segment,
                                         std::vector<allocation>& blockers) {
        overtaken_ = false;
        auto record = pod_store{txn}.require(pod_);
        if (!record) {
            return fail(record);
        }
        auto row = registry{txn}.find(pod_);
        if (!row) {
            return fail(row);
        }
        if (auto same = check_same(before, *row, *record); !same) {
            return fail(same);
        }
        if (auto done = take_snapshot(*record); !done) {
            return fail(done);
        }
        auto entering = core_->enrolment_in(txn, blockers);
        const holder by{.owner = self_, .endpoint = endpoint_, .segment = segment};
        if (auto done = entering.put_back(std::move(*record), by); !done) {
            return fail(done);
        }
        auto all = core_->reconciliation_in(txn, &judged).settle(pod_);
        if (!all) {
            return fail(all);
        }
        if (!all->report().undecided.empty()) {
            note_overtaken();
        }
        if (overtaken_) {
            return fail({.category = errc::timeout,
                         .message = "children of '" + pod_ +
                                    "' changed hands while they were probed: try again",
                         .subject = pod_});
        }
        if (auto done = entering.refuse_conflict(pod_); !done) {
            return fail(done);
        }
        return all;
    }

    // A root's manifest is its owner's word. A child's stays within what it was given.
    [[nodiscard]] result<void> take_snapshot(pod_record& record) const {
        if (!replaced_) {
            return {};
        }
        if (!record.delegated_from.empty() && !is_within(replaced_->snapshot, record.manifest)) {
            return fail({.category = errc::not_within_authority,
                         .message = "the manifest of '" + record.pod + "' asks for more than '" +
                                    record.delegated_from + "' had delegated to it",
                         .subject = record.pod});
        }
        auto before = std::exchange(record.manifest, replaced_->snapshot);
        record.manifest.unknown = std::move(before.unknown);
        if (!record.manifest.reason) {
            record.manifest.reason = std::move(before.reason);
        }
        if (replaced_->peers) {
            record.peers = replaced_->peers;
        }
        return {};
    }

    [[nodiscard]] static bool is_within(const manifest_snapshot& wanted,
                                        const manifest_snapshot& given) {
        const auto all_within = [&](const std::vector<scope_rule>& rules,
                                    const std::vector<scope_rule>& within) {
            const rules_by_target limit{within};
            return std::ranges::all_of(rules, [&](const scope_rule& rule) {
                return limit.grant(region_of(rule), rule.access) &&
                       is_still_denied(rule, wanted.deny, given.deny);
            });
        };
        return all_within(wanted.allow, given.allow) &&
               all_within(wanted.authority, given.authority);
    }

    // Whether what the denies that were given take from a rule is taken from it by others as well.
    [[nodiscard]] static bool is_still_denied(const scope_rule& rule,
                                              const std::vector<scope_rule>& denies,
                                              const std::vector<scope_rule>& given) {
        return std::ranges::all_of(given, [&](const scope_rule& before) {
            const auto taken = intersection(region_of(rule), region_of(before));
            if (!taken || left_by_deny(before.access) >= rule.access) {
                return true;
            }
            return std::ranges::any_of(denies, [&](const scope_rule& now) {
                return left_by_deny(now.access) <= left_by_deny(before.access) &&
                       contains(region_of(now), *taken);
            });
        });
    }

    runtime_core<Parts>* core_;
    std::string pod_;
    std::optional<replacement> replaced_;
    std::string endpoint_;
    resumed_segment segment_;
    deadline until_;
    process_identity self_{};
    judgements judged_{};
    bool first_round_{true};
    int rounds_left_{most_rounds};
    bool overtaken_{false};
};

} // namespace podscope
