// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/entitlement.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/ready_segment.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/registry/conflict.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/rules_by_target.hpp>
#include <podscope/store/delegation_layers.hpp>
#include <podscope/store/pod_store.hpp>
#include <podscope/store/records.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// Who holds a pod, and where it answers.
struct holder {
    process_identity owner{};
    std::string endpoint{};
    std::optional<ready_segment> segment{}; ///< that it is to write; none until it is adopted
};

/// How pods come into the registry, within one transaction: created, delegated, adopted, or put
/// back from their records. A step that fails leaves nothing behind once the transaction is given
/// up.
template <class Txn, resource_namespace Names>
class enrolment {
public:
    /// @param blockers takes the allocations that stand in the way of a step that failed, so that
    ///                 those of dead processes can be cleared before the step is tried again
    /// @param wall_ms the time to note with each grant
    enrolment(Txn& txn, const Names& names, std::vector<allocation>& blockers, std::int64_t wall_ms)
        : txn_{&txn},
          names_{&names},
          blockers_{&blockers},
          wall_ms_{wall_ms} {
        blockers.clear();
    }

    /// A new root pod.
    ///
    /// Errors: `duplicate_name`, `conflict`, `segment_held`.
    [[nodiscard]] result<void> create(pod_record record, const holder& by) {
        if (auto free = check_free(*txn_, record.pod); !free) {
            return free;
        }
        const std::string pod = record.pod;
        auto done = enrol(std::move(record), by, {});
        return done ? refuse_conflict(pod) : std::move(done);
    }

    /// Reserves pods for children of a live pod: for each a row of its own, held by the parent's
    /// holder until it is adopted, a layer for each rule on the parent, and the delegation on the
    /// parent's record. All of them or, once the transaction is given up, none. What it reads of
    /// the parent it reads once.
    ///
    /// @param live the parent's row, which need not last longer than until that is changed
    ///
    /// Errors: `not_within_authority`, `duplicate_name`, `conflict`.
    [[nodiscard]] result<std::vector<delegation>> delegate(const allocation& live,
                                                           std::vector<pod_record> children) {
        const std::string parent = live.pod;
        const holder until_adopted{.owner = live.owner};
        auto all = promise(parent, children);
        if (!all) {
            return all;
        }
        std::vector<deny_layer> layers;
        for (const auto& made : *all) {
            for (auto& one : layers_of(made)) {
                layers.push_back(std::move(one));
            }
        }
        if (auto done = registry{*txn_}.add_layers(parent, layers); !done) {
            return fail(done);
        }
        for (auto& child : children) {
            if (auto done = reserve(std::move(child), until_adopted); !done) {
                // It may be in its own way: through a gap in the line that it descends by.
                auto noted = blockers_->empty() ? result<void>{} : note_blocker(parent);
                return noted ? fail(done) : fail(noted);
            }
        }
        return all;
    }

    /// Makes a reserved pod the caller's.
    ///
    /// Errors: `unknown_pod`, `stale_epoch`, `already_live`, `segment_held`.
    [[nodiscard]] result<void> adopt(const grant& shown, const holder& by) {
        auto row = adoptable(*txn_, shown);
        if (!row) {
            return fail(row);
        }
        row->owner = by.owner;
        row->endpoint = by.endpoint;
        row->adopted = true;
        auto done = registry{*txn_}.take_over(*row);
        if (done) {
            done = go_on_in(shown.pod, *by.segment);
        }
        return done;
    }

    /// Puts a pod back from its record, under a new grant, with a layer for each delegation on
    /// record: to be settled next, and to be searched for competitors after that.
    ///
    /// Errors: `stale_epoch` if the pod was delegated and its parent has no such delegation on
    /// record any more; `segment_held`.
    [[nodiscard]] result<void> put_back(pod_record record, const holder& by) {
        auto from = lived_on(*txn_, record);
        if (!from) {
            return fail(from);
        }
        if (auto done = registry{*txn_}.erase(record.pod); !done) {
            return done;
        }
        return enrol(std::move(record), by, *std::move(from));
    }

    /// Refuses if anybody may write where a live pod may, and names all of them.
    ///
    /// Errors: `conflict`.
    [[nodiscard]] result<void> refuse_conflict(std::string_view pod) {
        auto found = conflict_search{*txn_}.of(pod);
        if (!found) {
            return fail(found);
        }
        if (found->empty()) {
            return {};
        }
        error e = conflict_error(*names_, pod, *found);
        for (auto& one : *found) {
            blockers_->push_back(std::move(one.holder));
        }
        return fail(std::move(e));
    }

    /// Makes a live pod the one writer of a segment, which its record names from now on.
    ///
    /// Errors: `segment_held`.
    [[nodiscard]] result<void> go_on_in(std::string_view pod, const ready_segment& segment) {
        auto done = hold_segment(pod, segment);
        return done ? pod_store{*txn_}.set_active_segment(pod, segment.id()) : std::move(done);
    }

private:
    [[nodiscard]] result<void> hold_segment(std::string_view pod, const ready_segment& segment) {
        auto done = registry{*txn_}.set_segment(pod, segment.id());
        if (done) {
            return done;
        }
        if (done.error().category == errc::segment_held) {
            auto hold = registry{*txn_}.holder_of(segment.id());
            if (!hold) {
                return fail(hold);
            }
            auto noted = *hold ? note_blocker((**hold).pod) : result<void>{};
            return noted ? std::move(done) : std::move(noted);
        }
        return done;
    }

