// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "stored_state.hpp"
#include "wording.hpp"

#include <podscope/podscope.hpp>
#include <podscope/store/delegation_layers.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace demo {

/// What was checked, and what was found against it.
struct check {
    std::string name{};
    std::string claim{};
    std::vector<std::string> violations{};

    [[nodiscard]] bool holds() const noexcept { return violations.empty(); }
};

/// The deny layers that pods have in memory, as their processes say.
using memories = std::map<std::string, std::vector<podscope::deny_layer>, std::less<>>;

/// How a delegation has to end, by what the demo has seen itself.
struct expected_end {
    podscope::event what{};
    std::string child{};
    std::string delegator{};
    podscope::epoch granted{};
    podscope::end_reason reason{};
};

/// The library's first five invariants, looked for in what is stored. The rules are compared one by
/// one, with none of the library's searches: only `region` is used, which is what a rule means.
class invariants {
public:
    explicit invariants(const wording& words) : words_{&words} {}

    /// I1 to I4, at some moment at which everything is at rest.
    void examine(const std::string& moment, const stored_state& state, const memories& remembered) {
        moment_ = moment;
        exclusion(state);
        containment(state);
        agreement(state, remembered);
        no_leak(state);
    }

    /// I5, of the pod that was restored.
    void examine_restored(std::string_view pod,
                          const stored_state& state,
                          const std::vector<podscope::notification>& told,
                          const std::vector<expected_end>& expected) {
        moment_ = "after the restore";
        const auto found = state.pods.find(pod);
        if (found == state.pods.end()) {
            object(i5_, "nothing is stored about '" + std::string{pod} + "'");
            return;
        }
        history(found->second, expected);
        notifications(told, expected);
        for (const auto& waiting : found->second.outbox) {
            object(i5_, "the notification " + waiting.id + " was not delivered");
        }
    }

    [[nodiscard]] std::vector<check> checks() const { return {i1_, i2_, i3_, i4_, i5_}; }

private:
    using rules = std::vector<podscope::scope_rule>;
    using layers = std::vector<podscope::deny_layer>;

    // What holds no more is said once, for the moment at which it was seen first.
    void object(check& against, const std::string& what) const {
        const auto is_known = [&](const std::string& known) {
            return known.ends_with(": " + what);
        };
        if (std::ranges::none_of(against.violations, is_known)) {
            against.violations.push_back(moment_ + ": " + what);
        }
    }

    [[nodiscard]] static bool takes_write(const layers& of, const podscope::region& where) {
        return std::ranges::any_of(of, [&](const podscope::deny_layer& one) {
            return podscope::left_by_deny(one.rule.access) < podscope::permission::write &&
                   contains(region_of(one.rule), where);
        });
    }

    // A region is covered by a union of regions only if one of them covers it alone, so looking at
    // one layer at a time is exact.
    void exclusion(const stored_state& state) {
        for (auto a = state.pods.begin(); a != state.pods.end(); ++a) {
            for (auto b = std::next(a); b != state.pods.end(); ++b) {
                if (a->second.row && b->second.row) {
                    exclusion(a->second, b->second);
                }
            }
        }
    }

    void exclusion(const stored_pod& a, const stored_pod& b) {
        for (const auto& one : a.row->allow) {
            for (const auto& other : b.row->allow) {
                const auto shared = intersection(region_of(one), region_of(other));
                if (one.access == podscope::permission::write &&
                    other.access == podscope::permission::write && shared &&
                    !takes_write(a.layers, *shared) && !takes_write(b.layers, *shared)) {
                    object(i1_, a.row->pod + " may " + words_->rule(one) + " and " + b.row->pod +
                                    " may " + words_->rule(other));
                }
            }
        }
    }

    void containment(const stored_state& state) {
        for (const auto& [pod, stored] : state.pods) {
            if (!stored.row || stored.row->delegated_from.empty()) {
                continue;
            }
            const auto parent = state.pods.find(stored.row->delegated_from);
            if (parent == state.pods.end() || !parent->second.record) {
                object(i2_, pod + " has no parent on record");
                continue;
            }
            const auto& manifest = parent->second.record->manifest;
            const podscope::rules_by_target authority{manifest.authority};
            const podscope::rules_by_target denied{manifest.deny};
            for (const auto& rule : stored.row->allow) {
                if (!authority.grant(region_of(rule), rule.access) ||
                    denied.take(region_of(rule), rule.access)) {
                    object(i2_, parent->first + " may not hand on what " + pod +
                                    " has: " + words_->rule(rule));
                }
            }
        }
    }

