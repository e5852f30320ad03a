// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/verify/schedule.hpp>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

namespace podscope::verify {

/// One run of a scenario, which an explorer drives: its actors stand at the beginning of what they
/// do when it is made, and every run of a scenario that is driven in the same way does the same.
template <class E>
concept execution = requires(E& run, const E& seen) {
    { run.plan() } -> std::same_as<schedule&>;
    /// How many actors may crash.
    { seen.most_crashes() } -> std::convertible_to<std::size_t>;
    /// A hash of what the actors share, and of all that `broken` looks at.
    { seen.shared_hash() } -> std::convertible_to<std::uint64_t>;
    /// What is wrong with the state, each as a sentence.
    { run.broken() } -> std::same_as<std::vector<std::string>>;
    /// The same, once nothing can happen any more, by whatever puts things in order then.
    { run.broken_at_the_end() } -> std::same_as<std::vector<std::string>>;
};

/// A way through a scenario that breaks something.
struct violation {
    std::vector<std::string> broken{}; ///< what, each as a sentence
    std::vector<std::string> steps{};  ///< how one gets there
    std::string replay{};              ///< the same for a machine: see `replayed`
};

struct exploration {
    std::uint64_t states{};      ///< that differ in what the actors share or remember
    std::uint64_t transitions{}; ///< steps from one of them
    std::uint64_t endings{};     ///< states in which nothing can happen any more
    std::size_t depth{};         ///< steps to the furthest state
    bool exhausted{};            ///< whether all states were seen
    std::optional<violation> found{};
};

namespace verify_detail {

using route = std::vector<std::uint8_t>; // of each step, which of the alternatives

[[nodiscard]] inline std::string to_text(const route& way) {
    std::string text;
    for (const auto step : way) {
        text += (text.empty() ? "" : ".") + std::to_string(step);
    }
    return text;
}

template <execution E>
[[nodiscard]] std::vector<alternative> alternatives_of(E& run) {
    return run.plan().alternatives(run.plan().crashes() < run.most_crashes());
}

template <execution E>
[[nodiscard]] std::vector<std::string> judged(E& run) {
    auto broken = run.broken();
    if (broken.empty()) {
        broken = run.plan().stuck();
    }
    if (broken.empty() && alternatives_of(run).empty()) {
        broken = run.broken_at_the_end();
    }
    return broken;
}

// States that were judged before, by what is shared in them: no more than that is judged, but for
// who is stuck.
class sound_states {
public:
    /// Whether nothing is broken in a state.
    template <execution E>
    [[nodiscard]] bool holds(E& run) {
        auto& known = alternatives_of(run).empty() ? endings_ : others_;
        const auto shared = run.shared_hash();
        if (known.contains(shared)) {
            return run.plan().stuck().empty();
        }
        if (!judged(run).empty()) {
            return false;
        }
        known.insert(shared);
        return true;
    }

private:
    std::unordered_set<std::uint64_t> others_{};
    std::unordered_set<std::uint64_t> endings_{};
};

} // namespace verify_detail

/// Goes through a scenario again as a `violation::replay` says, and tells the steps and what is
/// broken at their end; less if it does not fit the scenario.
///
/// @param make makes an execution, as a std::unique_ptr
template <class Make>
[[nodiscard]] violation replayed(Make&& make, std::string_view replay) {
    violation told{.replay = std::string{replay}};
    const auto run = make();
    for (auto rest = replay; !rest.empty();) {
        const auto word = rest.substr(0, rest.find('.'));
        std::size_t step{};
        const auto* const end = word.data() + word.size();
        const auto [read, fault] = std::from_chars(word.data(), end, step);
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        const auto now = verify_detail::alternatives_of(*run);
        if (fault != std::errc{} || read != end || step >= now.size()) {
            break;
        }
        told.steps.push_back(run->plan().told(now[step]));
        run->plan().apply(now[step]);
    }
    told.broken = verify_detail::judged(*run);
    return told;
}

/// Goes through all that can happen in a scenario: every order of the actors' points, every answer
/// and every crash, each state once. What it finds first is by a shortest way, since it goes
/// breadth first. Where nobody can go on and somebody has not come to his end, that is found too,
/// whether or not a crash would set him free.
///
/// Two states are taken for one if hashes of 64 bits of what the actors share, and of what each has
/// seen, are equal. A state is come to by doing all of its way again, so a step costs as much as
/// the way to it; memory is about 60 bytes a state.
///
/// @param make        makes an execution, as a std::unique_ptr
/// @param most_states after which it gives up
/// @param most_depth  steps beyond which it does not look
template <class Make>
[[nodiscard]] exploration
explore(Make&& make,
        std::uint64_t most_states = std::numeric_limits<std::uint64_t>::max(),
        std::size_t most_depth = std::numeric_limits<std::size_t>::max()) {
    using namespace verify_detail;

    // How a state was come to first.
    struct arrival {
        std::uint32_t from;
        std::uint8_t step;
    };

    exploration all;
    std::vector<arrival> arrivals{{0, 0}};
    std::unordered_set<std::uint64_t> known;
    verify_detail::sound_states sound;

    const auto way_to = [&](std::size_t state) {
        route way;
        for (; state != 0; state = arrivals[state].from) {
            way.insert(way.begin(), arrivals[state].step);
        }
        return way;
    };
    const auto gone = [&](const route& way) {
        auto run = make();
        for (const auto step : way) {
            run->plan().apply(alternatives_of(*run)[step]);
        }
        return run;
    };
    // Whether the state is a sound one.
    const auto judge = [&](auto& run, const route& way) {
        all.endings += alternatives_of(*run).empty() ? 1U : 0U;
        if (!sound.holds(*run)) {
            all.found = replayed(make, to_text(way));
        }
        return !all.found;
    };

    {
        const auto start = make();
        known.insert(mix(start->shared_hash(), start->plan().memory()));
        if (!judge(start, {})) {
            return all;
        }
    }
    std::size_t level_ends = 1;
    for (std::size_t state = 0; state != arrivals.size(); ++state) {
        if (state == level_ends) {
            level_ends = arrivals.size();
            ++all.depth;
        }
        if (arrivals.size() > most_states || all.depth >= most_depth) {
            all.states = arrivals.size();
            return all;
        }
        auto way = way_to(state);
        auto run = gone(way);
        const auto count = alternatives_of(*run).size();
        for (std::size_t step = 0; step != count; ++step) {
            if (!run) {
                run = gone(way);
            }
            run->plan().apply(alternatives_of(*run)[step]);
            ++all.transitions;
            if (known.insert(mix(run->shared_hash(), run->plan().memory())).second) {
                arrivals.push_back(
                    {static_cast<std::uint32_t>(state), static_cast<std::uint8_t>(step)});
                way.push_back(static_cast<std::uint8_t>(step));
                if (!judge(run, way)) {
                    all.states = arrivals.size();
                    return all;
                }
                way.pop_back();
            }
            run.reset();
        }
    }
    all.states = arrivals.size();
    all.exhausted = true;
    return all;
}

/// What a sample has done.
struct sampling {
    std::uint64_t steps{};
    std::optional<violation> found{};
};

/// Goes through a scenario at random, once for each call: for one that is too large to be
/// exhausted.
///
/// With priorities, as in "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs"
/// (Burckhardt, Kothari, Musuvathi, Nagarakatte, 2010): the actor of the highest one goes on, and
/// at `changes` random steps of `most_steps` its priority becomes the lowest. A bug that needs so
/// many orderings is met with a known chance, whatever the number of orders is.
///
/// Remembers which states it has judged: about 30 bytes for each.
template <class Make>
class sampler {
public:
    /// @param make as for explore
    sampler(Make make, std::uint64_t seed, std::size_t most_steps, std::size_t changes)
        : make_{std::move(make)},
          random_{seed},
          most_steps_{most_steps},
          turns_(changes) {}

