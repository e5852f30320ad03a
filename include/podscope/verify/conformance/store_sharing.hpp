// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/verify/conformance/store_hand.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// What a store promises to several handles and threads. What it throws is an error here: out of a
// thread it would end the program.
namespace podscope::verify::conformance {

/// Adds one to a row, in one transaction; gives the new number.
[[nodiscard]] inline result<std::int64_t> add_one(any_store& store, std::string_view key) {
    std::int64_t next = 0;
    const any_body body = [&](any_transaction& txn) -> result<void> {
        auto row = txn.get(which_table::first, key);
        if (!row) {
            return fail(row);
        }
        next = *row ? (**row).number + 1 : 1;
        std::this_thread::yield(); // so that others come between, if they can
        return txn.put(which_table::first, key, {next, {}, {}});
    };
    auto done = guarded([&] { return store.write(body); });
    return done ? result<std::int64_t>{next} : fail(done);
}

[[nodiscard]] inline result<std::int64_t> number_of(any_store& store, std::string_view key) {
    std::int64_t found = 0;
    const any_body body = [&](any_transaction& txn) -> result<void> {
        auto row = txn.get(which_table::first, key);
        if (!row) {
            return fail(row);
        }
        found = *row ? (**row).number : 0;
        return {};
    };
    auto done = guarded([&] { return store.read(body); });
    return done ? result<std::int64_t>{found} : fail(done);
}

/// Adds one so many times. Whether nothing that was read or written is older than what was
/// acknowledged before.
[[nodiscard]] inline result<bool> adds_up(any_store& store, int times) {
    std::int64_t last = 0;
    bool is_right = true;
    for (int n = 0; n < times; ++n) {
        auto mine = add_one(store, "n");
        auto seen = mine ? number_of(store, "n") : fail(mine);
        if (!seen) {
            return fail(seen);
        }
        is_right = is_right && *mine > last && *seen >= *mine;
        last = *mine;
    }
    return is_right;
}

inline void shows_commits_to_other_handles(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    hand b{t, *at, "b"};
    a.put("k", 1);
    b.expect("k", 1);
    b.put("k", 2);
    a.expect("k", 2);
    {
        hand c{t, *at, "c"};
        c.put("k", 3);
        t.step("close c");
    }
    a.erase("k");
    b.expect("k", std::nullopt);
    b.expect_keys({});
}

inline void moves_its_generation(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    hand b{t, *at, "b"};
    const auto moves = [&](auto&& commit) {
        const auto mine = a.generation();
        const auto others = b.generation();
        commit();
        t.expect(a.store().generation() != mine, "a's generation has not moved");
        t.expect(b.store().generation() != others, "b's generation has not moved");
    };
    moves([&] { a.put("k", 1); });
    moves([&] { a.put("k", 2); });
    moves([&] { b.put("l", 1, which_table::other); });
    moves([&] { a.erase("k"); });
    moves([&] { a.erase("l", which_table::other); });
}

/// What a holder does that keeps what it has read: it takes the generation first, and as long as
/// that is the same there must be nothing newer.
inline void holds_its_generation_to_the_state(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    hand b{t, *at, "b"};
    t.step("b: add one to 'n', again and again in another thread, and note it each time");
    t.step("a: take the generation, read 'n', wait for a note of more, take the generation again");
    std::atomic<std::int64_t> noted{0};
    std::atomic<bool> is_over{false};
    std::atomic<bool> has_failed{false};
    result<std::int64_t> mine = 0;
    std::thread writer{[&] {
        while (!is_over && !has_failed) {
            mine = add_one(b.store(), "n");
            has_failed = !mine;
            noted = mine.value_or(noted);
            // A store under an unfair lock must not keep a waiting.
            std::this_thread::sleep_for(std::chrono::microseconds{100});
        }
    }};
    const auto until = std::chrono::steady_clock::now() + t.options().patience;
    result<std::int64_t> seen = 0;
    std::string_view wrong;
    for (unsigned i = 0; i < 5 * t.options().rounds && seen && !has_failed && wrong.empty(); ++i) {
        const auto before = a.store().generation();
        seen = number_of(a.store(), "n");
        while (seen && noted <= *seen && !has_failed && std::chrono::steady_clock::now() < until) {
            std::this_thread::yield();
        }
        if (seen && noted > *seen && a.store().generation() == before) {
            wrong = "the generation was the same, and the noted number newer than 'n'";
        } else if (seen && noted <= *seen && !has_failed) {
            wrong = "b does not get anywhere";
        }
    }
    is_over = true;
    writer.join();
    t.must(std::move(mine), "b's");
    t.must(std::move(seen), "a's read");
    t.expect(wrong.empty(), wrong);
}

inline void lets_threads_write(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    hand b{t, *at, "b"};
    constexpr int threads = 4;
    const int each = static_cast<int>(5 * t.options().rounds);
    t.step("4 threads, by a and by b: add one to 'n', and read it; " + std::to_string(each) +
           " times each");
    std::vector<result<bool>> right(threads);
    std::atomic<int> ready{0};
    std::vector<std::thread> running;
    for (auto& mine : right) {
        auto& store = running.size() % 2 == 0 ? a.store() : b.store();
        running.emplace_back([&] {
            ++ready;
            while (ready != threads) {
                std::this_thread::yield();
            }
            mine = adds_up(store, each);
        });
    }
    for (auto& thread : running) {
        thread.join();
    }
    int are_right = 0;
    for (auto& one : right) {
        are_right += t.must(std::move(one), "what a thread did") ? 1 : 0;
    }
    t.equal(t.must(number_of(a.store(), "n"), "reading 'n'"), threads * each, "'n'");
    t.equal(are_right, threads, "the number of threads that never saw an older state");
}

/// Puts one number in many rows of both tables, in one transaction.
[[nodiscard]] inline result<void> put_everywhere(any_store& store, std::int64_t number) {
    const any_body body = [&](any_transaction& txn) -> result<void> {
        for (const char key : std::string_view{"abcdefgh"}) {
            for (const auto in : {which_table::first, which_table::other}) {
                if (auto put = txn.put(in, {&key, 1}, {number, {}, {}}); !put) {
                    return put;
                }
            }
        }
        return {};
    };
    return guarded([&] { return store.write(body); });
}

/// The different numbers that one transaction reads in those rows; for a row that is not there, 0.
[[nodiscard]] inline result<std::set<std::int64_t>> numbers_everywhere(any_store& store) {
    std::set<std::int64_t> found;
    const any_body body = [&](any_transaction& txn) -> result<void> {
        found.clear();
        for (const char key : std::string_view{"abcdefgh"}) {
            for (const auto in : {which_table::first, which_table::other}) {
                auto row = txn.get(in, {&key, 1});
                if (!row) {
                    return fail(row);
                }
                found.insert(*row ? (**row).number : 0);
            }
        }
        return {};
    };
    auto done = guarded([&] { return store.read(body); });
    return done ? result<std::set<std::int64_t>>{std::move(found)} : fail(done);
}

inline void shows_commits_whole(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    hand b{t, *at, "b"};
    t.step("b: put 'a' to 'h' = n in both tables in one transaction, for n = 1, 2 and so on");
    t.step("a: meanwhile get all of them in one transaction, again and again in another thread");
    std::atomic<unsigned> looks{0};
    std::atomic<bool> is_over{false};
    result<std::set<std::int64_t>> seen;
    std::thread reader{[&] {
        while (!is_over) {
            seen = numbers_everywhere(a.store());
            if (!seen || seen->size() != 1) {
                is_over = true;
            }
            ++looks;
            std::this_thread::yield(); // so that a store under an unfair lock lets b in
        }
    }};
    result<void> written;
    for (unsigned n = 1; n <= 5 * t.options().rounds && written && !is_over; ++n) {
        const unsigned before = looks;
        written = put_everywhere(b.store(), n);
        // So that it is looked at, however little of the processor the reader gets.
        while (looks == before && !is_over) {
            std::this_thread::yield();
        }
    }
    is_over = true;
    reader.join();
    t.must(std::move(written), "a put");
    t.equal(t.must(std::move(seen), "a get").size(), 1U, "the number of commits seen at once");
}

inline void shows_delayed_commits(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    hand b{t, *at, "b"};
    const auto generation = b.generation();
    t.step("a: write_delayed 'k' = 1");
    t.must(a.store().write_delayed(
               [](any_transaction& txn) { return txn.put(which_table::first, "k", {1, {}, {}}); }),
           "that");
    t.expect(!b.store().counts() || b.store().generation() != generation,
             "b's generation has not moved");
    a.expect("k", 1);
    b.expect("k", 1);
    b.put("l", 2);
    a.expect_keys({"k", "l"});
}

inline void leaves_nothing_of_a_delayed_failure(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    a.put("k", 1);
    t.step("a: write_delayed 'k' = 2, and fail");
    const auto failed = a.store().write_delayed([](any_transaction& txn) -> result<void> {
        auto put = txn.put(which_table::first, "k", {2, {}, {}});
        return put ? fail({.category = errc::conflict, .message = "on purpose"}) : put;
    });
    t.must_fail_with(failed, {.category = errc::conflict, .message = "on purpose"});
    a.expect("k", 1);
    a.put("l", 1);
    a.expect("k", 1);
}

} // namespace podscope::verify::conformance
