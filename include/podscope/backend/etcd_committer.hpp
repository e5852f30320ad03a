// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_client.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/etcd_layout.hpp>
#include <podscope/backend/etcd_view.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace podscope::backend_detail {

/// What became of a commit.
enum class etcd_outcome : std::uint8_t {
    committed,
    overtaken,   ///< a comparison did not hold; nothing has changed
    lease_ended, ///< a lease that a row was to hang on, or a mark, has ended; nothing has changed
};

/// That, and the revision at which the commit took place, if it did.
struct etcd_ending {
    etcd_outcome what{};
    std::uint64_t revision{};
};

/// Commits changes, each at most once, and finds out whether one took place whose answer was lost.
///
/// Each commit leaves its number in a row of its own client's, its mark, on condition that nobody
/// has changed the mark since the client's last commit there. If the answer is lost, the client
/// changes the mark on condition that it does not have that number: then either the number was
/// there, and the commit took place, or it never will, since its condition cannot hold any more.
///
/// A client has as many marks as it had commits under way at once. They hang on a lease that it
/// renews when it commits, so that they go away some time after it. Should the cluster end the
/// lease too early, a commit whose answer is lost at that very moment stays in doubt.
class etcd_committer {
public:
    etcd_committer(etcd_client& client, const etcd_layout& layout)
        : client_{&client},
          layout_{&layout},
          name_{random_name()} {}

    /// Commits if the comparisons hold.
    ///
    /// Errors: those of a call; `unavailable` with `in_doubt`, after which the changes may yet take
    /// place. With any other, and after an exception, nothing has changed.
    [[nodiscard]] result<etcd_ending> commit(std::vector<std::string> comparisons,
                                             const etcd_view::changes& changes,
                                             etcd_deadline until) {
        auto used = take_mark(until);
        if (!used) {
            return fail(used);
        }
        auto operations = operations_of(changes);
        const auto number = std::to_string(++used->number);
        operations.push_back(etcd_put(used->key, number, used->lease));
        operations.push_back(etcd_put(layout_->clock, name_ + '.' + number));
        comparisons.push_back(etcd_is_of(used->key, used->changed));
        auto whole = packed(std::move(operations));
        if (!whole) {
            keep(*std::move(used));
            return fail(whole);
        }
        const auto txn = etcd_txn(comparisons, *whole, {etcd_range(used->key)});
        // While there is memory for it.
        auto doubt = in_doubt("memory ran out", "what it takes to ask for it");
        bool was_sent = false;
        try {
            return send(*used, number, txn, until, was_sent);
        } catch (...) {
            if (!was_sent) {
                throw;
            }
        }
        auto settled = guarded([&] { return settle(*used, number, until, "memory ran out"); });
        return settled || settled.error().system == etcd_errc::in_doubt ? std::move(settled)
                                                                        : fail(std::move(doubt));
    }

    /// How many comparisons a commit of so many changes can have.
    [[nodiscard]] std::size_t most_comparisons(std::size_t changes) const noexcept {
        return most() / std::max<std::size_t>(depth_for(changes + 2), 1) - 1;
    }

private:
    struct mark {
        std::string key{};
        std::uint64_t changed{}; // the revision of its last change
        std::uint64_t number{};
        std::uint64_t lease{};
    };

    struct lease {
        std::uint64_t id{};
        std::chrono::steady_clock::time_point good_until{}; // for less than it lasts
    };

    static constexpr std::uint64_t lease_time = 600; // in seconds

    [[nodiscard]] static std::string random_name() {
        constexpr std::string_view hex = "0123456789abcdef";
        std::random_device random;
        std::string name(32, '0');
        for (auto& digit : name) {
            digit = hex[random() % hex.size()];
        }
        return name;
    }

    [[nodiscard]] static etcd_deadline midway(etcd_deadline until) {
        const auto now = std::chrono::steady_clock::now();
        return now + (until - now) / 2;
    }

    // Transactions.

    [[nodiscard]] std::size_t most() const noexcept { return client_->options().most_operations; }

    [[nodiscard]] static std::vector<std::string> operations_of(const etcd_view::changes& changes) {
        std::vector<std::string> made;
        made.reserve(changes.size() + 2);
        for (const auto& [key, now] : changes) {
            made.push_back(now.value ? etcd_put(key, *now.value, now.lease) : etcd_erase(key));
        }
        return made;
    }

