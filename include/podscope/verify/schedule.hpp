// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/fiber.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope::verify {

/// Takes a value into a hash, so that order matters (the mixer of splitmix64, Steele, Lea and
/// Flood, 2014).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t value) noexcept {
    std::uint64_t z = hash * 0x9e3779b97f4a7c15U + value + 0x2545f4914f6cdd1dU;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
}

/// The same for bytes, by the FNV-1a hash of them.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t hash, std::string_view bytes) noexcept {
    std::uint64_t sum = 0xcbf29ce484222325U;
    for (const char c : bytes) {
        sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    return mix(hash, sum + bytes.size());
}

/// One thing that can happen next: an actor goes on, is answered in one way of several, or crashes.
struct alternative {
    std::size_t actor{};
    std::size_t answer{};
    bool crash{};

    friend bool operator==(const alternative&, const alternative&) = default;
};

/// The actors of one execution, each a program that runs until it comes to a point, and no further
/// before it is told to: so that whoever drives them has every order of their points in his hand,
/// every answer that is chosen at one, and every crash between two.
///
/// An actor stands for a process. Whatever it shares with others it must reach through points: a
/// transaction, a probe, a sink. A crashed actor goes on to its end without effect: each of its
/// points fails from then on, so nothing that it does reaches anybody.
///
/// For one thread. While no actor runs (before the first, after the last) points do nothing.
class schedule {
public:
    schedule() = default;
    schedule(const schedule&) = delete;
    schedule& operator=(const schedule&) = delete;

    /// Lets all that have not ended go to their end without effect.
    ~schedule() {
        for (std::size_t i = 0; i != actors_.size(); ++i) {
            if (!actors_[i].ended && !actors_[i].waits) {
                apply({.actor = i, .crash = true});
            }
        }
    }

    /// A new actor; nothing of it runs yet.
    ///
    /// @param waits until `wake` names it
    std::size_t add(std::string name, std::function<void()> body, bool waits = false) {
        auto& added = actors_.emplace_back();
        added.name = std::move(name);
        added.waits = waits;
        added.at = std::make_unique<fiber>(std::move(body));
        return actors_.size() - 1;
    }

    /// Runs each actor that does not wait up to its first point.
    void begin() {
        for (std::size_t i = 0; i != actors_.size(); ++i) {
            if (!actors_[i].waits) {
                go_on(i);
            }
        }
    }

    /// What can happen next, in a fixed order; nothing once all have ended.
    ///
    /// @param with_crashes whether an actor may crash
    [[nodiscard]] std::vector<alternative> alternatives(bool with_crashes) const {
        std::vector<alternative> all;
        for (std::size_t i = 0; i != actors_.size(); ++i) {
            const auto& one = actors_[i];
            if (one.options != 0) { // nothing happens between a question and its answer
                all.clear();
                for (std::size_t answer = 0; answer != one.options; ++answer) {
                    all.push_back({.actor = i, .answer = answer});
                }
                return all;
            }
            if (!one.ended && !one.waits) {
                all.push_back({.actor = i});
                if (with_crashes) {
                    all.push_back({.actor = i, .crash = true});
                }
            }
        }
        return all;
    }

    void apply(const alternative& next) {
        auto& one = actors_[next.actor];
        one.answer = next.answer;
        one.options = 0;
        if (next.crash) {
            one.crashed = true;
            one.waits = false;
        }
        go_on(next.actor);
    }

    /// An alternative in words: "parent: write", "parent: crash before write".
    [[nodiscard]] std::string told(const alternative& next) const {
        const auto& one = actors_[next.actor];
        if (next.crash) {
            return one.name + ": crash before " + one.what;
        }
        return one.name + ": " + (one.options == 0 ? one.what : one.answers[next.answer]);
    }

    [[nodiscard]] std::size_t size() const noexcept { return actors_.size(); }

    [[nodiscard]] bool is_crashed(std::size_t actor) const noexcept {
        return actors_[actor].crashed;
    }

    [[nodiscard]] bool has_ended(std::size_t actor) const noexcept { return actors_[actor].ended; }

    [[nodiscard]] std::size_t crashes() const noexcept {
        std::size_t count = 0;
        for (const auto& one : actors_) {
            count += one.crashed ? 1U : 0U;
        }
        return count;
    }

    /// What the actors may still do depends on no more than this and on what they share.
    [[nodiscard]] std::uint64_t memory() const noexcept {
        std::uint64_t hash = actors_.size();
        for (const auto& one : actors_) {
            const std::uint64_t state =
                one.crashed ? 1 : (one.ended ? 2 : (one.waits ? 3 : mix(one.memory, one.what)));
            hash = mix(hash, state);
        }
        return hash;
    }

    // From within an actor.

    /// Where others may go first. Fails if the actor has crashed: it must have no effect then.
    [[nodiscard]] result<void> point(std::string_view what) {
        if (running_ == nobody) {
            return {};
        }
        auto& one = actors_[running_];
        if (!one.crashed) {
            one.what = what;
            one.memory = mix(one.memory, what);
            one.at->leave();
        }
        return one.crashed ? gone() : result<void>{};
    }

    /// Which of the answers is given; the first one to an actor that has crashed.
    [[nodiscard]] std::size_t choose(std::vector<std::string> answers) {
        if (running_ == nobody || answers.size() < 2 || actors_[running_].crashed) {
            return 0;
        }
        auto& one = actors_[running_];
        one.options = answers.size();
        one.memory = mix(one.memory, answers.size());
        one.answers = std::move(answers);
        one.at->leave();
        one.memory = mix(one.memory, one.answer);
        return one.answer;
    }

    /// The running actor has learnt something, on which what it does next may depend.
    void observe(std::uint64_t seen) noexcept {
        if (running_ != nobody) {
            actors_[running_].memory = mix(actors_[running_].memory, seen);
        }
    }

    /// Lets an actor go that has waited, and knows `shown`.
    void wake(std::size_t actor, std::uint64_t shown) noexcept {
        actors_[actor].waits = false;
        actors_[actor].what = "its begin";
        actors_[actor].memory = mix(actors_[actor].memory, shown);
    }

    /// Whether the running actor still has an effect.
    [[nodiscard]] bool is_alive() const noexcept {
        return running_ == nobody || !actors_[running_].crashed;
    }

private:
    struct program {
        std::string name{};
        std::unique_ptr<fiber> at{};
        std::string what{"its begin"};
        std::vector<std::string> answers{};
        std::size_t options{};
        std::size_t answer{};
        std::uint64_t memory{};
        bool waits{};
        bool crashed{};
        bool ended{};
    };

    static constexpr std::size_t nobody = ~std::size_t{0};

    static result<void> gone() {
        return fail({.category = errc::unavailable, .message = "this process has crashed"});
    }

    void go_on(std::size_t actor) {
        running_ = actor;
        actors_[actor].at->resume();
        running_ = nobody;
        actors_[actor].ended = actors_[actor].at->has_ended();
    }

    std::deque<program> actors_{};
    std::size_t running_ = nobody;
};

} // namespace podscope::verify
