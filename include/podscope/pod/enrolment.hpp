// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/grant.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/registry/conflict.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/region.hpp>
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
    std::string segment{}; ///< the session segment that it is to write
};

/// The allocation of a pod that is live under that very grant, uncopied: see registry::peek.
///
/// Errors: `revoked`.
template <class Txn>
[[nodiscard]] auto peek_own(Txn& txn, const grant& own) -> decltype(registry{txn}.peek(own.pod)) {
    auto row = registry{txn}.peek(own.pod);
    if (!row || (*row && (**row).granted == own.granted)) {
        return row;
    }
    error e{.category = errc::revoked,
            .message = "the pod '" + own.pod +
                       "' does not hold its allocation any more: it was reclaimed or taken over",
            .subject = own.pod,
            .shown = own.granted};
    if (*row) {
        e.current = (**row).granted;
    }
    return fail(std::move(e));
}

/// A copy of the same.
///
/// Errors: `revoked`.
template <class Txn>
[[nodiscard]] result<allocation> require_own(Txn& txn, const grant& own) {
    auto row = peek_own(txn, own);
    return row ? result<allocation>{**row} : fail(row);
}

/// The row that a grant entitles its child to adopt.
///
/// Errors: `unknown_pod`, `stale_epoch`, `already_live`.
template <class Txn>
[[nodiscard]] result<allocation> adoptable(Txn& txn, const grant& shown) {
    auto row = registry{txn}.find(shown.pod);
    if (!row) {
        return fail(row);
    }
    if (!*row || (*row)->granted != shown.granted) {
        auto record = pod_store{txn}.require(shown.pod);
        if (!record) {
            return fail(record);
        }
        return fail({.category = errc::stale_epoch,
                     .message = "this grant of '" + shown.pod +
                                "' has ended: its parent took it back or was restored",
                     .subject = shown.pod,
                     .shown = shown.granted,
                     .current = *row ? (*row)->granted : record->granted});
    }
    if ((*row)->adopted) {
        return fail({.category = errc::already_live,
                     .message = "the pod '" + shown.pod + "' was adopted already",
                     .subject = shown.pod,
                     .current = (*row)->granted});
    }
    return std::move(**row);
}

/// Whether a new pod may have a name: nobody is live under it, and no record of it can be restored.
/// What a former bearer left in its history and outbox stays under the name.
///
/// Errors: `duplicate_name`.
template <class Txn>
[[nodiscard]] result<void> check_free(Txn& txn, std::string_view name) {
    auto row = registry{txn}.peek(name);
    if (!row) {
        return fail(row);
    }
    if (*row) {
        return fail({.category = errc::duplicate_name,
                     .message = "a live pod has the name '" + std::string{name} + "'",
                     .subject = std::string{name},
                     .current = (**row).granted});
    }
    auto record = pod_store{txn}.find(name);
    if (!record || !*record) {
        return record ? result<void>{} : fail(record);
    }
    auto spent = pod_store{txn}.is_spent(**record);
    if (!spent || *spent) {
        return spent ? result<void>{} : fail(spent);
    }
    return fail({.category = errc::duplicate_name,
                 .message = "there is a record of a pod '" + std::string{name} +
                            "' already: restore that one, or choose another name",
                 .subject = std::string{name},
                 .current = (*record)->granted});
}

/// How pods come into the registry, within one transaction: created, delegated, adopted, or put
/// back from their records. A step that fails leaves nothing behind once the transaction is given
/// up.
template <class Txn, resource_namespace Names>
class enrolment {
public:
    /// @param blockers takes the allocations that stand in the way of a step that failed, so that
    ///                 those of dead processes can be cleared before the step is tried again
    enrolment(Txn& txn, const Names& names, std::vector<allocation>& blockers)
        : txn_{&txn},
          names_{&names},
          blockers_{&blockers} {
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
        return done ? refuse_conflict(pod) : done;
    }

