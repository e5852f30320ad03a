// SPDX-License-Identifier: BSL-1.0
// Random trees of pods in which processes die, hang or are out of sight at all levels, and which
// are then put in order again: by restores, releases, reclaims and reconciles in any order. After
// each of them the library and the reference model must have ended and adopted the same.
#pragma once

#include "support/choices.hpp"
#include "support/effort.hpp"
#include "support/growing_tree.hpp"
#include "support/reference_model.hpp"
#include "support/shrinking.hpp"
#include "support/stored_state.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/pod/judgement.hpp>
#include <podscope/pod/report.hpp>
#include <podscope/probe/concept.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_test {

/// One tree.
template <podscope::typed_store Backend>
class random_tree : private growing_tree<Backend> {
public:
    /// @param open opens the backend: all copies that it gives are of one store
    random_tree(std::function<Backend()> open, choices chosen)
        : base{std::move(open), std::move(chosen)} {}

    /// Builds it, lets accidents happen, and puts it in order. Throws `game_lost` at the first
    /// thing that goes wrong.
    void play() {
        choose_policy();
        grow();
        judge();
        note("the tree:" + drawn());
        const auto percent = 10 + pick(80);
        for (auto& one : everybody_) {
            if (chance(percent)) {
                accident(one);
            }
        }
        for (auto left = 2 + pick(5); left != 0; --left) {
            mend();
            judge();
            judge_shown();
            if (chance(30)) {
                accident(everybody_[pick(everybody_.size())]);
            }
        }
    }

private:
    using base = growing_tree<Backend>;
    using base::accident;
    using base::adopt;
    using base::any_name;
    using base::any_pod;
    using base::backend_;
    using base::chance;
    using base::check;
    using base::choose_policy;
    using base::compare;
    using base::drawn;
    using base::epoch_of;
    using base::everybody_;
    using base::grants_;
    using base::grow;
    using base::judge;
    using base::log_;
    using base::model_;
    using base::note;
    using base::number;
    using base::pick;
    using base::pods_;
    using base::policy_;
    using base::settled;
    using base::somebody_new;
    using base::take_restored;
    using typename base::held_pod;

    // Mending.

    void mend() {
        auto* const by = any_pod();
        switch (by == nullptr ? 0 : pick(12)) {
        case 0:
        case 1:
        case 2:
        case 3: return restore();
        case 4: return release(*by);
        case 5: return reclaim(*by);
        case 6:
        case 7: return reconcile(*by);
        case 8:
        case 9: return reconcile_by_judgements(*by);
        case 10:
            return adopt(grants_.empty() ? podscope::grant{"nobody", {}}
                                         : grants_[pick(grants_.size())]);
        default: return forge(*by);
        }
    }

    void restore() {
        const auto name = any_name();
        auto& by = somebody_new();
        note("restore " + name + " by " + std::to_string(by.identity.pid));
        const auto before = model_.state();
        const auto wanted = model_.restore(name, by.identity.pid);
        auto got = by.library.restore(name);
        const bool restored = got.has_value();
        if (restored) {
            // Those who stood in its way may have come back to it besides.
            compare_ends(name, before, got->report, false);
        }
        take_restored(std::move(got), wanted, by.identity.pid);
        if (restored) {
            settle_again(name);
        }
    }

    void release(held_pod& one) {
        note("release " + one.pod.name() + '/' + number(one.pod));
        const auto before = model_.state();
        const auto record = before.records.find(one.pod.name());
        const auto heir = record == before.records.end() || record->second.parent.empty()
                              ? one.pod.name()
                              : record->second.parent;
        const auto wanted = model_.release(one.pod.name(), epoch_of(one.pod));
        const auto got = one.pod.release();
        if (compare(wanted, got)) {
            compare_ends(heir, before, *got);
        }
    }

    void reclaim(held_pod& one) {
        const auto child = any_child_of(one.pod.name());
        note("reclaim " + one.pod.name() + '/' + number(one.pod) + " from " + child);
        const auto before = model_.state();
        const auto wanted = model_.reclaim(one.pod.name(), epoch_of(one.pod), child);
        const auto got = one.pod.reclaim(child);
        if (compare(wanted, got)) {
            compare_ends(one.pod.name(), before, *got);
            const stored_state after{backend_};
            const auto again = one.pod.reclaim(child);
            check(again && !again->changed() && stored_state{backend_} == after,
                  "I8: a second reclaim changes something");
        }
    }

    void reconcile(held_pod& one) {
        note("reconcile " + one.pod.name() + '/' + number(one.pod));
        const auto before = model_.state();
        const auto wanted = model_.reconcile(one.pod.name(), epoch_of(one.pod));
        const auto got = one.pod.reconcile();
        if (compare(wanted, got)) {
            compare_ends(one.pod.name(), before, *got);
            settled(one.pod.name());
            settle_again(one.pod.name());
        }
    }

