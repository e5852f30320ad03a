// SPDX-License-Identifier: BSL-1.0
// What the library as a whole has to do, told as naively as it can be told: sets of places, lists
// of delegations, copies instead of undoing, no index. Shares no code with the library but the
// names of its enumerations; see reference_scope.hpp for what a rule means.
#pragma once

#include "support/reference_scope.hpp"

#include <podscope/error.hpp>
#include <podscope/notification.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace podscope_test {

/// What a pod is made from. Targets are places, so that the model needs no namespace.
struct model_manifest {
    std::vector<reference_rule> allow{};
    std::vector<reference_rule> deny{};
    std::vector<reference_rule> authority{};
    std::optional<podscope::when_unreachable> unreachable{};

    friend bool operator==(const model_manifest&, const model_manifest&) = default;
};

/// What stays when everybody is dead.
struct model_record {
    model_manifest manifest{};
    std::string parent{};
    std::uint64_t granted{};
    std::string segment{};

    friend bool operator==(const model_record&, const model_record&) = default;
};

/// A pod that is live, or reserved for a child that has yet to adopt it.
struct model_row {
    std::int64_t process{}; ///< 0 is nobody
    std::uint64_t granted{};
    bool adopted{};
    std::string parent{};
    std::string segment{};
    std::vector<reference_rule> allow{};
    std::uint64_t returned{}; ///< when scope came back to it last; 0 is never

    [[nodiscard]] std::uint64_t fence() const { return std::max(granted, returned); }

    friend bool operator==(const model_row&, const model_row&) = default;
};

struct model_delegation {
    std::string from{};
    std::string to{};
    std::uint64_t granted{};
    std::vector<reference_rule> rules{};
    std::optional<podscope::when_unreachable> unreachable{};

    friend bool operator==(const model_delegation&, const model_delegation&) = default;
};

/// A delegation that ended, and to whom its scope went back.
struct model_end {
    std::string heir{};
    std::string from{};
    std::string to{};
    std::uint64_t granted{};
    podscope::end_reason reason{};

    friend auto operator<=>(const model_end&, const model_end&) = default;
};

/// A notification that waits for a sink.
struct model_telling {
    std::string to{};
    podscope::event what{};
    std::string child{};
    std::uint64_t granted{};

    friend auto operator<=>(const model_telling&, const model_telling&) = default;
};

/// All that the library stores, in the model's own terms.
struct model_state {
    std::map<std::string, model_record> records{};
    std::map<std::string, model_row> live{};
    std::vector<model_delegation> delegations{}; ///< outstanding
    std::set<model_end> history{};
    std::set<model_telling> outbox{};

    void sort() {
        std::ranges::sort(delegations, [](const auto& a, const auto& b) {
            return std::tie(a.from, a.to) < std::tie(b.from, b.to);
        });
    }

    friend bool operator==(const model_state&, const model_state&) = default;
};

/// A pod that stands in the way, and its rule there.
struct model_competitor {
    std::string pod{};
    reference_rule rule{};

    friend bool operator==(const model_competitor&, const model_competitor&) = default;
};

/// What the library has to answer: success if there is no reason against it, else an error of one
/// of the categories.
struct model_answer {
    std::set<podscope::errc> refusals{};
    std::vector<model_competitor> competitors{}; ///< all of them, if it is refused for conflict
    std::string also_in_the_way{};               ///< not named, but looked at too

    [[nodiscard]] bool is_success() const { return refusals.empty(); }
};

/// What becomes of who does not answer, unless something else was said for its delegation.
enum class model_policy {
    fence,
    only_the_dead,
    terminate, ///< it is shown who is about to lose a delegation, and all of them die
};

/// The whole library, for one caller at a time.
class reference_model {
public:
    explicit reference_model(const reference_universe& all) : places_{&all} {}

    [[nodiscard]] const model_state& state() const { return now_; }

    [[nodiscard]] std::uint64_t last_epoch() const { return epochs_; }