    void agreement(const stored_state& state, const memories& remembered) {
        for (const auto& [pod, stored] : state.pods) {
            if (!stored.row) {
                continue;
            }
            if (stored.record) {
                compare(pod, stored.layers, "its record",
                        layers_of(stored.record->manifest, stored.delegations));
            } else {
                object(i3_, pod + " is live, and there is no record of it");
            }
            if (const auto memory = remembered.find(pod); memory != remembered.end()) {
                compare(pod, stored.layers, "its own memory", memory->second);
            }
        }
    }

    void compare(const std::string& pod,
                 const layers& standing,
                 const std::string& other_place,
                 const layers& others) {
        const auto in_registry = shown(standing);
        const auto elsewhere = shown(others);
        std::vector<std::string> only;
        std::ranges::set_difference(in_registry, elsewhere, std::back_inserter(only));
        for (const auto& layer : only) {
            object(i3_, together(pod, " is denied ", layer, " by the registry, and not by ",
                                 other_place));
        }
        only.clear();
        std::ranges::set_difference(elsewhere, in_registry, std::back_inserter(only));
        for (const auto& layer : only) {
            object(i3_, together(pod, " is denied ", layer, " by ", other_place,
                                 ", and not by the registry"));
        }
    }

    void no_leak(const stored_state& state) {
        const auto is_live = [&](std::string_view pod, podscope::epoch granted) {
            const auto found = state.pods.find(pod);
            return found != state.pods.end() && found->second.row &&
                   found->second.row->granted == granted;
        };
        for (const auto& [pod, stored] : state.pods) {
            for (const auto& one : stored.layers) {
                if (!one.is_base() && !is_live(one.delegation->child, one.delegation->granted)) {
                    object(i4_,
                           pod + " is still denied " + words_->layer(one) + ", which is not live");
                }
            }
        }
        for (const auto& one : state.claims) {
            const auto holder = state.pods.find(one.pod);
            if (holder == state.pods.end() || !holder->second.row ||
                std::ranges::find(holder->second.row->allow, one.rule) ==
                    holder->second.row->allow.end()) {
                object(i4_, "a claim to " + words_->rule(one.rule) + " stands for " + one.pod +
                                ", which has no such rule");
            }
        }
    }

    void history(const stored_pod& restored, const std::vector<expected_end>& expected) {
        std::size_t ended = 0;
        for (const auto& one : expected) {
            if (one.what != podscope::event::ended) {
                continue;
            }
            ++ended;
            const auto entries = std::ranges::count_if(
                restored.history, [&](const podscope::ended_delegation& entry) {
                    return entry.child == one.child && entry.delegator == one.delegator &&
                           entry.granted == one.granted && entry.reason == one.reason &&
                           entry.at_ms > 0 && !entry.rules.empty();
                });
            if (entries != 1) {
                object(i5_, "the end of " + wording::grant(one.child, one.granted) + ", " +
                                std::string{to_string(one.reason)} + ", is in the history " +
                                std::to_string(entries) + " times");
            }
        }
        if (restored.history.size() != ended) {
            object(i5_, "the history has " + std::to_string(restored.history.size()) +
                            " entries, not " + std::to_string(ended));
        }
    }

    void notifications(const std::vector<podscope::notification>& told,
                       const std::vector<expected_end>& expected) {
        const auto is_about = [](const podscope::notification& one, const expected_end& end) {
            return one.what == end.what && one.child == end.child &&
                   one.delegator == end.delegator && one.granted == end.granted &&
                   one.reason == end.reason;
        };
        for (const auto& end : expected) {
            if (std::ranges::none_of(told, [&](const auto& one) { return is_about(one, end); })) {
                object(i5_, "nobody was told: " + std::string{to_string(end.what)} + " " +
                                wording::grant(end.child, end.granted) + ", " +
                                std::string{to_string(end.reason)});
            }
        }
        for (const auto& one : told) {
            if (std::ranges::none_of(expected,
                                     [&](const auto& end) { return is_about(one, end); })) {
                object(i5_, "a notification about nothing that happened: " + one.id);
            }
            for (const auto& other : told) {
                if (one.id == other.id && one != other) {
                    object(i5_, "two notifications have the id " + one.id);
                }
            }
        }
    }

    [[nodiscard]] std::vector<std::string> shown(const layers& all) const {
        std::vector<std::string> texts;
        for (const auto& one : all) {
            texts.push_back(words_->layer(one));
        }
        std::ranges::sort(texts);
        return texts;
    }

    const wording* words_;
    std::string moment_{};
    check i1_{"I1 exclusion", "no place may be written by two pods"};
    check i2_{"I2 containment", "each child has no more than its parent may hand on"};
    check i3_{"I3 agreement", "registry, records and memories deny the same"};
    check i4_{"I4 no leak", "no layer stands for a pod that is not live"};
    check i5_{"I5 nothing lost", "each end is in the history once, and the planner was told"};
};

} // namespace demo