    [[nodiscard]] sampling operator()() {
        using namespace verify_detail;
        auto run = make_();
        priorities_.resize(run->plan().size());
        for (auto& one : priorities_) {
            one = most_steps_ + below(most_steps_ * most_steps_);
        }
        for (auto& one : turns_) {
            one = below(most_steps_);
        }
        route way;
        for (std::size_t step = 0;; ++step) {
            if (!sound_.holds(*run)) {
                return {step, replayed(make_, to_text(way))};
            }
            const auto now = alternatives_of(*run);
            if (now.empty()) {
                return {step, std::nullopt};
            }
            const auto chosen = choose(now);
            way.push_back(static_cast<std::uint8_t>(chosen));
            run->plan().apply(now[chosen]);
            for (std::size_t i = 0; i != turns_.size(); ++i) {
                if (turns_[i] == step) {
                    priorities_[now[chosen].actor] = i;
                }
            }
        }
    }

private:
    [[nodiscard]] std::size_t below(std::size_t end) {
        return std::uniform_int_distribution<std::size_t>{0, end - 1}(random_);
    }

    // Of the actor that goes on: to go on as it is, one of its answers, or, seldom, a crash. Some
    // actor can go on, or all that are left would be stuck.
    [[nodiscard]] std::size_t choose(const std::vector<alternative>& now) {
        std::size_t first = 0;
        for (std::size_t i = 1; i != now.size(); ++i) {
            const bool is_before = priorities_[now[i].actor] > priorities_[now[first].actor];
            if (now[i].crash != now[first].crash ? now[first].crash : is_before) {
                first = i;
            }
        }
        std::vector<std::size_t> own;
        for (std::size_t i = 0; i != now.size(); ++i) {
            const bool may_be = !now[i].crash || below(most_steps_) == 0;
            if (now[i].actor == now[first].actor && may_be) {
                own.push_back(i);
            }
        }
        return own[below(own.size())];
    }

    Make make_;
    std::mt19937_64 random_;
    std::size_t most_steps_;
    std::vector<std::size_t> priorities_{};
    std::vector<std::size_t> turns_;
    verify_detail::sound_states sound_{};
};

} // namespace podscope::verify
