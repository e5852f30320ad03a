// SPDX-License-Identifier: BSL-1.0
// Whether what was acknowledged in a soak is still there: judged by the log that the soak kept
// itself, the epochs in it, which are never given twice, and the stored state as it was left.
#pragma once

#include "regimes/deeds.hpp"
#include "support/stored_state.hpp"

#include <podscope/registry/records.hpp>
#include <podscope/store/keys.hpp>
#include <podscope/store/records.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace regimes {

class soak_accounts {
public:
    /// @param has_outages whether the store may be out of reach, and say so
    soak_accounts(const deeds& log, const podscope_test::stored_state& state, bool has_outages)
        : log_{&log},
          state_{&state},
          has_outages_{has_outages} {
        for (const auto& [key, end] : state.of<podscope::tables::history>()) {
            ended_[{end.child, number(end.granted)}] += 1;
            heirs_.insert({key.substr(0, key.find('\0')), {end.child, number(end.granted)}});
        }
        for (const auto& one : log.all) {
            if (one.what == "restore" && (one.is_pending() || one.is_done())) {
                restores_[one.by.pod].push_back(&one);
            } else if (one.what == "release" && (one.is_pending() || one.is_done())) {
                releases_[one.by].push_back(&one);
            } else if (one.what == "endpoint" && (one.is_pending() || one.is_done())) {
                endpoints_[one.by].push_back(&one);
            }
        }
    }

    /// Runs all checks. What is wrong, each as a sentence.
    [[nodiscard]] const std::vector<std::string>& settle() {
        outcomes();
        grants();
        ends();
        fences();
        last_words();
        rows();
        return wrong_;
    }

    [[nodiscard]] std::size_t grants_accounted() const { return grants_; }

    [[nodiscard]] std::size_t ends_accounted() const { return ends_; }

    [[nodiscard]] std::size_t fences_tried() const { return fences_; }

    [[nodiscard]] std::size_t refused_by_fences() const { return refused_; }

    /// Whether a store has said that it is out of reach, and so has changed nothing.
    [[nodiscard]] static bool is_out_of_reach(const deed& one) {
        return one.outcome == "unavailable" || one.outcome == "timeout";
    }

private:
    static std::uint64_t number(podscope::epoch granted) {
        return static_cast<std::uint64_t>(granted);
    }

    [[nodiscard]] static std::string told(const grant_id& one) {
        return one.pod + '/' + std::to_string(one.granted);
    }

    void wrong(std::string how) {
        if (wrong_.size() < 50) {
            wrong_.push_back(std::move(how));
        }
    }

    [[nodiscard]] static std::vector<grant_id> granted_by(const deed& one) {
        if (!one.is_done() || one.granted == 0) {
            return {};
        }
        return {{one.what == "delegate" ? one.other : one.by.pod, one.granted}};
    }

    // No operation answered what has no place in such a run.
    void outcomes() {
        static const std::set<std::string_view> expected{"ok",
                                                         "conflict",
                                                         "not_within_authority",
                                                         "revoked",
                                                         "unknown_pod",
                                                         "duplicate_name",
                                                         "already_live",
                                                         "stale_epoch",
                                                         "segment_held",
                                                         "segment_pending",
                                                         "denied"};
        for (const auto& one : log_->all) {
            if (!one.is_pending() && !expected.contains(one.outcome) &&
                !(has_outages_ && is_out_of_reach(one))) {
                wrong(one.what + " of " + told(one.by) + " answered " + one.words);
            }
        }
    }

    [[nodiscard]] const podscope::allocation* live(const grant_id& one) const {
        const auto& rows = state_->of<podscope::tables::allocations>();
        const auto row = rows.find(one.pod);
        return row != rows.end() && number(row->second.granted) == one.granted ? &row->second
                                                                               : nullptr;
    }

