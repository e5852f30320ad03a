// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/etcd_client.hpp>
#include <podscope/backend/etcd_condition.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/etcd_layout.hpp>
#include <podscope/backend/etcd_lease.hpp>
#include <podscope/backend/etcd_snapshot.hpp>
#include <podscope/backend/etcd_wish.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace podscope::backend_detail {

/// What one transaction sees, all of it at one revision, and what it changes.
///
/// Its body is first run on a guess: what is not known at the revision is taken to be as it was
/// last seen, and noted. Then all that was noted is fetched at once, and the body is run again; so
/// who reads what he has read before takes one request, however many rows that are. Only a run that
/// had to guess nothing counts.
///
/// A bet is a run on what a commit has left, without a request: it counts if its own commit finds
/// that nobody has committed since. Of what that commit has neither read nor changed it takes a row
/// for none, and a scan that asks for all keys with a prefix for one that finds none, provided that
/// none were ever seen there; and the commit finds that there are none.
class etcd_view {
public:
    struct change {
        std::optional<std::string> value{}; ///< nothing to erase the row
        std::uint64_t lease{};              ///< what it hangs on; 0 for nothing
    };

    using changes = std::map<std::string, change, std::less<>>;

    /// @param lease what rows can hang on; null for nothing
    etcd_view(etcd_client& client,
              etcd_memory& memory,
              const etcd_layout& layout,
              etcd_lease* lease,
              etcd_deadline until) noexcept
        : client_{&client},
          memory_{&memory},
          layout_{&layout},
          lease_{lease},
          until_{until} {}

    /// Before each run of the body.
    void begin_run(bool may_guess) {
        may_guess_ = may_guess;
        wanted_.clear();
        changes_.clear();
        condition_.clear();
        failed_.reset();
    }

    /// Instead, before the only run of a body that is a bet on what a commit has left.
    void begin_bet(etcd_snapshot left) {
        is_bet_ = true;
        seen_ = std::move(left);
    }

    /// Whether this run, or the last one, has seen nothing but what is so.
    [[nodiscard]] bool was_sure() const noexcept { return !is_bet_ && wanted_.empty(); }

    /// Why a read of the last run failed.
    [[nodiscard]] const std::optional<error>& failure() const noexcept { return failed_; }

    /// Whether that, or what `fetch_wanted` gave, is because the revision is gone: then everything
    /// is to be read anew.
    [[nodiscard]] static bool is_gone(const error& why) noexcept {
        return why.system == etcd_errc::compacted;
    }

    void forget() noexcept { seen_.clear(); }

    [[nodiscard]] std::uint64_t revision() const noexcept { return seen_.revision(); }

    [[nodiscard]] const changes& changed() const noexcept { return changes_; }