    // etcd counts the operations of each transaction and those of the ones that it is within, not
    // those side by side: so many are put into transactions within the one, and within those.
    [[nodiscard]] result<std::vector<std::string>> packed(std::vector<std::string> all) const {
        const std::size_t depth = depth_for(all.size());
        if (depth == 0) {
            return fail({.category = errc::unavailable,
                         .message = "a transaction of " + std::to_string(all.size()) +
                                    " changes is more than etcd takes with --max-txn-ops=" +
                                    std::to_string(most()) + "; make it smaller",
                         .system = std::make_error_code(std::errc::file_too_large)});
        }
        const std::size_t each = most() / depth;
        while (all.size() > each) {
            std::vector<std::string> outer;
            for (std::size_t first = 0; first < all.size(); first += each) {
                const auto last = std::min(all.size(), first + each);
                outer.push_back(
                    etcd_nested(etcd_txn({}, {all.begin() + static_cast<std::ptrdiff_t>(first),
                                              all.begin() + static_cast<std::ptrdiff_t>(last)})));
            }
            all = std::move(outer);
        }
        return all;
    }

    // How many transactions one within the other it takes for so many operations; 0 if more than
    // are of any use.
    [[nodiscard]] std::size_t depth_for(std::size_t operations) const noexcept {
        for (std::size_t depth = 1; depth <= 4; ++depth) {
            std::size_t room = 1;
            for (std::size_t level = 0; level < depth; ++level) {
                room *= most() / depth;
            }
            if (operations <= room) {
                return depth;
            }
        }
        return 0;
    }

    [[nodiscard]] result<etcd_ending> send(mark& used,
                                           const std::string& number,
                                           const std::string& txn,
                                           etcd_deadline until,
                                           bool& was_sent) {
        // The rest of the time is left to find out what became of it.
        auto said = client_->tell("/v3/kv/txn", txn, midway(until), was_sent);
        if (!said && !was_sent) {
            if (!has_lease_ended(said.error())) {
                keep(std::move(used));
                return fail(said);
            }
            // Whichever it is: a mark is soon made.
            forget_lease(used.lease);
            return etcd_ending{etcd_outcome::lease_ended};
        }
        const auto answer = said ? read_etcd_answer(*said) : std::nullopt;
        if (!answer || !makes_sense(*answer)) {
            return settle(used, number, until,
                          said ? "its answer makes no sense" : said.error().message);
        }
        if (answer->has_succeeded) {
            return committed(used, answer->revision);
        }
        const auto* const shown = only_row_of(answer->answers.front());
        // Something on the way has delivered it twice, and this is the answer to the second one.
        if (shown != nullptr && shown->value == number) {
            return committed(used, shown->changed);
        }
        if (shown != nullptr && shown->changed == used.changed) {
            keep(std::move(used));
        } else {
            forget_lease(used.lease);
        }
        return etcd_ending{etcd_outcome::overtaken};
    }

    [[nodiscard]] etcd_ending committed(mark& used, std::uint64_t revision) noexcept {
        used.changed = revision;
        keep(std::move(used));
        return {etcd_outcome::committed, revision};
    }

    // One that was refused shows the mark.
    [[nodiscard]] static bool makes_sense(const etcd_answer& answer) noexcept {
        return answer.revision != 0 && (answer.has_succeeded || (answer.answers.size() == 1 &&
                                                                 answer.answers.front().is_range));
    }

    [[nodiscard]] static const etcd_row* only_row_of(const etcd_answer& range) noexcept {
        return range.rows.size() == 1 ? &range.rows.front() : nullptr;
    }

    // Answers that were lost.

    [[nodiscard]] result<etcd_ending>
    settle(mark& of, const std::string& number, etcd_deadline until, std::string_view why) {
        const std::string never = "not " + number;
        const auto look = etcd_range(of.key);
        const auto end =
            etcd_txn({etcd_is_of(of.key, of.changed)}, {etcd_put(of.key, never, of.lease)}, {look});
        const auto txn = etcd_txn({etcd_is_value(of.key, number)}, {look}, {etcd_nested(end)});
        auto said = client_->ask("/v3/kv/txn", txn, until);
        const auto answer = said ? read_etcd_answer(*said) : std::nullopt;
        if (answer && answer->answers.size() == 1) {
            const auto& one = answer->answers.front();
            if (const auto* row = only_row_of(one); answer->has_succeeded && row != nullptr) {
                return committed(of, row->changed);
            }
            if (!answer->has_succeeded && one.has_succeeded) {
                of.changed = answer->revision;
                keep(std::move(of));
                return etcd_ending{etcd_outcome::overtaken};
            }
            // The answer to an earlier attempt of this very call may have been lost, too.
            const auto* row = one.answers.empty() ? nullptr : only_row_of(one.answers.front());
            if (row != nullptr && row->value == never) {
                of.changed = row->changed;
                keep(std::move(of));
                return etcd_ending{etcd_outcome::overtaken};
            }
        }
        return fail(in_doubt(why, said ? std::string{"what it left behind"}
                                       : "the answer to that (" + said.error().message + ")"));
    }

