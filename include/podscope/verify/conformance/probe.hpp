// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/opened.hpp>
#include <podscope/verify/conformance/report.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope::verify {

/// A subject of which it is known what a probe has to find.
struct known_subject {
    probe_subject subject{};
    verdict found{};
};

namespace conformance {

/// Any probe, as the kit sees it, with what its place knows.
struct probed_place {
    std::vector<known_subject> known{};
    std::vector<probe_subject> hung{}; ///< none if its place has none
    std::function<void(std::span<const probe_subject>, deadline, std::span<verdict>)> ask{};
};

using probe_place_maker = std::function<result<std::shared_ptr<const probed_place>>()>;

[[nodiscard]] inline deadline soon(std::chrono::milliseconds wait) {
    return std::chrono::steady_clock::now() + wait;
}

[[nodiscard]] inline std::vector<verdict>
verdicts_of(const probed_place& at, const std::vector<probe_subject>& subjects, deadline until) {
    std::vector<verdict> verdicts(subjects.size(), verdict::unknown);
    at.ask(subjects, until, verdicts);
    return verdicts;
}

/// In a thread that is left behind if it does not come back within the patience of the trial.
[[nodiscard]] inline std::vector<verdict>
verdicts_within(trial& t,
                const std::shared_ptr<const probed_place>& at,
                const std::vector<probe_subject>& subjects,
                deadline until) {
    struct answer {
        std::mutex mutex{};
        std::condition_variable given{};
        std::vector<verdict> verdicts{};
        std::exception_ptr thrown{};
        bool is_given{};
    };

    const auto told = std::make_shared<answer>();
    std::thread{[told, at, subjects, until] {
        std::vector<verdict> found;
        std::exception_ptr thrown;
        try {
            found = verdicts_of(*at, subjects, until);
        } catch (...) {
            thrown = std::current_exception();
        }
        const std::lock_guard alone{told->mutex};
        told->verdicts = std::move(found);
        told->thrown = std::move(thrown);
        told->is_given = true;
        told->given.notify_all();
    }}.detach();
    std::unique_lock waiting{told->mutex};
    const auto latest = std::max(until, std::chrono::steady_clock::now()) + t.options().patience;
    t.expect(told->given.wait_until(waiting, latest, [&] { return told->is_given; }),
             "it has not come back so long after the deadline");
    // The other thread keeps no part in what it has thrown.
    if (auto thrown = std::exchange(told->thrown, nullptr)) {
        std::rethrow_exception(std::move(thrown));
    }
    return std::move(told->verdicts);
}

inline void
finds_what_is_known(trial& t, const probed_place& at, const std::vector<known_subject>& asked) {
    std::vector<probe_subject> subjects;
    for (const auto& one : asked) {
        subjects.push_back(one.subject);
    }
    const auto found = verdicts_of(at, subjects, soon(t.options().patience));
    for (std::size_t i = 0; i < asked.size(); ++i) {
        t.equal(found[i], asked[i].found,
                "the verdict on " + in_quotes(asked[i].subject.pod) + " at index " +
                    std::to_string(i));
    }
}

inline void puts_verdicts_in_their_slots(trial& t, const probe_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    auto known = at->known;
    t.step("ask about all that is known");
    finds_what_is_known(t, *at, known);
    t.step("ask in the other order");
    known.assign(at->known.rbegin(), at->known.rend());
    finds_what_is_known(t, *at, known);
    for (const auto& one : at->known) {
        t.step("ask about " + in_quotes(one.subject.pod) + " alone");
        finds_what_is_known(t, *at, {one});
    }
}

inline void takes_an_empty_set(trial& t, const probe_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    t.step("ask about nobody");
    at->ask({}, soon(t.options().patience), {});
}

inline void takes_many(trial& t, const probe_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    constexpr std::size_t count = 200;
    std::vector<known_subject> many;
    for (std::size_t i = 0; i < count; ++i) {
        many.push_back(at->known[i % at->known.size()]);
    }
    t.step("ask about 200 at once, of whom many are the same");
    finds_what_is_known(t, *at, many);
}

inline void finds_the_same_again(trial& t, const probe_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    for (int again = 0; again < 3; ++again) {
        t.step("ask about all that is known");
        finds_what_is_known(t, *at, at->known);
    }
}

inline void answers_threads(trial& t, const probe_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    t.step("ask about all that is known in 4 threads at once, again and again");
    std::vector<probe_subject> subjects;
    std::vector<verdict> wanted;
    // Each thread asks in an order of its own.
    for (const auto& one : at->known) {
        subjects.push_back(one.subject);
        wanted.push_back(one.found);
    }
    std::vector<int> right(4, 1);
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < right.size(); ++n) {
        threads.emplace_back([&, n] {
            auto mine = subjects;
            auto expected = wanted;
            const auto by = static_cast<std::ptrdiff_t>(n % mine.size());
            std::rotate(mine.begin(), mine.begin() + by, mine.end());
            std::rotate(expected.begin(), expected.begin() + by, expected.end());
            for (unsigned i = 0; i < t.options().rounds && right[n] != 0; ++i) {
                const auto found = guarded([&]() -> result<std::vector<verdict>> {
                    return verdicts_of(*at, mine, soon(t.options().patience));
                });
                right[n] = found && *found == expected ? 1 : 0;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (const int each : right) {
        t.expect(each == 1, "a thread was given another verdict, or it threw");
    }
}

inline void proves_nobody_dead_late(trial& t, const probe_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    std::vector<probe_subject> subjects;
    for (const auto& one : at->known) {
        subjects.push_back(one.subject);
    }
    t.step("ask about all that is known, with a deadline that is over");
    const auto found =
        verdicts_within(t, at, subjects, std::chrono::steady_clock::now() - std::chrono::hours{1});
    for (std::size_t i = 0; i < found.size(); ++i) {
        t.expect(found[i] != verdict::missing || at->known[i].found == verdict::missing,
                 in_quotes(subjects[i].pod) + " is said to be missing");
        t.expect(found[i] != verdict::reachable || at->known[i].found == verdict::reachable,
                 in_quotes(subjects[i].pod) + " is said to be reachable");
    }
}

inline void keeps_one_deadline_for_all(trial& t, const probe_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    t.expect(!at->hung.empty(), "its place's hung() gives nobody");
    std::vector<probe_subject> subjects;
    for (std::size_t i = 0; i < 200; ++i) {
        subjects.push_back(at->hung[i % at->hung.size()]);
    }
    // Each of them a deadline would be many times the patience.
    t.step("ask about 200 that hang, with a deadline in a tenth of the patience");
    for (const auto found : verdicts_within(t, at, subjects, soon(t.options().patience / 10))) {
        t.expect(found == verdict::unreachable || found == verdict::unknown,
                 "one is said to be " + std::string{to_string(found)});
    }
}

/// Whoever could not be asked, since others took all the time, is not known to be gone.
inline void condemns_nobody_else(trial& t, const probe_place_maker& make) {
    const auto at = t.must(make(), "opening it");
    t.expect(!at->hung.empty(), "its place's hung() gives nobody");
    std::vector<probe_subject> subjects = at->hung;
    for (const auto& one : at->known) {
        subjects.push_back(one.subject);
    }
    t.step("ask about those that hang and then all that is known, with a deadline in a tenth of "
           "the patience");
    const auto found = verdicts_within(t, at, subjects, soon(t.options().patience / 10));
    for (std::size_t i = 0; i < at->known.size(); ++i) {
        const auto& [subject, wanted] = at->known[i];
        const auto said = found[at->hung.size() + i];
        t.expect(said == wanted || said == verdict::unknown,
                 in_quotes(subject.pod) + " is said to be " + std::string{to_string(said)});
    }
}

} // namespace conformance

/// Puts a probe through all that the core relies on.
///
///     struct place {
///         auto open() { return my_probe{}; }
///         std::vector<known_subject> known() { return {{living, verdict::reachable}, …}; }
///         std::vector<probe_subject> hung() { return {…}; } // where there can be some
///     };
///
/// @param make gives a place: something whose `open()` gives a probe, or the result of one, and
/// whose `known()` gives subjects with the verdict that there has to be on each. The more verdicts
/// are among them, `unknown` too, the more is tried. The place lives as long as its probe.
/// @param options the patience is for all that hang together: an honest probe is done in a tenth
///
/// What it declares in `deviations` is in the report, and not tried. In threads of its own; one of
/// them is left behind for each call that does not come back.
template <class Make>
[[nodiscard]] conformance_report check_probe(Make make, const conformance_options& options = {}) {
    using namespace conformance;
    using place = std::invoke_result_t<Make&>;
    using probe = plug_in_of<place>;
    static_assert(reachability_probe<probe>,
                  "podscope: check_probe takes what makes places whose open() gives a "
                  "reachability_probe: probe(subjects, deadline, verdicts)");
    constexpr bool has_hung = requires(place& at) { at.hung(); };

    const probe_place_maker opened = [&]() -> result<std::shared_ptr<const probed_place>> {
        const auto made = open_place(make);
        if (!made) {
            return fail(error{made.error()});
        }
        const auto& whole = *made;
        probed_place seen;
        seen.known = whole->at.known();
        if (seen.known.empty()) {
            return fail({.category = errc::unavailable, .message = "its place knows nobody"});
        }
        if constexpr (has_hung) {
            seen.hung = whole->at.hung();
        }
        seen.ask = [whole](std::span<const probe_subject> subjects, deadline until,
                           std::span<verdict> verdicts) {
            whole->opened->probe(subjects, until, verdicts);
        };
        return std::make_shared<const probed_place>(std::move(seen));
    };

    kit_run kit{"probe", deviations_of<probe>(), options};
    const auto by = checks_of(opened);
    kit.promise("each verdict is in the slot of its subject", by(puts_verdicts_in_their_slots));
    kit.promise("nobody may be asked about", by(takes_an_empty_set));
    kit.promise("many may be asked about at once", by(takes_many));
    kit.promise("a question changes no later answer", by(finds_the_same_again));
    kit.promise("threads may ask at once", by(answers_threads));
    kit.promise("a deadline that is over makes nobody dead or alive", by(proves_nobody_dead_late));
    kit.promise_if(has_hung, "its place has no hung()", "the deadline is for all together",
                   by(keeps_one_deadline_for_all));
    kit.promise_if(has_hung, "its place has no hung()", "those that hang make nobody else dead",
                   by(condemns_nobody_else));
    return std::move(kit).done();
}

} // namespace podscope::verify