    // Reads and changes, by the keys of a user.

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view users) {
        const auto key = stored(users);
        if (const auto mine = changes_.find(key); mine != changes_.end()) {
            return mine->second.value;
        }
        auto known = is_known(key);
        if (!known) {
            return fail(known);
        }
        if (!*known) {
            return memory_->value_of(key);
        }
        const auto* found = seen_.find(key);
        return found == nullptr ? std::nullopt : std::optional{found->value};
    }

    template <class Visitor>
    [[nodiscard]] result<void> scan(std::string_view users, Visitor& visit) {
        const auto first = stored(users);
        const auto last = end_of_asked(visit);
        scan_state state{.end = last ? stored(*last) : layout_->rows_end};
        for (std::string at = first;;) {
            auto next = next_row(at, state);
            if (!next) {
                return fail(next);
            }
            if (!*next) {
                condition_.add(first, std::move(state.end));
                return {};
            }
            const auto& [key, value] = **next;
            const auto shown = std::string_view{key}.substr(layout_->rows.size());
            if (!asks_for(visit, shown)) {
                condition_.add(first, key);
                return {};
            }
            at = key_after(key);
            if (visit(shown, std::string_view{value}) == podscope::scan::stop) {
                condition_.add(first, std::move(at));
                return {};
            }
        }
    }

    void put(std::string_view users, std::string_view value, std::uint64_t lease = 0) {
        changes_.insert_or_assign(stored(users), change{std::string{value}, lease});
    }

    void erase(std::string_view users) { changes_.insert_or_assign(stored(users), change{}); }

    /// Takes back what was done to a row.
    void revert(std::string_view users) { changes_.erase(stored(users)); }

    // What rows hang on.

    /// The lease of the handle; 0 if it has none. May ask for one. Errors: those of a call.
    [[nodiscard]] result<std::uint64_t> own_lease() {
        return lease_ == nullptr ? result<std::uint64_t>{0} : lease_->id(until_);
    }

    /// What a row hangs on, which counts as a read of it; 0 if that is nothing, or there is no such
    /// row.
    [[nodiscard]] result<std::uint64_t> lease_of(std::string_view users) {
        const auto key = stored(users);
        if (const auto mine = changes_.find(key); mine != changes_.end()) {
            return mine->second.lease;
        }
        auto known = is_known(key);
        if (!known) {
            return fail(known);
        }
        const auto* found = *known ? seen_.find(key) : nullptr;
        return found == nullptr ? 0 : found->lease;
    }

    /// Fetches, at once and at the view's revision, what the last run had to guess.
    [[nodiscard]] result<void> fetch_wanted() { return fetch(std::move(wanted_)); }

    /// What has to hold for a commit to count, as etcd_condition has it.
    ///
    /// @param most if there would be more, the comparisons are that nobody has committed at all,
    ///             and of one row for each lease that what was read hangs on; a lease too many for
    ///             that may end unnoticed
    [[nodiscard]] std::vector<std::string> comparisons(std::size_t most) const {
        auto made = condition_.comparisons(seen_);
        return made.size() > most ? coarse_comparisons(most) : made;
    }

    /// The same for a bet; nothing if there would be more, or it was none to make.
    [[nodiscard]] std::optional<std::vector<std::string>>
    comparisons_of_bet(std::size_t most) const {
        auto made = condition_.comparisons(seen_);
        // If it does not hold, etcd looks at no other.
        made.insert(made.begin(), nobody_has_committed());
        return is_bet_off_ || made.size() > most ? std::nullopt : std::optional{std::move(made)};
    }

    /// What is known once the changes were committed at that revision.
    [[nodiscard]] etcd_snapshot left_by_commit(std::uint64_t revision) const {
        auto left = condition_.found_at(revision, seen_);
        for (const auto& [key, now] : changes_) {
            left.change(key, now.value ? std::optional<etcd_snapshot::row>{{*now.value, revision,
                                                                            now.lease}}
                                       : std::nullopt);
        }
        return left;
    }