    // Notes that a pod stands in the way. It is live by what this transaction has read; a run on
    // guesses may find something else each time it looks.
    [[nodiscard]] result<void> note_blocker(std::string_view pod) {
        auto row = registry{*txn_}.find(pod);
        if (!row) {
            return fail(row);
        }
        if (*row) {
            blockers_->push_back(**std::move(row));
        }
        return {};
    }

    // Enters a pod under a new grant, with the layers that its record calls for. `from` is the
    // delegation that it lives on, if it was delegated: that gets the new epoch as well.
    [[nodiscard]] result<void>
    enrol(pod_record record, const holder& by, std::optional<delegation> from) {
        pod_store store{*txn_};
        auto granted = store.next_epoch();
        if (!granted) {
            return fail(granted);
        }
        auto made = store.delegations_of(record.pod);
        if (!made) {
            return fail(made);
        }
        record.granted = *granted;
        record.granted_ms = wall_ms_;
        record.active_segment = by.segment->id();
        result<void> done{};
        if (from) {
            done = renew(record.delegated_from, std::move(*from), *granted);
        }
        if (done) {
            done = insert(record, by, true, *made);
        }
        if (done) {
            done = hold_segment(record.pod, *by.segment);
        }
        if (done) {
            done = store.put(std::move(record));
        }
        return done;
    }

    [[nodiscard]] result<void> renew(std::string_view parent, delegation from, epoch granted) {
        registry live{*txn_};
        auto done = live.remove_layers(parent, layers_of(from));
        from.granted = granted;
        if (done) {
            done = live.add_layers(parent, layers_of(from));
        }
        if (done) {
            done = pod_store{*txn_}.put_delegation(parent, from);
        }
        return done;
    }

    [[nodiscard]] result<void> insert(const pod_record& record,
                                      const holder& by,
                                      bool adopted,
                                      const std::vector<delegation>& made) {
        return registry{*txn_}.insert({.pod = record.pod,
                                       .owner = by.owner,
                                       .endpoint = by.endpoint,
                                       .allow = record.manifest.allow,
                                       .delegated_from = record.delegated_from,
                                       .granted = record.granted,
                                       .adopted = adopted},
                                      layers_of(record.manifest, made));
    }

    // Puts the delegations to children who may have what they ask for on the parent's record, each
    // under a grant of its own, and says in the children's records that they are on it.
    [[nodiscard]] result<std::vector<delegation>> promise(std::string_view parent,
                                                          std::vector<pod_record>& children) {
        pod_store store{*txn_};
        auto record = store.peek_required(parent);
        if (!record) {
            return fail(record);
        }
        const manifest_snapshot& manifest = (**record).manifest;
        const rules_by_target authority{manifest.authority};
        const rules_by_target denied{manifest.deny};
        std::vector<delegation> all;
        all.reserve(children.size());
        for (auto& child : children) {
            for (const auto* rules : {&child.manifest.allow, &child.manifest.authority}) {
                if (auto done = check_authority(parent, *rules, authority, denied); !done) {
                    return fail(done);
                }
            }
            if (auto done = check_child_name(parent, child.pod); !done) {
                return fail(done);
            }
            auto granted = store.next_epoch();
            if (!granted) {
                return fail(granted);
            }
            child.granted = *granted;
            child.granted_ms = wall_ms_;
            child.delegated_from = parent;
            all.push_back({.child = child.pod,
                           .granted = *granted,
                           .rules = child.manifest.allow,
                           .unreachable = child.manifest.unreachable});
            if (auto done = store.put_delegation(parent, all.back()); !done) {
                return fail(done);
            }
        }
        return all;
    }

    [[nodiscard]] result<void> reserve(pod_record&& child, const holder& until_adopted) {
        if (auto done = insert(child, until_adopted, false, {}); !done) {
            return done;
        }
        const std::string name = child.pod;
        auto done = pod_store{*txn_}.put(std::move(child));
        return done ? refuse_conflict(name) : std::move(done);
    }

    [[nodiscard]] result<void> check_authority(std::string_view parent,
                                               const std::vector<scope_rule>& wanted,
                                               const rules_by_target& authority,
                                               const rules_by_target& denied) const {
        for (const auto& rule : wanted) {
            const region where = region_of(rule);
            if (!authority.grant(where, rule.access)) {
                return fail(beyond(parent, rule, "its authority does not cover that"));
            }
            if (denied.take(where, rule.access)) {
                return fail(beyond(parent, rule, "its manifest denies a part of that"));
            }
        }
        return {};
    }

    [[nodiscard]] error
    beyond(std::string_view parent, const scope_rule& rule, std::string_view why) const {
        return {.category = errc::not_within_authority,
                .message = "'" + std::string{parent} + "' may not hand on " +
                           display(*names_, rule) + ": " + std::string{why},
                .subject = names_->display(rule.target)};
    }

    [[nodiscard]] result<void> check_child_name(std::string_view parent,
                                                std::string_view child) const {
        auto made = pod_store{*txn_}.peek_delegation(parent, child);
        if (!made) {
            return fail(made);
        }
        if (*made) {
            return fail({.category = errc::duplicate_name,
                         .message = "'" + std::string{parent} + "' has delegated to '" +
                                    std::string{child} +
                                    "' already: reclaim that first, or choose another name",
                         .subject = std::string{child},
                         .current = (**made).granted});
        }
        return check_free(*txn_, child);
    }

    Txn* txn_;
    const Names* names_;
    std::vector<allocation>* blockers_;
    std::int64_t wall_ms_;
};

} // namespace podscope
