// SPDX-License-Identifier: BSL-1.0
// Random sequences of operations, of deaths and of other accidents, played to the library and to
// the reference model at once; after each step both must have answered alike, must hold the same,
// and every invariant must hold.
#pragma once

#include "support/invariants.hpp"
#include "support/reference_model.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"
#include "support/world.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_test {

/// A sink that takes everything, or nothing while it is told to fail.
class moody_sink {
public:
    [[nodiscard]] podscope::result<void> notify(const podscope::notification& told) {
        if (shared_->fails) {
            return podscope::fail(
                {.category = podscope::errc::unavailable, .message = "not in the mood"});
        }
        shared_->taken.insert(told.id);
        return {};
    }

    void fail(bool fails) { shared_->fails = fails; }

    [[nodiscard]] const std::set<std::string>& taken() const { return shared_->taken; }

private:
    struct state {
        bool fails{false};
        std::set<std::string> taken;
    };

    std::shared_ptr<state> shared_{std::make_shared<state>()};
};

/// What a state says, in the model's terms.
[[nodiscard]] inline model_state in_model_terms(const stored_state& state) {
    namespace tables = podscope::tables;
    const auto number = [](podscope::epoch e) { return static_cast<std::uint64_t>(e); };
    const auto owner_of_key = [](const std::string& key) { return key.substr(0, key.find('\0')); };
    model_state seen;
    for (const auto& [pod, record] : state.of<tables::pods>()) {
        seen.records[pod] = {.manifest = {.allow = plain(record.manifest.allow),
                                          .deny = plain(record.manifest.deny),
                                          .authority = plain(record.manifest.authority)},
                             .parent = record.delegated_from,
                             .granted = number(record.granted),
                             .segment = record.active_segment};
    }
    for (const auto& [pod, row] : state.of<tables::allocations>()) {
        seen.live[pod] = {.process = row.owner.pid,
                          .granted = number(row.granted),
                          .adopted = row.adopted,
                          .parent = row.delegated_from,
                          .segment = row.segment,
                          .allow = plain(row.allow)};
    }
    for (const auto& [key, made] : state.of<tables::delegations>()) {
        seen.delegations.push_back({.from = owner_of_key(key),
                                    .to = made.child,
                                    .granted = number(made.granted),
                                    .rules = plain(made.rules)});
    }
    for (const auto& [key, end] : state.of<tables::history>()) {
        seen.history.insert(
            {owner_of_key(key), end.delegator, end.child, number(end.granted), end.reason});
    }
    for (const auto& [key, told] : state.of<tables::outbox>()) {
        seen.outbox.insert({told.pod, told.what, told.child, number(told.granted)});
    }
    seen.sort();
    return seen;
}

/// Where two states differ, a line for each part of them.
[[nodiscard]] inline std::string difference(const model_state& wanted, const model_state& seen) {
    std::string text;
    const auto compare = [&](std::string_view what, const auto& a, const auto& b,
                             const auto& name_of) {
        for (const auto& one : a) {
            if (std::find(b.begin(), b.end(), one) == b.end()) {
                text += "  missing or different: " + std::string{what} + ' ' + name_of(one) + '\n';
            }
        }
        for (const auto& one : b) {
            if (std::find(a.begin(), a.end(), one) == a.end()) {
                text += "  not expected: " + std::string{what} + ' ' + name_of(one) + '\n';
            }
        }
    };
    const auto by_key = [](const auto& one) { return one.first; };
    compare("record", wanted.records, seen.records, by_key);
    compare("row", wanted.live, seen.live, by_key);
    compare("delegation", wanted.delegations, seen.delegations, [](const auto& one) {
        return one.from + " to " + one.to + '/' + std::to_string(one.granted);
    });
    compare("end", wanted.history, seen.history, [](const auto& one) {
        return one.heir + " gets back from " + one.to + '/' + std::to_string(one.granted) + ' ' +
               std::string{to_string(one.reason)};
    });
    compare("notification", wanted.outbox, seen.outbox, [](const auto& one) {
        return std::string{to_string(one.what)} + " of " + one.child + " for " + one.to;
    });
    return text;
}

