// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/store/keys.hpp>
#include <podscope/store/records.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// The durable records of all pods, seen through one transaction: the authority for scope at
/// restore.
///
/// A pod's record, its delegations, its history and its outbox are rows of their own, so that
/// setting one cannot lose another. Errors are those of the transaction unless a call says more.
template <class Txn>
class pod_store {
public:
    explicit pod_store(Txn& txn) noexcept : txn_{&txn} {}

    /// The record of a pod, or nothing.
    [[nodiscard]] result<std::optional<pod_record>> find(std::string_view pod) const {
        auto row = peek(pod);
        if (!row) {
            return fail(row);
        }
        return *row ? std::optional<pod_record>{**row} : std::nullopt;
    }

    /// The same without a copy: a handle as the transaction gives it, false for nothing, which is
    /// valid until that record changes.
    [[nodiscard]] auto peek(std::string_view pod) const {
        auto row = txn_->template get<tables::pods>(pod);
        if (row && *row && (**row).pod != pod) {
            row = fail({.category = errc::corrupt,
                        .message = "the record stored for pod '" + std::string{pod} +
                                   "' says that it is of '" + (**row).pod + "'",
                        .subject = std::string{pod}});
        }
        return row;
    }

    /// As `find`, but a record that is not there is `unknown_pod`.
    [[nodiscard]] result<pod_record> require(std::string_view pod) const {
        auto row = peek_required(pod);
        return row ? result<pod_record>{**row} : fail(row);
    }

    /// As `peek`, but a record that is not there is `unknown_pod`.
    [[nodiscard]] auto peek_required(std::string_view pod) const {
        auto row = peek(pod);
        if (row && !*row) {
            row = fail({.category = errc::unknown_pod,
                        .message = "there is no record of a pod '" + std::string{pod} + "'",
                        .subject = std::string{pod}});
        }
        return row;
    }

    [[nodiscard]] result<void> put(pod_record record) {
        const std::string pod = record.pod;
        return txn_->template put<tables::pods>(pod, std::move(record));
    }

    /// Removes a pod's record. Its history, and notifications that nobody has taken, stay.
    [[nodiscard]] result<void> erase(std::string_view pod) {
        return txn_->template erase<tables::pods>(pod);
    }

    /// Points a pod at another session segment, and leaves the rest of its record alone.
    ///
    /// Errors: `unknown_pod`.
    [[nodiscard]] result<void> set_active_segment(std::string_view pod, std::string_view segment) {
        auto record = require(pod);
        if (!record) {
            return fail(record);
        }
        record->active_segment = segment;
        return put(*std::move(record));
    }

    /// The outstanding delegation of a parent to a child, or nothing.
    [[nodiscard]] result<std::optional<delegation>> find_delegation(std::string_view parent,
                                                                    std::string_view child) const {
        auto row = peek_delegation(parent, child);
        if (!row) {
            return fail(row);
        }
        return *row ? std::optional<delegation>{**row} : std::nullopt;
    }

    /// The same without a copy, as `peek`.
    [[nodiscard]] auto peek_delegation(std::string_view parent, std::string_view child) const {
        return txn_->template get<tables::delegations>(store_keys::delegation(parent, child));
    }

    /// All outstanding delegations of a pod, in the order of the children's names.
    [[nodiscard]] result<std::vector<delegation>> delegations_of(std::string_view pod) const {
        return collect<tables::delegations>(pod);
    }

    [[nodiscard]] result<void> put_delegation(std::string_view parent, const delegation& made) {
        return txn_->template put<tables::delegations>(store_keys::delegation(parent, made.child),
                                                       made);
    }

    [[nodiscard]] result<void> erase_delegation(std::string_view parent, std::string_view child) {
        return txn_->template erase<tables::delegations>(store_keys::delegation(parent, child));
    }

