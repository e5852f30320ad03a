// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/boot_id.hpp>
#include <podscope/error.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/names.hpp>
#include <podscope/probe/lease_records.hpp>
#include <podscope/probe/monotonic_clock.hpp>
#include <podscope/probe/vantage.hpp>
#include <podscope/result.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace podscope {

/// Removes the lease that a pod took under that grant or an earlier one, if there is one: for
/// whoever has ended the pod's delegation, since nobody else tidies up after a pod that was killed.
/// The lease of a later incarnation stays.
///
/// Errors: those of the store.
template <lease_store Store>
[[nodiscard]] result<void> end_lease(Store& store, std::string_view pod, epoch granted) {
    return guarded([&] {
        return write_delayed(store, [&](auto& txn) -> result<void> {
            auto taken = txn.template get<tables::taken_leases>(pod);
            if (!taken) {
                return fail(taken);
            }
            if (!*taken || (**taken).granted > granted) {
                return {};
            }
            auto ended = txn.template erase<tables::leases>(pod);
            return ended ? txn.template erase<tables::taken_leases>(pod) : std::move(ended);
        });
    });
}

/// Holds a pod's lease, for lease_probe to see, and renews it when it is told to: from the
/// program's own loop, or wherever the program gets on with its work. It has no thread. Renew
/// several times within a term.
///
/// A lease is what others may judge the pod by, and no right of the pod's: whether it still has its
/// scope is for its `check` to say, whether or not the lease has expired. One that has expired is
/// renewed like any other.
///
/// It is given back by the destructor. For one thread at a time. A forked copy holds nothing:
/// `renew` and `drop` are `forked` there, and the destructor does nothing. One that was moved from
/// may only be destroyed or assigned to.
///
/// `Store` is any store with the tables of `lease_schema`. Best one of its own, such as
/// `basic_journal<lease_schema, durability::process>`: among the tables of a runtime, each renewal
/// would be news to all who hold pods there. A renewal is one delayed commit, with one lookup.
template <lease_store Store>
class lease_holder {
public:
    /// Takes the lease of a pod for the incarnation of that grant, for one term from now on.
    ///
    /// Errors: `stale_epoch` if a later incarnation has taken it; `invalid_name`; `unavailable` or
    /// `io` if /proc does not say which boot and whose clocks these are; those of the store.
    [[nodiscard]] static result<lease_holder>
    take(Store store, std::string pod, epoch granted, std::chrono::milliseconds term) {
        return guarded([&]() -> result<lease_holder> {
            if (auto checked = check_name(pod); !checked) {
                return fail(checked);
            }
            auto here = probe_detail::present_vantage();
            if (!here) {
                return fail(here);
            }
            auto clocks = probe_detail::time_namespace();
            if (!clocks) {
                return fail(clocks);
            }
            auto held = std::make_unique<holding>(std::move(store), std::move(pod),
                                                  lease{.granted = granted,
                                                        .boot = here->boot,
                                                        .time_namespace = *clocks,
                                                        .term_ms = term.count()});
            auto taken = held->put(/*may_be_new=*/true);
            return taken ? result<lease_holder>{lease_holder{std::move(held)}} : fail(taken);
        });
    }

    /// The pod lives now, and for a term from now on.
    ///
    /// Errors: `stale_epoch` if a later incarnation has taken the lease, or if it was given back or
    /// ended; nothing is changed then. `forked`; those of the store.
    [[nodiscard]] result<void> renew() {
        return guarded([&] { return held_->put(/*may_be_new=*/false); });
    }

    /// Gives it back: nothing can be told by it any more. No change if it is another's by now.
    ///
    /// Errors: `forked`; those of the store.
    [[nodiscard]] result<void> drop() {
        return guarded([&] { return held_->drop(); });
    }

private:
    struct holding {
        holding(Store in, std::string of, lease with)
            : store{std::move(in)},
              pod{std::move(of)},
              terms{std::move(with)} {}

        holding(const holding&) = delete;
        holding& operator=(const holding&) = delete;

        ~holding() {
            if (is_held) {
                (void)guarded([&] { return drop(); });
            }
        }

        [[nodiscard]] result<void> put(bool may_be_new) {
            if (auto here = not_forked(); !here) {
                return here;
            }
            terms.renewed_ms = probe_detail::monotonic_ms();
            auto done = write_delayed(store, [&](auto& txn) -> result<void> {
                auto taken = txn.template get<tables::taken_leases>(pod);
                if (!taken) {
                    return fail(taken);
                }
                const bool is_new = !*taken || (**taken).granted < terms.granted;
                if ((is_new && !may_be_new) || (*taken && (**taken).granted > terms.granted)) {
                    return fail({.category = errc::stale_epoch,
                                 .message = *taken ? "the lease is another incarnation's by now"
                                                   : "the lease was ended; take a new one",
                                 .subject = pod,
                                 .shown = terms.granted,
                                 .current = *taken ? (**taken).granted : epoch::none});
                }
                if (is_new) {
                    auto first = txn.template put<tables::taken_leases>(
                        pod, taken_lease{.granted = terms.granted});
                    if (!first) {
                        return first;
                    }
                }
                return txn.template put<tables::leases>(pod, terms);
            });
            is_held = is_held || done.has_value();
            return done;
        }

        [[nodiscard]] result<void> drop() {
            if (auto here = not_forked(); !here) {
                return here;
            }
            auto ended = end_lease(store, pod, terms.granted);
            is_held = is_held && !ended;
            return ended;
        }

        [[nodiscard]] result<void> not_forked() const {
            if (born.is_current()) {
                return {};
            }
            return fail({.category = errc::forked,
                         .message = "a lease is held by the process that took it, and by no forked "
                                    "copy; take one there",
                         .subject = pod});
        }

        Store store;
        std::string pod;
        lease terms;
        fork_stamp born{};
        bool is_held = false;
    };

    explicit lease_holder(std::unique_ptr<holding> held) noexcept : held_{std::move(held)} {}

    std::unique_ptr<holding> held_;
};

/// Takes a lease: see lease_holder.
template <lease_store Store>
[[nodiscard]] result<lease_holder<Store>>
take_lease(Store store, std::string pod, epoch granted, std::chrono::milliseconds term) {
    return lease_holder<Store>::take(std::move(store), std::move(pod), granted, term);
}

} // namespace podscope
