// SPDX-License-Identifier: BSL-1.0
// Histories of a runtime's operations over a few names and places, judged by the reference model.
#pragma once

#include "regimes/deeds.hpp"
#include "regimes/fate.hpp"
#include "regimes/recorder.hpp"
#include "regimes/registry_model.hpp"

#include <podscope/error.hpp>
#include <podscope/pod/clock.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/fixed.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/memory.hpp>
#include <podscope/sink/null.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace regimes {

/// One process of such a history.
template <class Backend>
class registry_actor {
public:
    using parts = podscope::runtime_parts<Backend,
                                          podscope::memory_sessions,
                                          podscope::fixed_probe,
                                          podscope::null_sink,
                                          podscope::lexical_path,
                                          podscope::reclaim_and_fence,
                                          podscope::system_clocks,
                                          podscope::calling_process>;

    /// What the processes of a history show each other.
    struct board {
        /// The last grant for each name, and for which place.
        std::array<std::atomic<std::uint64_t>, pod_names.size()> offers{};

        /// Who was the last whose lease has ended, for several to restore him at once.
        std::atomic<std::size_t> lapsed{};
    };

    registry_actor(Backend backend, board& shown, std::uint64_t seed)
        : backend_{backend},
          library_{parts{std::move(backend),
                         {},
                         podscope::fixed_probe{podscope::verdict::reachable},
                         {},
                         {},
                         {},
                         {},
                         {}}},
          board_{&shown},
          random_{seed} {}

    void act(recorder<registry_operation>& notes) {
        using kind = registry_operation::kind;
        // So that grants go from hand to hand, and are taken back while they are held.
        constexpr std::array with_own{
            kind::delegate, kind::delegate, kind::delegate,  kind::delegate,
            kind::reclaim,  kind::reclaim,  kind::reclaim,   kind::release,
            kind::check,    kind::check,    kind::check,     kind::check,
            kind::check,    kind::check,    kind::reconcile, kind::reconcile};
        constexpr std::array without{kind::adopt,   kind::adopt,   kind::adopt,   kind::create,
                                     kind::restore, kind::restore, kind::restore, kind::restore,
                                     kind::lapse,   kind::lapse,   kind::find};
        registry_operation one;
        auto* const own = own_.empty() ? nullptr : &own_[pick(own_.size())];
        one.place = pick(place_names.size());
        if (own != nullptr && pick(3) != 0) {
            one.what = with_own[pick(with_own.size())];
            one.pod = static_cast<std::size_t>(own->one.name()[1] - '0');
            one.shown = number(own->one.granted());
            one.child = one.what == kind::reclaim ? any_offered() : pick(pod_names.size());
            if (pick(4) != 0) {
                one.place = std::max(one.place, own->place);
            }
        } else {
            one.what = without[pick(without.size())];
            one.pod = one.what == kind::adopt ? any_offered() : pick(pod_names.size());
            if (one.what == kind::restore && pick(4) != 0) {
                one.pod = board_->lapsed.load();
            }
        }
        if (one.what == kind::adopt) {
            const auto offer = board_->offers.at(one.pod).load();
            one.shown = offer / place_names.size();
            one.place = offer % place_names.size();
            one.what = offer == 0 ? kind::create : kind::adopt;
        }
        notes.record(one,
                     [&](registry_operation& now) { return run(now, own ? &own->one : nullptr); });
    }

    /// A root, and grants for others to take up.
    void prepare(recorder<registry_operation>& notes) {
        using kind = registry_operation::kind;
        notes.record({.what = kind::create},
                     [&](registry_operation& now) { return run(now, nullptr); });
        if (own_.empty()) {
            return; // the store was out of reach
        }
        for (const std::size_t child : {std::size_t{1}, std::size_t{3}}) {
            notes.record({.what = kind::delegate, .shown = 1, .child = child, .place = child},
                         [&](registry_operation& now) { return run(now, &own_.front().one); });
        }
    }

    /// What is there under each name.
    fate find(registry_operation& one) { return run(one, nullptr); }

private:
    using pod = podscope::basic_pod<parts>;

    struct held {
        pod one;
        std::size_t place;
    };

    [[nodiscard]] std::size_t pick(std::size_t below) {
        return static_cast<std::size_t>(random_() % below);
    }