    // As a supervisor does it: by what is known of some, a part of which is out of date. It may be
    // anything, since the library has no second opinion.
    void reconcile_by_judgements(held_pod& one) {
        podscope::judgements judged;
        std::map<std::string, podscope::verdict> known;
        std::string text;
        const stored_state now{backend_};
        for (const auto& [pod, row] : now.of<podscope::tables::allocations>()) {
            if (chance(40)) {
                continue;
            }
            podscope::judgement said{.owner = row.owner,
                                     .granted = row.granted,
                                     .found = static_cast<podscope::verdict>(pick(4))};
            text += ' ' + pod + ' ' + std::string{to_string(said.found)};
            if (chance(20)) {
                said.granted = podscope::epoch{static_cast<std::uint64_t>(row.granted) - 1};
                text += " (another epoch)";
            } else if (chance(20)) {
                said.owner.start_time += 1;
                text += " (another process)";
            } else {
                known[pod] = said.found;
            }
            judged.emplace(pod, said);
        }
        note("reconcile " + one.pod.name() + '/' + number(one.pod) + " knowing" + text);
        const auto before = model_.state();
        const auto wanted = model_.reconcile(one.pod.name(), epoch_of(one.pod), known);
        const auto got = one.pod.reconcile(judged);
        if (compare(wanted, got)) {
            compare_ends(one.pod.name(), before, *got);
            settled(one.pod.name());
            const stored_state after{backend_};
            const auto again = one.pod.reconcile(judged);
            check(again && stored_state{backend_} == after == !again->changed(),
                  "I8: a second reconcile does not say what it changes");
        }
    }

    // I6: what stands in a session is nobody's business.
    void forge(held_pod& one) {
        note("forge in the session of " + one.pod.name() + '/' + number(one.pod));
        const auto done = one.pod.append(
            {.kind = "podscope.begin",
             .body = R"({"pod":"root1","allow":["write /"],"layers":[],"reason":"released"})"});
        check(done.has_value() == model_.holds(one.pod.name(), epoch_of(one.pod)),
              "an entry is taken from somebody else, or is not taken");
    }

    [[nodiscard]] std::string any_child_of(const std::string& pod) {
        std::vector<std::string> children;
        for (const auto& made : model_.state().delegations) {
            if (made.from == pod) {
                children.push_back(made.to);
            }
        }
        return children.empty() || chance(10) ? any_name() : children[pick(children.size())];
    }

    // I8: a second reconcile finds nothing to do, unless the first has put somebody in reach who
    // was not before.
    void settle_again(const std::string& pod) {
        const auto one = std::ranges::find_if(pods_, [&](const held_pod& held) {
            return held.pod.name() == pod && model_.holds(pod, epoch_of(held.pod));
        });
        if (one == pods_.end()) {
            return;
        }
        const stored_state before{backend_};
        const auto again = one->pod.reconcile();
        check(again && !again->changed(), "I8: a second reconcile changes something");
        check(stored_state{backend_} == before, "I8: a second reconcile leaves something else");
    }

    // The report says what has ended and who was adopted, and nothing else.
    void compare_ends(const std::string& heir,
                      const model_state& before,
                      const podscope::reconcile_report& report,
                      bool all = true) {
        const auto& now = model_.state();
        std::set<model_end> wanted;
        std::ranges::set_difference(now.history, before.history,
                                    std::inserter(wanted, wanted.end()));
        std::erase_if(wanted, [&](const model_end& one) { return one.heir != heir; });
        std::set<model_end> reported;
        for (const auto& one : report.ended) {
            reported.insert({heir, one.delegator, one.child,
                             static_cast<std::uint64_t>(one.granted), one.reason});
        }
        check(all ? reported == wanted : std::ranges::includes(wanted, reported),
              "the report of what has ended is another one");
        std::set<std::string> moved;
        for (const auto& [pod, row] : now.live) {
            const auto earlier = before.live.find(pod);
            if (earlier != before.live.end() && earlier->second.granted == row.granted &&
                earlier->second.parent != row.parent) {
                moved.insert(pod);
            }
        }
        std::set<std::string> adopted;
        for (const auto& one : report.adopted) {
            adopted.insert(one.child);
        }
        check(all ? adopted == moved : std::ranges::includes(moved, adopted),
              "the report of who was adopted is another one");
    }

    void judge_shown() {
        const auto text = [](const auto& names) {
            std::string all;
            for (const auto& [pod, granted] : names) {
                all += ' ' + pod + '/' + std::to_string(granted);
            }
            return all;
        };
        check(policy_.shown() == model_.shown(), "the policy was shown" + text(policy_.shown()) +
                                                     " and had to be shown" + text(model_.shown()));
    }
};

/// Plays trees to a backend (see configurations.hpp), each to a new one. PODSCOPE_SEED=n begins
/// with the tree of that seed, PODSCOPE_TREES=n plays so many.
template <class Backend>
void play_trees(std::uint64_t count) {
    const auto first = number_from_environment("PODSCOPE_SEED", 1);
    const auto end =
        first + number_from_environment("PODSCOPE_TREES", is_sanitised ? count / 40 : count);
    play_seeds(first, end, "PODSCOPE_TREES", [](choices chosen) {
        const Backend backend;
        random_tree<typename Backend::store>{[&] { return backend.open(); }, std::move(chosen)}
            .play();
    });
}

} // namespace podscope_test
