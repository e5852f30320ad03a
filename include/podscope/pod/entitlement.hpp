// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/grant.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/store/pod_store.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace podscope {

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

} // namespace podscope