    /// All delegations that have ended and whose scope came back to that pod, oldest grant first.
    [[nodiscard]] result<std::vector<ended_delegation>> history_of(std::string_view pod) const {
        return collect<tables::history>(pod);
    }

    [[nodiscard]] result<void> archive(std::string_view pod, const ended_delegation& ended) {
        return txn_->template put<tables::history>(store_keys::history(pod, ended.granted), ended);
    }

    /// All notifications for a pod that no sink has taken yet, in the order of their queueing.
    [[nodiscard]] result<std::vector<notification>> outbox_of(std::string_view pod) const {
        return collect<tables::outbox>(pod);
    }

    /// Puts a notification behind those that are queued; its `sequence` is set here.
    [[nodiscard]] result<void> queue(notification told) {
        auto sequence = count(store_keys::notifications);
        if (!sequence) {
            return fail(sequence);
        }
        told.sequence = *sequence;
        const auto key = store_keys::outbox(told.pod, told.sequence);
        return txn_->template put<tables::outbox>(key, std::move(told));
    }

    /// Takes a notification that a sink has taken out of the outbox.
    [[nodiscard]] result<void> acknowledge(const notification& told) {
        return txn_->template erase<tables::outbox>(store_keys::outbox(told.pod, told.sequence));
    }

    /// The last one that was given out.
    [[nodiscard]] result<epoch> newest_epoch() const {
        auto row = txn_->template get<tables::counters>(store_keys::epochs);
        if (!row) {
            return fail(row);
        }
        return epoch{*row ? (**row).last : 0};
    }

    /// An epoch that was never given out.
    [[nodiscard]] result<epoch> next_epoch() {
        auto number = count(store_keys::epochs);
        if (!number) {
            return fail(number);
        }
        return epoch{*number};
    }

    /// Whether a pod can never be restored from a record: it was delegated to, and that delegation
    /// has ended. Its name is free.
    [[nodiscard]] result<bool> is_spent(const pod_record& record) const {
        if (record.delegated_from.empty()) {
            return false;
        }
        auto made = peek_delegation(record.delegated_from, record.pod);
        if (!made) {
            return fail(made);
        }
        return !*made || (**made).granted != record.granted;
    }

private:
    // The next number of a counter.
    [[nodiscard]] result<std::uint64_t> count(std::string_view which) {
        auto row = txn_->template get<tables::counters>(which);
        if (!row) {
            return fail(row);
        }
        counter grown = *row ? **row : counter{};
        const std::uint64_t next = ++grown.last;
        auto done = txn_->template put<tables::counters>(which, std::move(grown));
        return done ? result<std::uint64_t>{next} : fail(done);
    }

    template <table T>
    [[nodiscard]] result<std::vector<typename T::record>> collect(std::string_view pod) const {
        std::vector<typename T::record> found;
        auto done = scan_prefix<T>(*txn_, store_keys::of_pod(pod),
                                   [&](std::string_view, const typename T::record& one) {
                                       found.push_back(one);
                                       return scan::next;
                                   });
        if (!done) {
            return fail(done);
        }
        return found;
    }

    Txn* txn_;
};

/// Changes a pod's record in a transaction of its own: `change(pod_record&)` may run more than
/// once. Updates of one name from several processes do not lose each other's changes.
///
/// What the registry answers for is put back as it was, whatever `change` does to it: name, grant,
/// parent, manifest and active segment change only with the pod itself.
///
/// Errors: `unknown_pod`, and those of the store.
template <typed_store Store, class F>
[[nodiscard]] result<void> update_pod(Store& store, std::string_view pod, F&& change) {
    return guarded([&] {
        return store.write([&](auto& txn) -> result<void> {
            pod_store pods{txn};
            auto before = pods.require(pod);
            if (!before) {
                return fail(before);
            }
            pod_record after = *before;
            change(after);
            before->peers = std::move(after.peers);
            before->unknown = std::move(after.unknown);
            return pods.put(*std::move(before));
        });
    });
}

} // namespace podscope
