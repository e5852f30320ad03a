// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/grant.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/pod_store.hpp>
#include <podscope/store/records.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace podscope {

/// Says that a pod does not hold its allocation any more, and under which epoch somebody else has
/// one of that name, if it is known.
[[nodiscard]] inline error loss_of(const grant& own, epoch current) {
    error e{.category = errc::revoked,
            .message = "the pod '" + own.pod + "' does not hold its allocation any more: epoch " +
                       std::to_string(static_cast<std::uint64_t>(own.granted)) +
                       " was reclaimed or taken over",
            .subject = own.pod,
            .shown = own.granted};
    if (current != epoch::none) {
        e.message +=
            ", and epoch " + std::to_string(static_cast<std::uint64_t>(current)) + " holds it now";
        e.current = current;
    }
    return e;
}

/// The allocation of a pod that is live under that very grant, uncopied: see registry::peek.
///
/// Errors: `revoked`.
template <class Txn>
[[nodiscard]] auto peek_own(Txn& txn, const grant& own) -> decltype(registry{txn}.peek(own.pod)) {
    auto row = registry{txn}.peek(own.pod);
    if (!row || (*row && (**row).granted == own.granted)) {
        return row;
    }
    return fail(loss_of(own, *row ? (**row).granted : epoch::none));
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
                     .message = "this grant of '" + shown.pod + "' (epoch " +
                                std::to_string(static_cast<std::uint64_t>(shown.granted)) +
                                ") has ended: its parent took it back or was restored",
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

/// The delegation that a pod lives on by its record; nothing if nobody delegated to it.
///
/// Errors: `stale_epoch` if its parent has no such delegation on record any more.
template <class Txn>
[[nodiscard]] result<std::optional<delegation>> lived_on(Txn& txn, const pod_record& record) {
    if (record.delegated_from.empty()) {
        return std::optional<delegation>{};
    }
    auto made = pod_store{txn}.find_delegation(record.delegated_from, record.pod);
    if (!made || (*made && (*made)->granted == record.granted)) {
        return made;
    }
    return fail({.category = errc::stale_epoch,
                 .message = "what '" + record.delegated_from + "' had delegated to '" + record.pod +
                            "' (epoch " +
                            std::to_string(static_cast<std::uint64_t>(record.granted)) +
                            ") has ended: it must delegate again",
                 .subject = record.pod,
                 .shown = record.granted});
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
                     .message = "a live pod has the name '" + std::string{name} + "', " +
                                ((**row).owner.is_nobody()
                                     ? "left by its process: restore that one"
                                     : "held by process " + std::to_string((**row).owner.pid)),
                     .subject = std::string{name},
                     .current = (**row).granted});
    }
    auto record = pod_store{txn}.peek(name);
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
                 .current = (**record).granted});
}

} // namespace podscope