/// One sequence.
template <podscope::typed_store Backend>
class sequence {
public:
    /// @param open opens the backend: all copies that it gives are of one store
    sequence(std::function<Backend()> open, std::uint64_t seed)
        : open_{std::move(open)},
          backend_{open_()},
          random_{seed} {
        log_ = "PODSCOPE_SEED=" + std::to_string(seed) + " PODSCOPE_SEQUENCES=1 plays this again\n";
    }

    /// Plays so many steps; fails the test at the first one that goes wrong.
    void play(std::size_t steps) {
        for (std::size_t i = 0; i != steps; ++i) {
            step();
            judge();
        }
    }

private:
    using parts = podscope::runtime_parts<Backend,
                                          podscope::memory_sessions,
                                          world_probe,
                                          moody_sink,
                                          podscope::lexical_path,
                                          podscope::reclaim_and_fence,
                                          podscope::system_clocks,
                                          podscope::given_process>;
    using runtime = podscope::basic_runtime<parts>;

    struct held_pod {
        podscope::basic_pod<parts> pod;
        std::int64_t process;
    };

    struct actor {
        podscope::process_identity identity;
        runtime library;
    };

    static const reference_universe& places() {
        // Two names that rules mention and one that none does; two levels below the deepest rule.
        static const reference_universe all{{"a", "b", "other"}, 4};
        return all;
    }

    // Chances.

    [[nodiscard]] std::size_t pick(std::size_t below) {
        return static_cast<std::size_t>(random_() % below);
    }

    [[nodiscard]] bool chance(std::size_t percent) { return pick(100) < percent; }

    [[nodiscard]] std::string any_name() {
        static constexpr std::string_view names[] = {"ada", "bob", "cyd", "dan", "eve", "fay"};
        return std::string{names[pick(std::size(names))]};
    }

    [[nodiscard]] reference_rule rule_below(const reference_rule& above) {
        reference_rule rule = above;
        while (rule.target.size() < 2 && chance(50)) {
            rule.target.push_back(chance(50) ? "a" : "b");
            rule.recursive = true;
        }
        if (chance(20)) {
            rule.recursive = false;
        }
        if (chance(25)) {
            rule.access = podscope::permission::read;
        }
        return rule;
    }

    [[nodiscard]] reference_rule any_rule() {
        return rule_below({{}, podscope::permission::write, true});
    }

    [[nodiscard]] model_manifest any_manifest(const std::vector<reference_rule>& within) {
        const auto one_within = [&] {
            return within.empty() || chance(5) ? any_rule()
                                               : rule_below(within[pick(within.size())]);
        };
        model_manifest made;
        for (std::size_t i = pick(2) + 1; i != 0; --i) {
            made.allow.push_back(one_within());
        }
        if (chance(15)) {
            made.deny.push_back(rule_below(made.allow.front()));
        }
        if (chance(60)) {
            made.authority = made.allow;
        } else if (chance(80)) {
            made.authority.push_back(one_within());
        }
        for (auto* rules : {&made.allow, &made.deny, &made.authority}) {
            keep_once(*rules);
        }
        return made;
    }

    // As the library keeps them.
    static void keep_once(std::vector<reference_rule>& rules) {
        std::vector<reference_rule> once;
        for (const auto& rule : rules) {
            if (std::find(once.begin(), once.end(), rule) == once.end()) {
                once.push_back(rule);
            }
        }
        rules = std::move(once);
    }

    [[nodiscard]] static podscope::manifest as_manifest(const std::string& name,
                                                        const model_manifest& made) {
        podscope::manifest text{.name = name};
        const auto written = [](const reference_rule& rule) {
            return podscope::rule_text{
                .target = text_of(rule.target), .access = rule.access, .recursive = rule.recursive};
        };
        for (const auto& rule : made.allow) {
            text.may(written(rule));
        }
        for (const auto& rule : made.deny) {
            text.may_not(written(rule));
        }
        text.may_not_delegate();
        for (const auto& rule : made.authority) {
            text.may_delegate(written(rule));
        }
        return text;
    }

    // Actors.

    [[nodiscard]] actor& any_actor() {
        if (actors_.empty() || (actors_.size() < 8 && chance(40))) {
            const auto identity = world_.process();
            actors_.push_back(
                {identity,
                 runtime{parts{
                     backend_, sessions_, world_probe{world_}, sink_, {}, {}, {}, {identity}}}});
        }
        return actors_[pick(actors_.size())];
    }

    [[nodiscard]] bool can_act(std::int64_t process) const {
        return model_.state_of(process) == podscope::verdict::reachable;
    }