    // Somebody for whom there is a grant, if there is one.
    [[nodiscard]] std::size_t any_offered() {
        auto found = pick(pod_names.size());
        for (std::size_t tries = 0;
             tries != pod_names.size() && board_->offers.at(found).load() == 0; ++tries) {
            found = (found + 1) % pod_names.size();
        }
        return found;
    }

    [[nodiscard]] static std::uint64_t number(podscope::epoch granted) {
        return static_cast<std::uint64_t>(granted);
    }

    [[nodiscard]] static podscope::manifest manifest_of(std::size_t pod, std::size_t place) {
        return podscope::manifest{pod_names[pod]}
            .may(podscope::rules::read(place_names[place]))
            .may(podscope::rules::write(place_names[place]));
    }

    fate run(registry_operation& one, pod* own) {
        using kind = registry_operation::kind;
        fate became = fate::answered;
        const auto note = [&](const auto& got) {
            if (!got) {
                one.refused = got.error().category;
                became = fate_of(got.error());
            }
        };
        const auto keep = [&](podscope::result<pod> got) {
            note(got);
            if (got) {
                one.granted = number(got->granted());
                own_.push_back({std::move(*got), one.place});
            }
        };
        switch (one.what) {
        case kind::create: keep(library_.create(manifest_of(one.pod, one.place))); break;
        case kind::delegate: {
            const auto made = own->delegate(manifest_of(one.child, one.place));
            note(made);
            if (made) {
                one.granted = number(made->granted);
                board_->offers.at(one.child).store(one.granted * place_names.size() + one.place);
            }
            break;
        }
        case kind::adopt:
            keep(
                library_.adopt({.pod = pod_names[one.pod], .granted = podscope::epoch{one.shown}}));
            break;
        case kind::reclaim: note(own->reclaim(pod_names[one.child])); break;
        case kind::release: note(own->release()); break;
        case kind::check:
            note(own->check(place_names[one.place], podscope::permission::write));
            break;
        case kind::find: {
            const auto row = library_.find(pod_names[one.pod]);
            note(row);
            one.granted = row && *row ? number((**row).granted) : 0;
            break;
        }
        case kind::restore: {
            // A log is of the process that has written it.
            auto back = library_.restore(pod_names[one.pod], {.replace_lost_segment = true});
            keep(back ? podscope::result<pod>{std::move(back->pod)} : podscope::fail(back));
            break;
        }
        case kind::reconcile: note(own->reconcile()); break;
        case kind::lapse:
            board_->lapsed.store(one.pod);
            note(backend_.write(
                [&](auto& txn) { return podscope::registry{txn}.erase(pod_names[one.pod]); }));
            break;
        }
        return became;
    }

    Backend backend_;
    podscope::basic_runtime<parts> library_;
    board* board_;
    std::mt19937_64 random_;
    std::vector<held> own_{};
};

/// A history over a backend that `open()` opens, in each process anew.
template <class Open>
[[nodiscard]] history<registry_operation> record_registry_history(Open&& open,
                                                                  disturbance how,
                                                                  const blow_to_all& strike,
                                                                  std::mt19937_64& random) {
    using actor = registry_actor<decltype(open())>;
    const podscope_test::shared<typename actor::board> board;
    const auto processes = 3 + random() % 2;
    const bool is_prepared = random() % 4 != 0;
    const auto seed = random();
    auto made = make_history<registry_operation>(
        processes, how, strike, random,
        [&](std::size_t process, recorder<registry_operation>& notes) {
            std::mt19937_64 own{seed + process};
            // Never destroyed: pods that are would be given up while others still work.
            auto* const one = new actor{open(), *board, own()};
            const auto count = 4 + own() % 5;
            if (process == 0 && is_prepared) {
                one->prepare(notes);
            }
            notes.meet();
            for (std::uint64_t i = 0; i != count; ++i) {
                one->act(notes);
            }
        });
    // What was left in the end belongs to it.
    actor last{open(), *board, 0};
    for (std::size_t pod = 0; pod != pod_names.size(); ++pod) {
        registry_operation one{.what = registry_operation::kind::find, .pod = pod};
        if (last.find(one) != fate::answered) {
            throw std::runtime_error{"what is left of a history cannot be read"};
        }
        one.when = {made.next_stamp, made.next_stamp + 1};
        made.next_stamp += 2;
        made.operations.push_back(one);
    }
    return made;
}

} // namespace regimes