    [[nodiscard]] bool is_on_record(const grant_id& one) const {
        const auto& records = state_->of<podscope::tables::pods>();
        const auto record = records.find(one.pod);
        return record != records.end() && number(record->second.granted) == one.granted;
    }

    // A grant that was acknowledged is live, or on record to be restored from, or its end is in a
    // history, or it was released, or a restore has put another in its place.
    [[nodiscard]] bool is_accounted_for(const grant_id& one, std::uint64_t begun) const {
        if (live(one) != nullptr || is_on_record(one) || ended_.contains(one) ||
            releases_.contains(one)) {
            return true;
        }
        const auto found = restores_.find(one.pod);
        return found != restores_.end() &&
               std::ranges::any_of(found->second, [&](const deed* each) {
                   return each->is_done() ? each->granted > one.granted : each->over > begun;
               });
    }

    void grants() {
        std::map<std::uint64_t, const deed*> by_epoch;
        for (const auto& one : log_->all) {
            for (const auto& got : granted_by(one)) {
                if (one.what == "adopt") {
                    continue;
                }
                ++grants_;
                if (!by_epoch.emplace(got.granted, &one).second) {
                    wrong("the epoch of " + told(got) + " was given twice");
                }
                if (!is_accounted_for(got, one.begun)) {
                    wrong(told(got) + ", granted by " + one.what + ", is lost");
                }
            }
            if (one.what == "adopt" && one.is_done()) {
                const auto* const row = live(one.by);
                if (row != nullptr && (!row->adopted || row->segment.empty())) {
                    wrong("the adoption of " + told(one.by) + " is lost");
                }
                if (one.granted != one.by.granted) {
                    wrong(told(one.by) + " was adopted under another epoch");
                }
            }
        }
        // What was granted after another grant was acknowledged has the higher epoch.
        auto first_answer = never;
        for (auto one = by_epoch.rbegin(); one != by_epoch.rend(); ++one) {
            if (one->second->begun < never && first_answer < one->second->begun) {
                wrong("epoch " + std::to_string(one->first) + " is not as late as its grant");
            }
            first_answer = std::min(first_answer, one->second->answered);
        }
        const auto& counters = state_->of<podscope::tables::counters>();
        const auto last = counters.find(std::string{podscope::store_keys::epochs});
        if (!by_epoch.empty() &&
            (last == counters.end() || last->second.last < by_epoch.rbegin()->first)) {
            wrong("the last epoch that was given is lost");
        }
    }

    // An end that was reported is in the history, once, of whoever got the scope back.
    void ends() {
        for (const auto& one : log_->all) {
            if (!one.is_done()) {
                continue;
            }
            for (const auto& end : one.ended) {
                ++ends_;
                const auto found = ended_.find(end);
                if (found == ended_.end() || found->second != 1) {
                    wrong("the end of " + told(end) + ", reported by " + one.what + " of " +
                          told(one.by) + ", is not in the history once");
                }
                const bool knows_heir =
                    one.what == "reclaim" || one.what == "reconcile" || one.what == "restore";
                if (knows_heir && !heirs_.contains({one.by.pod, end})) {
                    wrong("the end of " + told(end) + " is in the history of another than " +
                          one.by.pod);
                }
                if (live(end) != nullptr) {
                    wrong(told(end) + " is live after its end was reported by " + one.what);
                }
            }
            if (one.what == "release" && (live(one.by) != nullptr || is_on_record(one.by))) {
                wrong(told(one.by) + " is there after its release");
            }
        }
    }