    // The world.

    void kill(std::int64_t process) { processes_[process] = podscope::verdict::missing; }

    void hang(std::int64_t process) { processes_[process] = podscope::verdict::unreachable; }

    void hide(std::int64_t process) { processes_[process] = podscope::verdict::unknown; }

    void wake(std::int64_t process) { processes_[process] = podscope::verdict::reachable; }

    [[nodiscard]] podscope::verdict state_of(std::int64_t process) const {
        const auto found = processes_.find(process);
        return process == 0                ? podscope::verdict::missing
               : found == processes_.end() ? podscope::verdict::reachable
                                           : found->second;
    }

    /// Takes a pod out of the registry, as a lease that ran out would.
    void vanish(const std::string& pod) { now_.live.erase(pod); }

    void let_sink_fail(bool fails) { sink_fails_ = fails; }

    void let_policy_be(model_policy policy) { policy_ = policy; }

    /// Whom the policy was shown so far: the pods, and the epochs of their allocations.
    [[nodiscard]] const std::set<std::pair<std::string, std::uint64_t>>& shown() const {
        return shown_;
    }

    // Questions.

    [[nodiscard]] bool holds(const std::string& pod, std::uint64_t granted) const {
        return is_live(pod, granted);
    }

    /// For each place whether the pod is the one that may write there.
    [[nodiscard]] std::vector<bool> effective_write(const std::string& pod) const {
        std::vector<bool> may = covered(write_rules(now_.live.at(pod).allow));
        take(may, covered(denies_of(pod)));
        for (const auto& made : made_by(pod)) {
            take(may, covered(write_rules(made.rules)));
        }
        return may;
    }

    // Operations. Each answers as the library must, and is done if the answer is success.

    model_answer create(const std::string& pod, const model_manifest& made_from, std::int64_t by) {
        return clearing_the_dead([&] {
            model_answer answer;
            if (!is_free(pod)) {
                answer.refusals.insert(podscope::errc::duplicate_name);
                return answer;
            }
            const auto granted = ++epochs_;
            now_.records[pod] = {.manifest = made_from, .granted = granted};
            now_.live[pod] = {
                .process = by, .granted = granted, .adopted = true, .allow = made_from.allow};
            refuse_conflict(pod, answer);
            return answer;
        });
    }

    model_answer delegate(const std::string& from,
                          std::uint64_t shown,
                          const std::string& to,
                          const model_manifest& made_from,
                          std::int64_t by) {
        bool cleared = false;
        auto answered = clearing_the_dead(
            [&] {
                model_answer answer;
                if (!is_live(from, shown)) {
                    answer.refusals.insert(podscope::errc::revoked);
                    return answer;
                }
                if (!has_authority(from, made_from)) {
                    answer.refusals.insert(podscope::errc::not_within_authority);
                }
                if (find_delegation(from, to) || !is_free(to)) {
                    answer.refusals.insert(podscope::errc::duplicate_name);
                }
                if (!answer.is_success()) {
                    return answer;
                }
                const auto granted = ++epochs_;
                now_.records[to] = {.manifest = made_from, .parent = from, .granted = granted};
                now_.live[to] = {
                    .process = by, .granted = granted, .parent = from, .allow = made_from.allow};
                now_.delegations.push_back({.from = from,
                                            .to = to,
                                            .granted = granted,
                                            .rules = made_from.allow,
                                            .unreachable = made_from.unreachable});
                refuse_conflict(to, answer);
                // It may stand in its own way, if the line that it descends by has a gap.
                answer.also_in_the_way = from;
                return answer;
            },
            &cleared);
        if (cleared && is_live(from, shown)) {
            deliver_to(from);
        }
        return answered;
    }

