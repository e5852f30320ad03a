// SPDX-License-Identifier: BSL-1.0
// The library and the reference model, played to at once: both must answer alike and hold the same,
// and every invariant must hold. What is played, those say that are made from this.
#pragma once

#include "support/choices.hpp"
#include "support/invariants.hpp"
#include "support/model_terms.hpp"
#include "support/policy_of_model.hpp"
#include "support/reference_model.hpp"
#include "support/results.hpp"
#include "support/shrinking.hpp"
#include "support/stored_state.hpp"
#include "support/world.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/memory.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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

/// One game of both.
template <podscope::typed_store Backend>
class mirrored_game {
protected:
    using parts = podscope::runtime_parts<Backend,
                                          podscope::memory_sessions,
                                          world_probe,
                                          moody_sink,
                                          podscope::lexical_path,
                                          policy_of_model,
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

    /// @param rule_depth how deep the target of a rule may be: two levels less than the places are
    mirrored_game(std::function<Backend()> open,
                  choices chosen,
                  const reference_universe& places,
                  std::size_t rule_depth)
        : open_{std::move(open)},
          backend_{open_()},
          choices_{std::move(chosen)},
          places_{&places},
          rule_depth_{rule_depth} {}

    // Chances.

    [[nodiscard]] std::size_t pick(std::size_t below) { return choices_.pick(below); }

    [[nodiscard]] bool chance(std::size_t percent) { return pick(100) < percent; }

    [[nodiscard]] reference_rule rule_below(const reference_rule& above) {
        reference_rule rule = above;
        while (rule.target.size() < rule_depth_ && chance(50)) {
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
        podscope::manifest text{.name = name, .unreachable = made.unreachable};
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

    [[nodiscard]] actor new_actor(const policy_of_model& policy = {}) {
        const auto identity = world_.process();
        return {identity,
                runtime{parts{
                    backend_, sessions_, world_probe{world_}, sink_, {}, policy, {}, {identity}}}};
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

    // The registry forgets a pod. Where rows can hang on a lease it proves nothing, and the policy
    // decides (etcd_leases.cpp); the model, which always takes it for proven, is not asked then.
    void vanish(const std::string& name) {
        if constexpr (!podscope::reads_leased<typename Backend::reader,
                                              podscope::tables::allocations>) {
            note("vanish " + name);
            model_.vanish(name);
            must(backend_.write([&](auto& txn) { return podscope::registry{txn}.erase(name); }));
        }
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
            model_.note_segment(got->name(), got->segment().value_or(""));
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
        tell(inspection{state, *places_}.all_children_live(pod).broken());
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
        tell(broken_invariants(state, *places_, in_memory, sink_.taken()));
        for (const auto& one : in_memory) {
            judge_effective_write(one);
        }
    }

    void judge_effective_write(const pod_in_memory& one) {
        const auto may = model_.effective_write(one.name);
        for (std::size_t i = 0; i != may.size(); ++i) {
            const auto& place = places_->places()[i];
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
            throw game_lost{log_ + "=> " + otherwise, choices_.taken()};
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
        if (made.unreachable) {
            text += " if unreachable " + std::string{to_string(*made.unreachable)};
        }
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
    choices choices_;
    const reference_universe* places_;
    std::size_t rule_depth_;
    podscope::memory_sessions sessions_{};
    world world_{};
    moody_sink sink_{};
    reference_model model_{*places_};
    std::vector<held_pod> pods_{};
    std::vector<podscope::basic_pod<parts>> graveyard_{};
    std::string log_{};
};

} // namespace podscope_test