    [[nodiscard]] static error in_doubt(std::string_view why, std::string_view besides) {
        return {.category = errc::unavailable,
                .message = "it is not known whether a commit took place, and it may yet: its "
                           "answer was lost (" +
                           std::string{why} + "), and so was " + std::string{besides} +
                           "; look at the state before you try again",
                .system = make_error_code(etcd_errc::in_doubt)};
    }

    // Marks.

    [[nodiscard]] result<mark> take_mark(etcd_deadline until) {
        for (bool is_again = false;; is_again = true) {
            auto on = renewed_lease(until);
            if (!on) {
                return fail(on);
            }
            mark made{.key = layout_->commits + name_ + '.', .lease = *on};
            {
                const std::lock_guard held{mutex_};
                if (!idle_.empty()) {
                    mark last = std::move(idle_.back());
                    idle_.pop_back();
                    return last;
                }
                made.key += std::to_string(++marks_);
            }
            auto said = client_->ask("/v3/kv/txn",
                                     etcd_txn({}, {etcd_put(made.key, "none", made.lease)}), until);
            if (said) {
                made.changed = (*said)["header"]["revision"].number().value_or(0);
                return made;
            }
            if (is_again || !has_lease_ended(said.error())) {
                return fail(said);
            }
            forget_lease(made.lease);
        }
    }

    // One for which there is no memory is left to its lease: the commit that it was for stands.
    void keep(mark used) noexcept {
        (void)guarded([&]() -> result<void> {
            const std::lock_guard held{mutex_};
            if (lease_ && lease_->id == used.lease) {
                idle_.push_back(std::move(used));
            }
            return {};
        });
    }

    // The lease.

    [[nodiscard]] static bool has_lease_ended(const error& why) noexcept {
        return why.system == etcd_errc::refused &&
               why.message.find("lease not found") != std::string::npos;
    }

    void forget_lease(std::uint64_t id) {
        const std::lock_guard held{mutex_};
        if (lease_ && lease_->id == id) {
            lease_.reset();
            idle_.clear();
        }
    }

    [[nodiscard]] result<std::uint64_t> renewed_lease(etcd_deadline until) {
        const std::lock_guard alone{lease_mutex_};
        const auto known = current_lease();
        const auto now = std::chrono::steady_clock::now();
        if (known && now < known->good_until) {
            return known->id;
        }
        if (known) {
            auto said = client_->ask("/v3/lease/keepalive",
                                     etcd_object{}.number("ID", known->id).done(), until);
            if (!said) {
                return fail(said);
            }
            if (const auto lasts = (*said)["result"]["TTL"].number().value_or(0); lasts != 0) {
                hold(known->id, now, lasts);
                return known->id;
            }
            forget_lease(known->id);
        }
        auto said =
            client_->ask("/v3/lease/grant", etcd_object{}.number("TTL", lease_time).done(), until);
        if (!said) {
            return fail(said);
        }
        const auto id = (*said)["ID"].number().value_or(0);
        const auto lasts = (*said)["TTL"].number().value_or(0);
        if (id == 0 || lasts == 0) {
            return fail(etcd_error(etcd_errc::no_etcd, client_->options().endpoints.front(),
                                   "its answer to a request for a lease makes no sense"));
        }
        hold(id, now, lasts);
        return id;
    }

    [[nodiscard]] std::optional<lease> current_lease() {
        const std::lock_guard held{mutex_};
        return lease_;
    }

    void hold(std::uint64_t id, std::chrono::steady_clock::time_point begun, std::uint64_t lasts) {
        const std::chrono::seconds sure{std::min(lasts, lease_time)};
        const std::lock_guard held{mutex_};
        lease_ = lease{id, begun + sure / 3};
    }

    etcd_client* client_;
    const etcd_layout* layout_;
    std::string name_;
    std::mutex lease_mutex_{}; // held over requests, the other never
    std::mutex mutex_{};
    std::optional<lease> lease_{};
    std::vector<mark> idle_{};
    std::uint64_t marks_{0};
};

} // namespace podscope::backend_detail