    model_answer adopt(const std::string& pod, std::uint64_t shown, std::int64_t by) {
        model_answer answer;
        if (!is_live(pod, shown)) {
            answer.refusals.insert(now_.records.contains(pod) ? podscope::errc::stale_epoch
                                                              : podscope::errc::unknown_pod);
        } else if (now_.live[pod].adopted) {
            answer.refusals.insert(podscope::errc::already_live);
        } else {
            now_.live[pod].process = by;
            now_.live[pod].adopted = true;
            // Whoever takes a pod over sees to what hangs below it, however it got there.
            settle(pod, pod, nobody_was_probed());
        }
        return answer;
    }

    model_answer release(const std::string& pod, std::uint64_t shown) {
        model_answer answer;
        if (!is_live(pod, shown)) {
            answer.refusals.insert(podscope::errc::revoked);
            return answer;
        }
        if (const auto parent = now_.live[pod].parent; !parent.empty()) {
            if (const auto made = find_delegation(parent, pod)) {
                end(parent, *made, podscope::end_reason::released);
                settle(parent, pod, nobody_was_probed());
            }
        } else {
            now_.live.erase(pod);
            dissolve(pod, pod);
        }
        now_.records.erase(pod);
        deliver_to(pod);
        return answer;
    }

    model_answer reclaim(const std::string& pod, std::uint64_t shown, const std::string& child) {
        model_answer answer;
        if (!is_live(pod, shown)) {
            answer.refusals.insert(podscope::errc::revoked);
            return answer;
        }
        if (const auto made = find_delegation(pod, child)) {
            end(pod, *made, podscope::end_reason::revoked);
            settle(pod, child, nobody_was_probed());
        }
        deliver_to(pod);
        return answer;
    }

    model_answer reconcile(const std::string& pod, std::uint64_t shown) {
        model_answer answer;
        if (!is_live(pod, shown)) {
            answer.refusals.insert(podscope::errc::revoked);
            return answer;
        }
        settle(pod, pod, by_a_probe());
        deliver_to(pod);
        return answer;
    }

    /// By what is known already of some.
    model_answer reconcile(const std::string& pod,
                           std::uint64_t shown,
                           const std::map<std::string, podscope::verdict>& known) {
        model_answer answer;
        if (!is_live(pod, shown)) {
            answer.refusals.insert(podscope::errc::revoked);
            return answer;
        }
        settle(pod, pod, {.said = [&](const auto& child) {
                   const auto one = known.find(child);
                   return one == known.end() ? std::nullopt : std::optional{one->second};
               }});
        deliver_to(pod);
        return answer;
    }

    model_answer deliver(const std::string& pod, std::uint64_t shown) {
        model_answer answer;
        if (!is_live(pod, shown)) {
            answer.refusals.insert(podscope::errc::revoked);
            return answer;
        }
        deliver_to(pod);
        return answer;
    }

    /// From the record; with another manifest if one is given.
    model_answer restore(const std::string& pod,
                         std::int64_t by,
                         const std::optional<model_manifest>& instead = std::nullopt) {
        auto answer = clearing_the_dead([&] {
            model_answer refused;
            const auto record = now_.records.find(pod);
            if (record == now_.records.end()) {
                refused.refusals.insert(podscope::errc::unknown_pod);
                return refused;
            }
            if (record->second.segment.empty()) {
                refused.refusals.insert(podscope::errc::segment_pending);
            }
            auto& stored = record->second;
            auto* lives_on = delegation_to(pod);
            if (!stored.parent.empty() && (lives_on == nullptr || lives_on->from != stored.parent ||
                                           lives_on->granted != stored.granted)) {
                refused.refusals.insert(podscope::errc::stale_epoch);
            }
            if (instead && !stored.parent.empty() && !is_within(*instead, stored.manifest)) {
                refused.refusals.insert(podscope::errc::not_within_authority);
            }
            // The last holder goes as was said for the delegation. Who has no right to take its
            // place shows nobody to a policy.
            const auto special = lives_on != nullptr ? lives_on->unreachable : std::nullopt;
            if (const auto row = now_.live.find(pod);
                row != now_.live.end() &&
                !reason_to_go(pod, special, state_of(row->second.process), refused.is_success())) {
                refused.refusals.insert(podscope::errc::already_live);
            }
            if (!refused.is_success()) {
                return refused;
            }
            const auto granted = ++epochs_;
            if (instead) {
                stored.manifest = *instead;
            }
            stored.granted = granted;
            if (!stored.parent.empty()) {
                lives_on->granted = granted;
            }
            now_.live[pod] = {.process = by,
                              .granted = granted,
                              .adopted = true,
                              .parent = stored.parent,
                              .segment = stored.segment,
                              .allow = stored.manifest.allow};
            settle(pod, pod, by_a_probe());
            refuse_conflict(pod, refused);
            return refused;
        });
        if (answer.is_success()) {
            deliver_to(pod);
        }
        return answer;
    }