    // I7: who acts under a grant after its end was acknowledged is refused.
    void fences() {
        std::map<grant_id, std::uint64_t> over;
        const auto end_at = [&](const grant_id& one, std::uint64_t when) {
            const auto [found, is_new] = over.emplace(one, when);
            found->second = is_new ? when : std::min(found->second, when);
        };
        std::map<std::string, std::map<std::uint64_t, std::uint64_t>> taken_over;
        for (const auto& one : log_->all) {
            if (!one.is_done()) {
                continue;
            }
            for (const auto& end : one.ended) {
                end_at(end, one.answered);
            }
            if (one.what == "release") {
                end_at(one.by, one.answered);
            } else if (one.what != "adopt") {
                for (const auto& got : granted_by(one)) {
                    taken_over[got.pod].emplace(got.granted, one.answered);
                }
            }
        }
        static const std::set<std::string_view> by_holders{
            "check", "delegate", "reclaim", "reconcile", "release", "endpoint", "append", "adopt"};
        for (const auto& one : log_->all) {
            if (one.is_pending() || !by_holders.contains(one.what)) {
                continue;
            }
            auto since = never;
            if (const auto end = over.find(one.by); end != over.end()) {
                since = end->second;
            }
            // The name lives under a later grant, so no longer under this one.
            if (const auto pod = taken_over.find(one.by.pod); pod != taken_over.end()) {
                const auto next = pod->second.upper_bound(one.by.granted);
                if (next != pod->second.end()) {
                    since = std::min(since, next->second);
                }
            }
            if (since >= one.begun) {
                continue;
            }
            ++fences_;
            if (one.is_done() || one.outcome == "denied") {
                wrong(one.what + " under " + told(one.by) + " was let through after its end (I7)");
            } else {
                ++refused_;
            }
        }
    }

    // What a live pod said last of where it answers is there.
    void last_words() {
        for (const auto& [id, said] : endpoints_) {
            const auto* const row = live(id);
            if (row == nullptr) {
                continue;
            }
            const deed* last = nullptr;
            bool is_doubtful = false;
            for (const auto* one : said) {
                if (one->is_pending()) {
                    is_doubtful = is_doubtful || one->other == row->endpoint;
                } else if (last == nullptr || one->begun > last->begun) {
                    last = one;
                }
            }
            if (last != nullptr && row->endpoint != last->other && !is_doubtful) {
                wrong("the endpoint that " + told(id) + " has set last is lost");
            }
        }
    }

    // Nothing is there that nobody has asked for.
    void rows() {
        std::set<grant_id> known;
        std::map<std::string, std::size_t> pending;
        for (const auto& one : log_->all) {
            for (auto& got : granted_by(one)) {
                known.insert(std::move(got));
            }
            if (one.is_pending() &&
                (one.what == "create" || one.what == "delegate" || one.what == "restore")) {
                ++pending[one.what == "delegate" ? one.other : one.by.pod];
            }
        }
        std::map<std::string, std::set<std::uint64_t>> unknown;
        const auto look = [&](const std::string& pod, podscope::epoch granted) {
            if (!known.contains({pod, number(granted)})) {
                unknown[pod].insert(number(granted));
            }
        };
        for (const auto& [pod, row] : state_->of<podscope::tables::allocations>()) {
            look(pod, row.granted);
        }
        for (const auto& [pod, record] : state_->of<podscope::tables::pods>()) {
            look(pod, record.granted);
        }
        for (const auto& [key, end] : state_->of<podscope::tables::history>()) {
            look(end.child, end.granted);
        }
        for (const auto& [pod, epochs] : unknown) {
            if (epochs.size() > pending[pod]) {
                wrong(pod + " has had " + std::to_string(epochs.size()) +
                      " grants that nobody logged, and only " + std::to_string(pending[pod]) +
                      " calls were cut short");
            }
        }
    }

    const deeds* log_;
    const podscope_test::stored_state* state_;
    bool has_outages_;
    std::map<grant_id, int> ended_{};
    std::set<std::pair<std::string, grant_id>> heirs_{};
    std::map<std::string, std::vector<const deed*>> restores_{};
    std::map<grant_id, std::vector<const deed*>> releases_{};
    std::map<grant_id, std::vector<const deed*>> endpoints_{};
    std::size_t grants_{};
    std::size_t ends_{};
    std::size_t fences_{};
    std::size_t refused_{};
    std::vector<std::string> wrong_{};
};

} // namespace regimes