    // A pod of somebody who can act, whether or not it still is his.
    [[nodiscard]] held_pod* any_pod() {
        std::vector<held_pod*> able;
        for (auto& one : pods_) {
            if (can_act(one.process)) {
                able.push_back(&one);
            }
        }
        return able.empty() ? nullptr : able[pick(able.size())];
    }

    // Steps.

    void step() {
        switch (pick(25)) {
        case 0:
        case 1: return create();
        case 2:
        case 3:
        case 4:
        case 5:
        case 6:
        case 7: return delegate();
        case 8:
        case 9:
        case 10:
        case 11: return adopt();
        case 12: return with_pod("release", &sequence::release);
        case 13: return with_pod("reclaim", &sequence::reclaim);
        case 14: return with_pod("reconcile", &sequence::reconcile);
        case 15: return with_pod("deliver", &sequence::deliver);
        case 16: return kill();
        case 17: return hang_or_wake();
        case 18: return vanish();
        case 19: return abandon();
        case 20:
        case 21:
        case 22: return restore();
        case 23: return chance(50) ? let_sink_fail() : reclaim_stale();
        default: return chance(15) ? reboot() : restore_with_manifest();
        }
    }

    void create() {
        const auto name = any_name();
        const auto made = any_manifest({});
        auto& by = any_actor();
        note("create " + name + told(made) + " by " + std::to_string(by.identity.pid));
        const auto wanted = model_.create(name, made, by.identity.pid);
        take(by.library.create(as_manifest(name, made)), wanted, by.identity.pid);
    }

    void delegate() {
        auto* from = any_pod();
        if (from == nullptr) {
            return;
        }
        const auto& parent = from->pod;
        const auto record = model_.state().records.find(parent.name());
        const auto child = any_name();
        const auto made = any_manifest(record == model_.state().records.end()
                                           ? std::vector<reference_rule>{}
                                           : record->second.manifest.authority);
        note("delegate " + parent.name() + '/' + number(parent) + " to " + child + told(made));
        const auto wanted =
            model_.delegate(parent.name(), epoch_of(parent), child, made, from->process);
        auto got = from->pod.delegate(as_manifest(child, made));
        if (compare(wanted, got)) {
            check(static_cast<std::uint64_t>(got->granted) == model_.last_epoch(), "another epoch");
            grants_.push_back(*got);
        }
    }

    void adopt() {
        if (grants_.empty()) {
            return;
        }
        // Mostly the newest, and at times one that is long gone.
        const auto shown = chance(70) ? grants_.back() : grants_[pick(grants_.size())];
        auto& by = any_actor();
        note("adopt " + shown.to_text() + " by " + std::to_string(by.identity.pid));
        const auto wanted =
            model_.adopt(shown.pod, static_cast<std::uint64_t>(shown.granted), by.identity.pid);
        take(by.library.adopt(shown), wanted, by.identity.pid);
    }

    void with_pod(std::string_view what, void (sequence::*act)(held_pod&)) {
        if (auto* one = any_pod()) {
            note(std::string{what} + ' ' + one->pod.name() + '/' + number(one->pod));
            (this->*act)(*one);
        }
    }

    void release(held_pod& one) {
        const auto wanted = model_.release(one.pod.name(), epoch_of(one.pod));
        (void)compare(wanted, one.pod.release());
    }

    void reclaim(held_pod& one) {
        const auto child = any_name();
        log_ += "    of " + child + '\n';
        const auto wanted = model_.reclaim(one.pod.name(), epoch_of(one.pod), child);
        (void)compare(wanted, one.pod.reclaim(child));
    }

    void reconcile(held_pod& one) {
        const auto wanted = model_.reconcile(one.pod.name(), epoch_of(one.pod));
        if (compare(wanted, one.pod.reconcile())) {
            settled(one.pod.name());
            const stored_state before{backend_};
            const auto outbox = model_.state().outbox;
            const auto again = one.pod.reconcile();
            check(again && !again->changed(), "a second reconcile changes something");
            check(stored_state{backend_} == before, "a second reconcile leaves something else");
        }
    }

    void deliver(held_pod& one) {
        const auto wanted = model_.deliver(one.pod.name(), epoch_of(one.pod));
        (void)compare(wanted, one.pod.deliver());
    }