    void reclaim_stale() {
        std::vector<std::string> all;
        for (const auto& [pod, row] : now_.live) {
            all.push_back(pod);
        }
        (void)clear(all);
    }

    /// A pod object that was destroyed without a release: nobody holds its pod from then on.
    void abandon(const std::string& pod, std::uint64_t shown) {
        if (is_live(pod, shown)) {
            now_.live[pod].process = 0;
        }
    }

    /// Which segment a pod got is the library's choice.
    void note_segment(const std::string& pod, const std::string& segment) {
        now_.live[pod].segment = segment;
        now_.records[pod].segment = segment;
    }

private:
    using places = std::vector<bool>;

    struct probing {
        std::function<std::optional<podscope::verdict>(const std::string&)> said{};
        bool is_reviewed{false}; ///< by the policy, or what was said in its place
    };

    // Sets of places.

    [[nodiscard]] places covered(const std::vector<reference_rule>& rules) const {
        places all(places_->places().size());
        for (const auto& rule : rules) {
            const auto& in = places_->members(rule.area());
            for (std::size_t i = 0; i != all.size(); ++i) {
                all[i] = all[i] || in[i];
            }
        }
        return all;
    }

    static void take(places& from, const places& what) {
        for (std::size_t i = 0; i != from.size(); ++i) {
            from[i] = from[i] && !what[i];
        }
    }

    static void keep(places& of, const places& what) {
        for (std::size_t i = 0; i != of.size(); ++i) {
            of[i] = of[i] && what[i];
        }
    }

    static bool is_empty(const places& all) {
        return std::find(all.begin(), all.end(), true) == all.end();
    }

    static std::vector<reference_rule> write_rules(const std::vector<reference_rule>& rules) {
        std::vector<reference_rule> found;
        for (const auto& rule : rules) {
            if (rule.access == podscope::permission::write) {
                found.push_back(rule);
            }
        }
        return found;
    }

    // Any deny takes the writing away: one of reading takes more.
    [[nodiscard]] const std::vector<reference_rule>& denies_of(const std::string& pod) const {
        return now_.records.at(pod).manifest.deny;
    }

    // Who is who.

    [[nodiscard]] bool is_live(const std::string& pod, std::uint64_t granted) const {
        const auto row = now_.live.find(pod);
        return row != now_.live.end() && row->second.granted == granted;
    }

    // Whether a new pod may have the name: nobody lives under it, and who once did can never come
    // back, since what he lived on has ended.
    [[nodiscard]] bool is_free(const std::string& pod) const {
        if (now_.live.contains(pod)) {
            return false;
        }
        const auto record = now_.records.find(pod);
        if (record == now_.records.end()) {
            return true;
        }
        if (record->second.parent.empty()) {
            return false;
        }
        const auto lived_on = find_delegation(record->second.parent, pod);
        return !lived_on || lived_on->granted != record->second.granted;
    }

    [[nodiscard]] std::optional<podscope::verdict> probed(const std::string& pod) const {
        const auto row = now_.live.find(pod);
        if (row == now_.live.end()) {
            return std::nullopt;
        }
        return state_of(row->second.process);
    }