    /// Reserves a pod for a child of a live pod: a row of its own, a layer for each write rule on
    /// the parent, and the delegation on the parent's record.
    ///
    /// Errors: `revoked`, `not_within_authority`, `duplicate_name`, `conflict`.
    [[nodiscard]] result<delegation>
    delegate(const grant& parent, pod_record child, const holder& until_adopted) {
        pod_store store{*txn_};
        if (auto own = peek_own(*txn_, parent); !own) {
            return fail(own);
        }
        auto record = store.require(parent.pod);
        if (!record) {
            return fail(record);
        }
        if (auto done = check_authority(*record, child.manifest); !done) {
            return fail(done);
        }
        if (auto done = check_child_name(parent.pod, child.pod); !done) {
            return fail(done);
        }
        auto granted = store.next_epoch();
        if (!granted) {
            return fail(granted);
        }
        child.granted = *granted;
        child.delegated_from = parent.pod;
        child.active_segment.clear();
        delegation made{.child = child.pod, .granted = *granted, .rules = child.manifest.allow};
        auto done = store.put_delegation(parent.pod, made);
        if (done) {
            done = registry{*txn_}.add_layers(parent.pod, layers_of(made));
        }
        if (done) {
            done = insert(child, until_adopted, false, {});
        }
        if (done) {
            done = store.put(child);
        }
        if (done) {
            done = refuse_conflict(child.pod);
        }
        if (!done) {
            if (!blockers_->empty()) {
                // It may be in its own way: through a gap in the line that it descends by.
                if (auto own = registry{*txn_}.find(parent.pod); own && *own) {
                    blockers_->push_back(*std::move(*own));
                }
            }
            return fail(done);
        }
        return made;
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
        auto done = registry{*txn_}.update(*row);
        if (done) {
            done = hold_segment(shown.pod, by.segment);
        }
        if (done) {
            done = pod_store{*txn_}.set_active_segment(shown.pod, by.segment);
        }
        return done;
    }

    /// Puts a pod back from its record, under a new grant, with a layer for each delegation on
    /// record: to be settled next, and to be searched for competitors after that.
    ///
    /// Errors: `stale_epoch` if the pod was delegated and its parent has no such delegation on
    /// record any more; `segment_held`.
    [[nodiscard]] result<void> put_back(pod_record record, const holder& by) {
        pod_store store{*txn_};
        std::optional<delegation> from;
        if (!record.delegated_from.empty()) {
            auto made = store.find_delegation(record.delegated_from, record.pod);
            if (!made) {
                return fail(made);
            }
            if (!*made || (*made)->granted != record.granted) {
                return fail({.category = errc::stale_epoch,
                             .message = "what '" + record.delegated_from + "' had delegated to '" +
                                        record.pod + "' has ended: it must delegate again",
                             .subject = record.pod,
                             .shown = record.granted});
            }
            from = std::move(**made);
        }
        if (auto done = registry{*txn_}.erase(record.pod); !done) {
            return done;
        }
        return enrol(std::move(record), by, std::move(from));
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

    /// Makes a live pod the one writer of a segment.
    ///
    /// Errors: `segment_held`.
    [[nodiscard]] result<void> hold_segment(std::string_view pod, std::string_view segment) {
        auto done = registry{*txn_}.set_segment(pod, segment);
        if (!done && done.error().category == errc::segment_held) {
            auto hold = registry{*txn_}.holder_of(segment);
            if (hold && *hold) {
                auto row = registry{*txn_}.find((*hold)->pod);
                if (row && *row) {
                    blockers_->push_back(std::move(**row));
                }
            }
        }
        return done;
    }

private:
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
        record.active_segment = by.segment;
        result<void> done{};
        if (from) {
            done = renew(record.delegated_from, std::move(*from), *granted);
        }
        if (done) {
            done = insert(record, by, true, *made);
        }
        if (done) {
            done = hold_segment(record.pod, by.segment);
        }
        if (done) {
            done = store.put(record);
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

    [[nodiscard]] result<void> check_authority(const pod_record& parent,
                                               const manifest_snapshot& child) const {
        for (const auto* list : {&child.allow, &child.authority}) {
            for (const auto& rule : *list) {
                const region where = region_of(rule);
                if (!grants(parent.manifest.authority, where, rule.access)) {
                    return fail(beyond(parent.pod, rule, "its authority does not cover that"));
                }
                if (takes(parent.manifest.deny, where, rule.access)) {
                    return fail(beyond(parent.pod, rule, "its manifest denies a part of that"));
                }
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
        auto made = pod_store{*txn_}.find_delegation(parent, child);
        if (!made) {
            return fail(made);
        }
        if (*made) {
            return fail({.category = errc::duplicate_name,
                         .message = "'" + std::string{parent} + "' has delegated to '" +
                                    std::string{child} +
                                    "' already: reclaim that first, or choose another name",
                         .subject = std::string{child},
                         .current = (*made)->granted});
        }
        return check_free(*txn_, child);
    }

    Txn* txn_;
    const Names* names_;
    std::vector<allocation>* blockers_;
};

} // namespace podscope
