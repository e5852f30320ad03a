// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/verify/conformance/shared_value.hpp>
#include <podscope/verify/conformance/store_hand.hpp>
#include <podscope/verify/conformance/store_process.hpp>
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
    std::vector<std::unique_ptr<store_process>> running;
    for (int i = 0; i < processes; ++i) {
        running.push_back(std::make_unique<store_process>(
            *at, [&](any_store& mine, const auto&) { return adds_up(mine, each); }));
    }
    for (const auto& one : running) {
        one->begin();
    }
    int right = 0;
    for (const auto& one : running) {
        right += one->is_right(t) ? 1 : 0;
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
    const auto deed = [&](any_store& mine, const auto& parent) -> result<void> {
        for (std::int64_t i = 0;; ++i) {
            auto put = mine.write([&](any_transaction& txn) {
                return txn.put(which_table::first, "n", {i, {}, {}});
            });
            if (!put) {
                return put;
            }
            parent.tell();
            parent.wait();
        }
    };
    store_process child{*at, deed};
    hand a{t, *at, "a"};
    for (std::int64_t i = 0; i < t.options().rounds; ++i) {
        const auto before = a.store().generation();
        t.step("another process: put 'n' = " + std::to_string(i));
        child.begin();
        child.expect_told(t);
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
    const auto deed = [&](any_store& mine, const auto& parent) -> result<void> {
        return mine.write([&](any_transaction& txn) -> result<void> {
            auto put = txn.put(which_table::first, "k", {2, {}, {}});
            put = put ? txn.put(which_table::first, "l", {2, {}, {}}) : put;
            if (put) {
                parent.tell();
                parent.wait();
            }
            return put;
        });
    };
    store_process child{*at, deed};
    hand a{t, *at, "a"};
    a.put("k", 1);
    t.step("another process: put 'k' = 2 and 'l' = 2 in one transaction, and be killed in it");
    child.begin();
    child.expect_told(t);
    child.kill();
    a.expect("k", 1);
    a.expect_keys({"k"});
    a.put("k", 3);
    a.expect("k", 3);
}

[[nodiscard]] inline result<void> put_pair(any_store& store, std::int64_t number) {
    return store.write([&](any_transaction& txn) -> result<void> {
        auto put = txn.put(which_table::first, "one", {number, {}, {}});
        return put ? txn.put(which_table::first, "two", {number, {}, {}}) : put;
    });
}

/// What is in the two rows that are always written together.
[[nodiscard]] inline result<std::int64_t> pair_of(any_store& store) {
    auto one = number_of(store, "one");
    auto two = one ? number_of(store, "two") : one;
    if (!two || *one == *two) {
        return two;
    }
    return fail({.category = errc::corrupt,
                 .message = "'one' is " + std::to_string(*one) + " and 'two' is " +
                            std::to_string(*two) + ", which were put together"});
}

/// Kills a process that writes as fast as it can, at any moment, again and again.
inline void outlives_its_writer(trial& t, const place_maker& make) {
    const auto at = make();
    t.step("another process, again and again: put 'one' = 'two' = n in one transaction, "
           "acknowledge n");
    const shared_number acknowledged;
    std::int64_t last = 0;
    for (unsigned round = 0; round != t.options().rounds; ++round) {
        const auto deed = [&](any_store& mine, const auto&) -> result<void> {
            for (;;) {
                const auto next = *acknowledged + 1;
                auto done = put_pair(mine, next);
                if (!done) {
                    return done;
                }
                *acknowledged = next;
            }
        };
        store_process child{*at, deed};
        child.begin();
        const auto enough = last + 1 + round % 7;
        const auto until = std::chrono::steady_clock::now() + t.options().patience;
        while (*acknowledged < enough && !child.has_failed()) {
            t.expect(std::chrono::steady_clock::now() < until, "it does not get anywhere");
            std::this_thread::yield();
        }
        child.kill();
        t.expect(!child.has_failed(), child.why());
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
        const auto deed = [&](any_store& mine, const auto& parent) -> result<void> {
            const auto put = [&](const char* key) {
                return any_body{[=](any_transaction& txn) {
                    return txn.put(which_table::first, key, {1, {}, {}});
                }};
            };
            auto done = mine.write(put("a"));
            done = done ? mine.write_delayed(put("b")) : done;
            done = done ? mine.write_delayed(put("c")) : done;
            done = done && is_synced ? mine.write(put("d")) : done;
            if (done) {
                parent.tell();
                parent.wait();
            }
            return done;
        };
        store_process child{*at, deed};
        t.step(std::string{"another process: put 'a', write_delayed 'b', write_delayed 'c'"} +
               (is_synced ? ", put 'd'" : "") + ", and be killed");
        child.begin();
        child.expect_told(t);
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