    [[nodiscard]] std::vector<model_delegation> made_by(const std::string& pod) const {
        std::vector<model_delegation> made;
        for (const auto& one : now_.delegations) {
            if (one.from == pod) {
                made.push_back(one);
            }
        }
        return made;
    }

    [[nodiscard]] std::optional<model_delegation> find_delegation(const std::string& from,
                                                                  const std::string& to) const {
        for (const auto& one : now_.delegations) {
            if (one.from == from && one.to == to) {
                return one;
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] model_delegation* delegation_to(const std::string& pod) {
        for (auto& one : now_.delegations) {
            if (one.to == pod) {
                return &one;
            }
        }
        return nullptr;
    }

    // The places that came down from `upper` to `lower` through nothing but delegations of writing
    // them, all pods on the way being live.
    [[nodiscard]] places handed_down(const std::string& upper, const std::string& lower) const {
        for (const auto& one : now_.delegations) {
            if (one.to != lower || !is_live(lower, one.granted) || !now_.live.contains(one.from)) {
                continue;
            }
            places given = covered(write_rules(one.rules));
            if (one.from != upper) {
                keep(given, handed_down(upper, one.from));
            }
            return given;
        }
        return places(places_->places().size());
    }

    // What may be asked for.

    [[nodiscard]] bool has_authority(const std::string& pod, const model_manifest& child) const {
        const auto& own = now_.records.at(pod).manifest;
        const auto is_mine = [&](const reference_rule& wanted) {
            const auto granted = reference_permissions(*places_, own.authority, own.deny);
            const auto& where = places_->members(wanted.area());
            for (std::size_t i = 0; i != where.size(); ++i) {
                if (where[i] && granted[i] < wanted.access) {
                    return false;
                }
            }
            return true;
        };
        return std::ranges::all_of(child.allow, is_mine) &&
               std::ranges::all_of(child.authority, is_mine);
    }

    // Whether a manifest asks for nothing that another one does not give: each of its rules lies
    // within those of the other, and nothing that the other denies comes back.
    [[nodiscard]] bool is_within(const model_manifest& less, const model_manifest& more) const {
        const auto is_no_more = [&](const auto& small, const auto& large) {
            for (std::size_t i = 0; i != small.size(); ++i) {
                if (small[i] > large[i]) {
                    return false;
                }
            }
            return true;
        };
        const auto gives_no_more = [&](const auto& of_less, const auto& of_more) {
            return is_no_more(reference_permissions(*places_, of_less, {}),
                              reference_permissions(*places_, of_more, {})) &&
                   is_no_more(reference_permissions(*places_, of_less, less.deny),
                              reference_permissions(*places_, of_more, more.deny));
        };
        return gives_no_more(less.allow, more.allow) &&
               gives_no_more(less.authority, more.authority);
    }

    // Two pods are rivals where the rules of both reach, unless one of them has no part in the
    // place: its manifest denies it, or it has handed it down to the other, hand by hand. Somebody
    // who has handed it on to a third one, who lives, will get it back: he is to blame if nobody
    // else is.
    void refuse_conflict(const std::string& asker, model_answer& answer) const {
        std::vector<model_competitor> owners;
        std::vector<model_competitor> heirs;
        for (const auto& [other, row] : now_.live) {
            if (other == asker) {
                continue;
            }
            for (const auto& theirs : write_rules(row.allow)) {
                for (const auto& mine : write_rules(now_.live.at(asker).allow)) {
                    const places shared = places_->common(mine.area(), theirs.area());
                    if (is_empty(rivalry(asker, other, shared))) {
                        continue;
                    }
                    auto& list = has_handed_on(other, shared) ? heirs : owners;
                    const model_competitor found{other, theirs};
                    if (std::ranges::find(list, found) == list.end()) {
                        list.push_back(found);
                    }
                }
            }
        }
        answer.competitors = owners.empty() ? heirs : owners;
        std::ranges::stable_sort(answer.competitors, [](const auto& a, const auto& b) {
            return a.rule.target.size() > b.rule.target.size();
        });
        if (!answer.competitors.empty()) {
            answer.refusals.insert(podscope::errc::conflict);
        }
    }

    [[nodiscard]] places
    rivalry(const std::string& one, const std::string& other, places shared) const {
        take(shared, covered(denies_of(one)));
        take(shared, covered(denies_of(other)));
        take(shared, handed_down(one, other));
        take(shared, handed_down(other, one));
        return shared;
    }

    [[nodiscard]] bool has_handed_on(const std::string& pod, const places& shared) const {
        return std::ranges::any_of(made_by(pod), [&](const auto& made) {
            if (!is_live(made.to, made.granted)) {
                return false;
            }
            return std::ranges::any_of(write_rules(made.rules), [&](const auto& rule) {
                places rest = shared;
                take(rest, places_->members(rule.area()));
                return is_empty(rest);
            });
        });
    }

    // The end of delegations.

    static probing nobody_was_probed() {
        return {.said = [](const auto&) { return std::nullopt; }};
    }

    [[nodiscard]] probing by_a_probe() const {
        return {.said = [this](const auto& pod) { return probed(pod); }, .is_reviewed = true};
    }

    void settle(const std::string& heir, const std::string& from, const probing& by) {
        for (const auto& made : made_by(from)) {
            if (const auto reason = reason_to_end(made, by)) {
                end(heir, made, *reason);
                settle(heir, made.to, by);
            } else if (from != heir) {
                hang_below(heir, made);
            }
        }
    }

    [[nodiscard]] std::optional<podscope::end_reason> reason_to_end(const model_delegation& made,
                                                                    const probing& by) {
        if (!is_live(made.to, made.granted)) {
            return podscope::end_reason::absent;
        }
        return reason_to_go(made.to, made.unreachable, by.said(made.to), by.is_reviewed);
    }

    [[nodiscard]] std::optional<podscope::end_reason>
    reason_to_go(const std::string& pod,
                 std::optional<podscope::when_unreachable> special,
                 std::optional<podscope::verdict> found,
                 bool is_reviewed) {
        using podscope::end_reason;
        using podscope::when_unreachable;
        if (found == podscope::verdict::missing) {
            return end_reason::missing;
        }
        if (found != podscope::verdict::unreachable) {
            return std::nullopt;
        }
        const auto what = special                                  ? *special
                          : policy_ == model_policy::fence         ? when_unreachable::fence
                          : policy_ == model_policy::only_the_dead ? when_unreachable::keep
                                                                   : when_unreachable::terminate;
        switch (what) {
        case when_unreachable::fence: return end_reason::unreachable;
        case when_unreachable::keep: return std::nullopt;
        case when_unreachable::terminate: break;
        }
        if (!is_reviewed) {
            return std::nullopt;
        }
        if (!special) {
            shown_.emplace(pod, now_.live.at(pod).granted);
        }
        return end_reason::missing;
    }

    void end(const std::string& heir, const model_delegation& made, podscope::end_reason reason) {
        // Who gets scope back has a later number than whoever had it.
        if (const auto row = now_.live.find(heir); row != now_.live.end() &&
                                                   !write_rules(made.rules).empty() &&
                                                   row->second.fence() != epochs_) {
            row->second.returned = ++epochs_;
        }
        if (is_live(made.to, made.granted)) {
            now_.live.erase(made.to);
        }
        std::erase(now_.delegations, made);
        now_.history.insert({heir, made.from, made.to, made.granted, reason});
        now_.outbox.insert({heir, podscope::event::ended, made.to, made.granted});
    }

    void hang_below(const std::string& heir, const model_delegation& made) {
        std::erase(now_.delegations, made);
        now_.live[made.to].parent = heir;
        now_.records[made.to].parent = heir;
        if (heir.empty()) {
            return;
        }
        now_.delegations.push_back({heir, made.to, made.granted, made.rules, made.unreachable});
        now_.outbox.insert({heir, podscope::event::adopted, made.to, made.granted});
    }

    // What a root leaves behind when it goes for good: who lives becomes a root, and a reservation
    // that nobody has adopted is void.
    void dissolve(const std::string& root, const std::string& from) {
        for (const auto& made : made_by(from)) {
            const bool lives = is_live(made.to, made.granted);
            if (lives && now_.live[made.to].adopted) {
                hang_below({}, made);
            } else {
                end(root, made,
                    lives ? podscope::end_reason::revoked : podscope::end_reason::absent);
                dissolve(root, made.to);
            }
        }
    }

    void deliver_to(const std::string& pod) {
        if (!sink_fails_) {
            std::erase_if(now_.outbox, [&](const auto& telling) { return telling.to == pod; });
        }
    }

    // Runs a step; if somebody stands in its way the step is undone, what stands there and belongs
    // to nobody who lives is cleared, and it runs again.
    template <class Step>
    model_answer clearing_the_dead(Step step, bool* cleared = nullptr) {
        for (;;) {
            const auto before = now_;
            const auto epochs_before = epochs_;
            auto answer = step();
            if (answer.is_success()) {
                return answer;
            }
            now_ = before;
            epochs_ = epochs_before;
            std::vector<std::string> in_the_way;
            for (const auto& one : answer.competitors) {
                in_the_way.push_back(one.pod);
            }
            if (!in_the_way.empty() && !answer.also_in_the_way.empty()) {
                in_the_way.push_back(answer.also_in_the_way);
            }
            if (!clear(in_the_way)) {
                return answer;
            }
            if (cleared != nullptr) {
                *cleared = true;
            }
        }
    }

    // Ends those who are dead, and whatever has left the registry above those who are not. Of a
    // line of dead pods the topmost goes first, so that the scope of all of them goes to somebody
    // who may live, or stays with a root, to be restored with it.
    bool clear(const std::vector<std::string>& suspects) {
        std::map<std::string, podscope::verdict> found;
        for (const auto& pod : suspects) {
            found[pod] = *probed(pod);
        }
        const probing by{.said = [&](const std::string& pod) {
            const auto one = found.find(pod);
            return one == found.end() ? std::nullopt : std::optional{one->second};
        }};
        const auto before = now_;
        for (const auto& pod : suspects) {
            if (!now_.live.contains(pod)) {
                continue;
            }
            if (by.said(pod) == podscope::verdict::missing) {
                end_dead(pod, by);
            } else {
                end_vanished_above(pod, by);
            }
        }
        return now_ != before;
    }

    void end_dead(std::string pod, const probing& by) {
        for (auto parent = now_.live.at(pod).parent; now_.live.contains(parent);
             parent = now_.live.at(pod).parent) {
            const bool is_root = now_.live.at(parent).parent.empty();
            if (is_root || by.said(parent) != podscope::verdict::missing) {
                break;
            }
            pod = parent;
        }
        const auto parent = now_.live.at(pod).parent;
        if (const auto made = find_delegation(parent, pod)) {
            end(parent, *made, podscope::end_reason::missing);
            settle(parent, pod, by);
        } else {
            now_.live.erase(pod);
        }
    }

    void end_vanished_above(std::string pod, const probing& by) {
        while (now_.live.contains(pod)) {
            pod = now_.live.at(pod).parent;
        }
        const auto record = now_.records.find(pod);
        if (record == now_.records.end()) {
            return;
        }
        if (const auto made = find_delegation(record->second.parent, pod)) {
            end(made->from, *made, podscope::end_reason::absent);
            settle(made->from, pod, by);
        }
    }

    const reference_universe* places_;
    model_state now_{};
    std::uint64_t epochs_{0};
    std::map<std::int64_t, podscope::verdict> processes_{};
    bool sink_fails_{false};
    model_policy policy_{model_policy::fence};
    std::set<std::pair<std::string, std::uint64_t>> shown_{};
};

} // namespace podscope_test
