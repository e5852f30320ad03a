// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/fiber.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

/// The same for bytes, eight at a time.
[[nodiscard]] inline std::uint64_t mix(std::uint64_t hash, std::string_view bytes) noexcept {
    hash = mix(hash, bytes.size());
    while (!bytes.empty()) {
        std::uint64_t next = 0;
        const auto count = std::min(bytes.size(), sizeof next);
        std::memcpy(&next, bytes.data(), count);
        hash = mix(hash, next);
        bytes.remove_prefix(count);
    }
    return hash;
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
/// An actor stands for a process, or for one thread of a process. Whatever it shares with other
/// processes it must reach through points: a transaction, a probe, a sink. What threads of one
/// process share besides is theirs to reach as they like; they take turns at points only. A crashed
/// actor goes on to its end without effect: each of its points fails from then on, so nothing that
/// it does reaches anybody.
///
/// For one thread of the system. While no actor runs (before the first, after the last) points do
/// nothing.
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
        added.process = actors_.size() - 1;
        return added.process;
    }

    /// Another thread of the process that an actor stands for: it crashes with that.
    std::size_t add_thread(std::string name, std::function<void()> body, std::size_t of) {
        const auto added = add(std::move(name), std::move(body));
        actors_[added].process = actors_[of].process;
        return added;
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
    /// @param with_crashes whether a process may crash
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
            if (one.ended || one.waits) {
                continue;
            }
            if (!one.ready || one.ready()) {
                all.push_back({.actor = i});
            }
            if (with_crashes && speaks_for_its_process(i)) {
                all.push_back({.actor = i, .crash = true});
            }
        }
        return all;
    }

    /// Once nobody can go on, who waits for what never comes, each as a sentence: they wait for
    /// each other, or for one that has ended. That a crash would set them free is no excuse.
    [[nodiscard]] std::vector<std::string> stuck() const {
        std::vector<std::string> all;
        if (alternatives(false).empty()) {
            for (const auto& one : actors_) {
                if (!one.ended && !one.waits) {
                    all.push_back(one.name + " waits for ever before " + one.what);
                }
            }
        }
        return all;
    }

    void apply(const alternative& next) {
        auto& one = actors_[next.actor];
        one.answer = next.answer;
        one.options = 0;
        if (!next.crash) {
            go_on(next.actor);
            return;
        }
        for (auto& thread : actors_) {
            thread.crashed = thread.crashed || thread.process == one.process;
        }
        for (std::size_t i = 0; i != actors_.size(); ++i) {
            if (actors_[i].process == one.process && !actors_[i].ended) {
                actors_[i].waits = false;
                go_on(i);
            }
        }
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

    /// How many processes have crashed.
    [[nodiscard]] std::size_t crashes() const noexcept {
        std::size_t count = 0;
        for (std::size_t i = 0; i != actors_.size(); ++i) {
            count += actors_[i].crashed && actors_[i].process == i ? 1U : 0U;
        }
        return count;
    }

    /// What the actors may still do depends on no more than this and on what they share.
    [[nodiscard]] std::uint64_t memory() const noexcept {
        std::uint64_t hash = actors_.size();
        for (const auto& one : actors_) {
            const std::uint64_t state =
                one.crashed
                    ? 1
                    : (one.ended ? 2
                                 : (one.waits ? 3 : mix(actors_[one.process].memory, one.what)));
            hash = mix(hash, state);
        }
        return hash;
    }

    // From within an actor.

    /// Where others may go first. Fails if the actor has crashed: it must have no effect then.
    ///
    /// @param ready whether the actor may go on, by what others have done; if not, it waits. Empty
    ///              for always.
    [[nodiscard]] result<void> point(std::string_view what, std::function<bool()> ready = {}) {
        if (running_ == nobody) {
            return {};
        }
        auto& one = actors_[running_];
        if (!one.crashed) {
            one.what = what;
            one.ready = std::move(ready);
            remember(what);
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
        remember(answers.size());
        one.answers = std::move(answers);
        one.at->leave();
        remember(one.answer);
        return one.answer;
    }

    /// Whether what is learnt now is remembered by anybody: while an actor runs that has not
    /// crashed.
    [[nodiscard]] bool is_observing() const noexcept {
        return running_ != nobody && !actors_[running_].crashed;
    }

    /// The running actor has learnt something, on which what it does next may depend.
    void observe(std::uint64_t seen) noexcept {
        if (is_observing()) {
            remember(seen);
        }
    }

    /// Lets an actor go that has waited, and knows `shown`.
    void wake(std::size_t actor, std::uint64_t shown) noexcept {
        actors_[actor].waits = false;
        actors_[actor].what = "its begin";
        auto& memory = memory_of(actor);
        memory = mix(memory, shown);
    }

    /// Whether the running actor still has an effect.
    [[nodiscard]] bool is_alive() const noexcept {
        return running_ == nobody || !actors_[running_].crashed;
    }

    /// The schedule of which an actor runs in this thread, or null.
    [[nodiscard]] static schedule* current() noexcept { return current_; }

private:
    struct program {
        std::string name{};
        std::unique_ptr<fiber> at{};
        std::string what{"its begin"};
        std::function<bool()> ready{};
        std::vector<std::string> answers{};
        std::size_t options{};
        std::size_t answer{};
        std::size_t process{};
        std::uint64_t memory{}; // of the whole process, in its first thread
        bool waits{};
        bool crashed{};
        bool ended{};
    };

    static constexpr std::size_t nobody = ~std::size_t{0};

    static result<void> gone() {
        return fail({.category = errc::unavailable, .message = "this process has crashed"});
    }

    // The first of its threads that has not ended: a process crashes once.
    [[nodiscard]] bool speaks_for_its_process(std::size_t actor) const noexcept {
        const auto process = actors_[actor].process;
        for (std::size_t i = process; i != actor; ++i) {
            if (actors_[i].process == process && !actors_[i].ended) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] std::uint64_t& memory_of(std::size_t actor) noexcept {
        return actors_[actors_[actor].process].memory;
    }

    // The threads of a process may tell each other anything, so the order in which they learn what
    // they learn is part of what it knows.
    void remember(auto what) noexcept {
        auto& memory = memory_of(running_);
        memory = mix(mix(memory, std::uint64_t{running_}), what);
    }

    void go_on(std::size_t actor) {
        auto* const outer = std::exchange(current_, this);
        running_ = actor;
        auto& one = actors_[actor];
        one.at->resume();
        one.ended = one.at->has_ended();
        if (one.ended) {
            remember(std::uint64_t{0});
        }
        running_ = nobody;
        current_ = outer;
    }

    inline static thread_local schedule* current_ = nullptr;

    std::deque<program> actors_{};
    std::size_t running_ = nobody;
};

} // namespace podscope::verify