private:
    // How far a scan is.
    struct scan_state {
        std::string end{};                     // of what it asks for
        std::optional<std::size_t> guessing{}; // the place of its wish
        bool bets_on_none{false};              // from here on
        std::size_t limit{least_rows};
    };

    using seen_row = etcd_memory::seen_row;

    [[nodiscard]] std::string nobody_has_committed() const {
        return etcd_is_before(layout_->clock, key_after(layout_->clock), revision() + 1);
    }

    [[nodiscard]] std::vector<std::string> coarse_comparisons(std::size_t most) const {
        std::vector<std::string> made{nobody_has_committed()};
        std::set<std::uint64_t> leases{0};
        for (const auto& [key, row] : seen_.all()) {
            if (made.size() < most && leases.insert(row.lease).second) {
                made.push_back(etcd_is_of(key, row.changed));
            }
        }
        return made;
    }

    // Whether it is known what a row is; if it is not, it is to be guessed, and was noted.
    [[nodiscard]] result<bool> is_known(const std::string& key) {
        if (seen_.known_until(key) == nullptr && is_bet_) {
            is_bet_off_ = is_bet_off_ || memory_->may_have_between(key, key_after(key));
        } else if (seen_.known_until(key) == nullptr) {
            etcd_wish missing{key, key_after(key), 0};
            if (may_guess_) {
                wanted_.push_back(std::move(missing));
                return false;
            }
            if (auto got = fetch({std::move(missing)}); !got) {
                return fail(got);
            }
        }
        condition_.add(key);
        return true;
    }

    [[nodiscard]] std::string stored(std::string_view key) const {
        return layout_->rows + std::string{key};
    }

    // The first row from there on, as this transaction has it.
    [[nodiscard]] result<std::optional<seen_row>> next_row(std::string from, scan_state& state) {
        for (;;) {
            auto theirs = next_seen(from, state);
            if (!theirs) {
                return theirs;
            }
            const auto mine = changes_.lower_bound(from);
            if (mine == changes_.end() || mine->first >= state.end ||
                (*theirs && (*theirs)->first < mine->first)) {
                return theirs;
            }
            if (mine->second.value) {
                return std::optional<seen_row>{{mine->first, *mine->second.value}};
            }
            from = key_after(mine->first);
        }
    }

    [[nodiscard]] result<std::optional<seen_row>> next_seen(std::string from, scan_state& state) {
        while (!state.guessing) {
            if (state.bets_on_none) {
                return std::optional<seen_row>{};
            }
            if (const auto* until = seen_.known_until(from)) {
                const auto row = seen_.from(from);
                if (row != seen_.end() && row->first < std::min(*until, state.end)) {
                    return std::optional<seen_row>{{row->first, row->second.value}};
                }
                if (*until >= state.end) {
                    return std::optional<seen_row>{};
                }
                from = *until;
            } else if (is_bet_) {
                is_bet_off_ = is_bet_off_ || end_of_prefix(from) != state.end ||
                              memory_->may_have_between(from, state.end);
                condition_.add_none(from, state.end);
                state.bets_on_none = true;
            } else if (may_guess_) {
                state.guessing = wanted_.size();
                wanted_.push_back({from, state.end, few_more});
            } else {
                if (auto got = fetch({{from, state.end, state.limit}}); !got) {
                    return fail(got);
                }
                state.limit = std::min(4 * state.limit, most_rows);
            }
        }
        auto& wanted = wanted_[*state.guessing];
        ++wanted.limit;
        auto found = memory_->first_from(from);
        return found && found->first < state.end ? std::move(found) : std::nullopt;
    }

    // In order, and one for those that will find the same, by what was last seen: who looks for a
    // next row from several places finds one row, mostly.
    [[nodiscard]] std::vector<etcd_wish> united(std::vector<etcd_wish> all) const {
        std::ranges::sort(all, {}, [](const etcd_wish& one) { return std::tie(one.from, one.to); });
        std::vector<etcd_wish> made;
        for (auto& one : all) {
            if (made.empty() || made.back().to != one.to ||
                memory_->has_between(made.back().from, one.from)) {
                made.push_back(std::move(one));
            } else {
                made.back().limit = std::max(made.back().limit, one.limit);
            }
        }
        return made;
    }

    [[nodiscard]] result<void> fetch(std::vector<etcd_wish> wanted) {
        const auto wishes = united(std::move(wanted));
        const std::size_t at_once = client_->options().most_operations;
        for (std::size_t done = 0; done < wishes.size(); done += at_once) {
            const auto last = std::min(wishes.size(), done + at_once);
            const auto first = wishes.begin() + static_cast<std::ptrdiff_t>(done);
            auto got = fetch_some({first, wishes.begin() + static_cast<std::ptrdiff_t>(last)});
            if (!got) {
                failed_ = got.error();
                return got;
            }
        }
        return {};
    }

    [[nodiscard]] result<void> fetch_some(const std::vector<etcd_wish>& wishes) {
        std::vector<std::string> ranges;
        for (const auto& one : wishes) {
            ranges.push_back(etcd_range(one.from, one.to, one.limit, seen_.revision()));
        }
        auto said = client_->ask("/v3/kv/txn", etcd_txn({}, ranges), until_);
        if (!said) {
            return fail(said);
        }
        const auto answer = read_etcd_answer(*said);
        if (!answer || answer->revision == 0 ||
            !std::ranges::equal(answer->answers, wishes, is_answer)) {
            return fail(etcd_error(etcd_errc::no_etcd, client_->options().endpoints.front(),
                                   "its answer to a read makes no sense"));
        }
        if (seen_.revision() == 0) {
            seen_.set_revision(answer->revision);
        }
        for (std::size_t i = 0; i != wishes.size(); ++i) {
            const auto& rows = answer->answers[i].rows;
            const bool is_cut = answer->answers[i].has_more;
            const auto to = is_cut ? key_after(rows.back().key) : wishes[i].to;
            seen_.learn(wishes[i].from, to, rows);
            memory_->see(wishes[i].from, to, rows);
        }
        return {};
    }

    static constexpr std::size_t few_more = 3; // than were there when it was last seen
    static constexpr std::size_t least_rows = 16;
    static constexpr std::size_t most_rows = 4'096;

    etcd_client* client_;
    etcd_memory* memory_;
    const etcd_layout* layout_;
    etcd_lease* lease_;
    etcd_deadline until_;
    etcd_snapshot seen_{};
    bool may_guess_{false};
    bool is_bet_{false};
    bool is_bet_off_{false};
    std::vector<etcd_wish> wanted_{};
    changes changes_{};
    etcd_condition condition_{};
    std::optional<error> failed_{};
};

} // namespace podscope::backend_detail
