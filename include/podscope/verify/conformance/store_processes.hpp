// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/verify/conformance/other_process.hpp>
#include <podscope/verify/conformance/shared_number.hpp>
#include <podscope/verify/conformance/store_hand.hpp>
#include <podscope/verify/conformance/store_sharing.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// What a store promises to several processes, and after the death of one. Processes are forked
// before anybody has opened the store.
namespace podscope::verify::conformance {

inline void lets_processes_write(trial& t, const place_maker& make) {
    const auto at = make();
    constexpr int processes = 3;
    const int each = static_cast<int>(10 * t.options().rounds);
    t.step("3 processes, of which the first makes the store while the others come: add one to 'n', "
           "and read it; " +
           std::to_string(each) + " times each");
    std::vector<std::unique_ptr<other_process>> running;
    for (int i = 0; i < processes; ++i) {
        running.push_back(std::make_unique<other_process>([&](const auto& parent) {
            parent.tell();
            parent.wait();
            auto mine = at->open();
            return mine && adds_up(**mine, each) ? 0 : 1;
        }));
    }
    for (auto& one : running) {
        t.expect(one->wait(), "a process died");
    }
    for (auto& one : running) {
        one->tell();
    }
    int right = 0;
    for (auto& one : running) {
        right += one->exit_code() == 0 ? 1 : 0;
    }
    hand a{t, *at, "a"};
    a.expect("n", processes * each);
    t.equal(right, processes, "the number of processes that never saw an older state");
    t.must(at->check(), "its own check");
}

/// Another process commits again and again, and tells each time.
template <class Seen>
void watch_commits(trial& t, const place_maker& make, Seen seen) {
    const auto at = make();
    other_process child{[&](const auto& parent) {
        parent.wait();
        auto mine = at->open();
        for (std::int64_t i = 0; mine; ++i) {
            const auto put = (**mine).write([&](any_transaction& txn) {
                return txn.put(which_table::first, "n", {i, {}, {}});
            });
            if (!put) {
                break;
            }
            parent.tell();
            parent.wait();
        }
        return 1;
    }};
    hand a{t, *at, "a"};
    for (std::int64_t i = 0; i < t.options().rounds; ++i) {
        const auto before = a.store().generation();
        t.step("another process: put 'n' = " + std::to_string(i));
        child.tell();
        t.expect(child.wait(), "it died");
        seen(a, i, before);
    }
}

inline void shows_commits_to_other_processes(trial& t, const place_maker& make) {
    watch_commits(t, make, [](hand& a, std::int64_t put, std::uint64_t) { a.expect("n", put); });
}

inline void moves_its_generation_everywhere(trial& t, const place_maker& make) {
    watch_commits(t, make, [&t](hand& a, std::int64_t, std::uint64_t before) {
        t.expect(a.generation() != before, "it has not moved");
    });
}

inline void goes_on_after_a_kill_in_a_transaction(trial& t, const place_maker& make) {
    const auto at = make();
    other_process child{[&](const auto& parent) {
        parent.wait();
        auto mine = at->open();
        if (!mine) {
            return 1;
        }
        (void)(**mine).write([&](any_transaction& txn) -> result<void> {
            (void)txn.put(which_table::first, "k", {2, {}, {}});
            (void)txn.put(which_table::first, "l", {2, {}, {}});
            parent.tell();
            parent.wait();
            return {};
        });
        return 1;
    }};
    hand a{t, *at, "a"};
    a.put("k", 1);
    t.step("another process: put 'k' = 2 and 'l' = 2 in one transaction, and be killed in it");
    child.tell();
    t.expect(child.wait(), "it died by itself");
    child.kill();
    a.expect("k", 1);
    a.expect_keys({"k"});
    a.put("k", 3);
    a.expect("k", 3);
}

/// What is in the two rows that are always written together.
[[nodiscard]] inline result<std::int64_t> pair_of(any_store& store) {
    auto one = number_of(store, "one");
    auto two = number_of(store, "two");
    if (one && two && *one != *two) {
        return fail({.category = errc::corrupt,
                     .message = "'one' is " + std::to_string(*one) + " and 'two' is " +
                                std::to_string(*two) + ", which were put together"});
    }
    return two ? one : two;
}

/// Kills a process that writes as fast as it can, at any moment, again and again.
inline void outlives_its_writer(trial& t, const place_maker& make) {
    const auto at = make();
    t.step("another process, again and again: put 'one' = 'two' = n in one transaction, "
           "acknowledge n");
    const shared_number acknowledged;
    std::int64_t last = 0;
    for (unsigned round = 0; round != t.options().rounds; ++round) {
        other_process child{[&](const auto&) {
            auto mine = at->open();
            while (mine) {
                const auto next = *acknowledged + 1;
                const auto done = (**mine).write([&](any_transaction& txn) -> result<void> {
                    auto put = txn.put(which_table::first, "one", {next, {}, {}});
                    return put ? txn.put(which_table::first, "two", {next, {}, {}}) : put;
                });
                if (!done) {
                    break;
                }
                *acknowledged = next;
            }
            return 1;
        }};
        const auto enough = last + 1 + round % 7;
        const auto until = std::chrono::steady_clock::now() + t.options().patience;
        while (*acknowledged < enough) {
            t.expect(std::chrono::steady_clock::now() < until, "it does not get anywhere");
            std::this_thread::yield();
        }
        child.kill();
        const auto told = (*acknowledged).load();
        const auto opened = t.must(at->open(), "opening it after a kill");
        last = t.must(pair_of(*opened), "reading it after a kill");
        t.expect(last == told || last == told + 1,
                 "killed after it had acknowledged " + std::to_string(told) +
                     ", and there was found " + std::to_string(last));
        *acknowledged = last;
        t.must(at->check(), "its own check");
    }
}

inline void is_there_when_opened_again(trial& t, const place_maker& make) {
    const auto at = make();
    {
        hand a{t, *at, "a"};
        a.put("k", {1, "text", {}});
        a.put("l", 2, which_table::other);
        a.put("m", 3);
        a.erase("m");
        t.step("close a");
    }
    hand b{t, *at, "b"};
    t.equal(b.row("k"), kit_row{1, "text", {}}, "that");
    b.expect_keys({"k"});
    b.expect("l", 2, which_table::other);
}

/// A crash takes delayed commits back from the last on, and none before a later plain one.
inline void keeps_delayed_commits_in_order(trial& t, const place_maker& make) {
    const auto at = make();
    for (const bool is_synced : {false, true}) {
        other_process child{[&](const auto& parent) {
            auto mine = at->open();
            const auto put = [&](const char* key, bool delayed) {
                const any_body body = [&](any_transaction& txn) {
                    return txn.put(which_table::first, key, {1, {}, {}});
                };
                return (delayed ? (**mine).write_delayed(body) : (**mine).write(body)).has_value();
            };
            if (mine && put("a", false) && put("b", true) && put("c", true) &&
                (!is_synced || put("d", false))) {
                parent.tell();
                parent.wait();
            }
            return 1;
        }};
        t.step(std::string{"another process: put 'a', write_delayed 'b', write_delayed 'c'"} +
               (is_synced ? ", put 'd'" : "") + ", and be killed");
        t.expect(child.wait(), "it died by itself");
        child.kill();
        hand a{t, *at, "a"};
        const auto found = a.keys();
        const std::vector<std::string> all{"a", "b", "c", "d"};
        const bool is_prefix =
            found.size() <= all.size() && std::equal(found.begin(), found.end(), all.begin());
        t.expect(is_prefix && found.size() >= (is_synced ? 4U : 1U), "that gave " + shown(found));
    }
}

} // namespace podscope::verify::conformance