    void kill() {
        if (actors_.empty()) {
            return;
        }
        const auto at = pick(actors_.size());
        note("kill " + std::to_string(actors_[at].identity.pid));
        world_.kill(actors_[at].identity);
        model_.kill(actors_[at].identity.pid);
        bury(actors_[at].identity.pid);
        actors_.erase(actors_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    void hang_or_wake() {
        if (!hung_.empty() && chance(60)) {
            const auto at = pick(hung_.size());
            note("wake " + std::to_string(hung_[at].identity.pid));
            world_.wake(hung_[at].identity);
            model_.wake(hung_[at].identity.pid);
            actors_.push_back(std::move(hung_[at]));
            hung_.erase(hung_.begin() + static_cast<std::ptrdiff_t>(at));
        } else if (!actors_.empty()) {
            const auto at = pick(actors_.size());
            note("hang " + std::to_string(actors_[at].identity.pid));
            world_.hang(actors_[at].identity);
            model_.hang(actors_[at].identity.pid);
            hung_.push_back(std::move(actors_[at]));
            actors_.erase(actors_.begin() + static_cast<std::ptrdiff_t>(at));
        }
    }

    void vanish() {
        const auto name = any_name();
        note("vanish " + name);
        model_.vanish(name);
        must(backend_.write([&](auto& txn) { return podscope::registry{txn}.erase(name); }));
    }

    void abandon() {
        auto* one = any_pod();
        if (one == nullptr) {
            return;
        }
        note("abandon " + one->pod.name() + '/' + number(one->pod));
        model_.abandon(one->pod.name(), epoch_of(one->pod));
        pods_.erase(pods_.begin() + (one - pods_.data()));
    }

    void restore() {
        const auto name = any_name();
        auto& by = any_actor();
        note("restore " + name + " by " + std::to_string(by.identity.pid));
        const auto wanted = model_.restore(name, by.identity.pid);
        take_restored(by.library.restore(name), wanted, by.identity.pid);
    }

    void restore_with_manifest() {
        const auto name = any_name();
        const auto record = model_.state().records.find(name);
        const auto made =
            any_manifest(record == model_.state().records.end() ? std::vector<reference_rule>{}
                                                                : record->second.manifest.allow);
        auto& by = any_actor();
        note("restore " + name + " with" + told(made) + " by " + std::to_string(by.identity.pid));
        const auto wanted = model_.restore(name, by.identity.pid, made);
        take_restored(by.library.restore(as_manifest(name, made)), wanted, by.identity.pid);
    }

    void reclaim_stale() {
        note("reclaim stale");
        model_.reclaim_stale();
        auto& by = any_actor();
        check(by.library.reclaim_stale().has_value(), "reclaim_stale fails");
    }

    void let_sink_fail() {
        const bool fails = chance(40);
        note(fails ? "the sink fails" : "the sink works");
        model_.let_sink_fail(fails);
        sink_.fail(fails);
    }

    void reboot() {
        note("reboot");
        for (auto* list : {&actors_, &hung_}) {
            for (auto& one : *list) {
                world_.kill(one.identity);
                model_.kill(one.identity.pid);
                bury(one.identity.pid);
            }
            list->clear();
        }
        backend_ = open_();
    }

    // The objects of a dead process are no more, but nobody ran their destructors either.
    void bury(std::int64_t process) {
        for (auto at = pods_.begin(); at != pods_.end();) {
            if (at->process == process) {
                graveyard_.push_back(std::move(at->pod));
                at = pods_.erase(at);
            } else {
                ++at;
            }
        }
    }

    // Answers.

    template <class Result>
    bool compare(const model_answer& wanted, const Result& got) {
        if (wanted.is_success()) {
            check(got.has_value(), got ? "" : "refused: " + to_string(got.error()));
            return true;
        }
        std::string reasons;
        for (const auto one : wanted.refusals) {
            reasons += ' ' + std::string{to_string(one)};
        }
        check(!got.has_value(), "not refused, and had to be for:" + reasons);
        check(wanted.refusals.contains(got.error().category),
              "refused: " + to_string(got.error()) + "; and had to be for:" + reasons);
        if (got.error().category == podscope::errc::conflict) {
            compare_competitors(wanted, got.error());
        }
        return false;
    }

    void compare_competitors(const model_answer& wanted, const podscope::error& got) {
        std::set<std::pair<std::string, std::string>> to_name;
        for (const auto& one : wanted.competitors) {
            to_name.emplace(one.pod, text_of(one.rule));
        }
        std::set<std::pair<std::string, std::string>> named;
        for (const auto& one : got.competitors) {
            named.emplace(one.pod, one.rule);
        }
        std::string all;
        for (const auto& [pod, rule] : to_name) {
            all += ' ' + pod + " (" + rule + ')';
        }
        check(named == to_name, to_string(got) + "; and had to name" + all);
    }

    template <class Result>
    void take(Result got, const model_answer& wanted, std::int64_t process) {
        if (compare(wanted, got)) {
            model_.note_segment(got->name(), got->segment());
            pods_.push_back({std::move(*got), process});
        }
    }

    template <class Result>
    void take_restored(Result got, const model_answer& wanted, std::int64_t process) {
        if (!compare(wanted, got)) {
            return;
        }
        settled(got->pod.name());
        check(!got->report.undelivered.empty() == got->report.delivery_error.has_value(),
              "what is not delivered has no reason");
        pods_.push_back({std::move(got->pod), process});
    }

    // Judgement.

    void settled(const std::string& pod) {
        const stored_state state{backend_};
        tell(inspection{state, places()}.all_children_live(pod).broken());
    }

    void judge() {
        const stored_state state{backend_};
        const auto seen = in_model_terms(state);
        auto wanted = model_.state();
        wanted.sort();
        check(seen == wanted, "the store differs from the model:\n" + difference(wanted, seen));
        std::vector<pod_in_memory> in_memory;
        for (const auto& one : pods_) {
            auto scope = one.pod.current_scope();
            const bool is_held = model_.holds(one.pod.name(), epoch_of(one.pod));
            check(scope.has_value() == is_held,
                  "I7: " + one.pod.name() + '/' + number(one.pod) +
                      (is_held ? " does not know that it holds its pod"
                               : " does not know that it lost its pod"));
            if (scope) {
                in_memory.push_back({one.pod.name(), one.pod.granted(), std::move(*scope)});
            } else {
                check(scope.error().category == podscope::errc::revoked,
                      "I7: " + to_string(scope.error()));
            }
        }
        tell(broken_invariants(state, places(), in_memory, sink_.taken()));
        for (const auto& one : in_memory) {
            judge_effective_write(one);
        }
    }

    void judge_effective_write(const pod_in_memory& one) {
        const auto may = model_.effective_write(one.name);
        for (std::size_t i = 0; i != may.size(); ++i) {
            const auto& place = places().places()[i];
            const bool has = one.scope.allows(resource_of(place), podscope::permission::write);
            check(has == may[i],
                  one.name + (has ? " may" : " may not") + " write " + text_of(place));
        }
    }

    void tell(const std::vector<std::string>& broken) {
        for (const auto& one : broken) {
            check(false, one);
        }
    }

    void check(bool holds, const std::string& otherwise) {
        if (!holds) {
            FAIL(log_ << "=> " << otherwise);
        }
    }

    // Words.

    void note(const std::string& what) { log_ += what + '\n'; }

    static std::string told(const model_manifest& made) {
        std::string text = " {";
        const auto add = [&](std::string_view what, const std::vector<reference_rule>& rules) {
            for (const auto& rule : rules) {
                text += ' ' + std::string{what} + ' ' + text_of(rule) + ';';
            }
        };
        add("may", made.allow);
        add("may not", made.deny);
        add("may delegate", made.authority);
        return text + " }";
    }

    static std::uint64_t epoch_of(const podscope::basic_pod<parts>& pod) {
        return static_cast<std::uint64_t>(pod.granted());
    }

    static std::string number(const podscope::basic_pod<parts>& pod) {
        return std::to_string(epoch_of(pod));
    }

    std::function<Backend()> open_;
    Backend backend_;
    std::mt19937_64 random_;
    podscope::memory_sessions sessions_{};
    world world_{};
    moody_sink sink_{};
    reference_model model_{places()};
    std::vector<actor> actors_{};
    std::vector<actor> hung_{};
    std::vector<held_pod> pods_{};
    std::vector<podscope::basic_pod<parts>> graveyard_{};
    std::vector<podscope::grant> grants_{};
    std::string log_{};
};

} // namespace podscope_test
