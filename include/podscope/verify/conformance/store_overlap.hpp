// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/shared_value.hpp>
#include <podscope/verify/conformance/store_hand.hpp>
#include <podscope/verify/conformance/store_process.hpp>
#include <podscope/verify/conformance/store_view.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// What a store promises of transactions that overlap: as if one had come after the other, whatever
// they read. A store that compares no more than what was written has neither lost an update nor
// torn a commit, and gives one place to two pods.
namespace podscope::verify::conformance {

/// How a transaction sees whether a row is there.
enum class looking : bool { by_get, by_scan };

/// Waits until something has happened, but not for long: a store may keep it from happening until
/// the transaction that waits is over.
inline void wait_a_moment(const std::function<bool()>& happened) {
    constexpr std::chrono::milliseconds moment{100};
    const auto until = std::chrono::steady_clock::now() + moment;
    while (!happened() && std::chrono::steady_clock::now() < until) {
        std::this_thread::yield();
    }
}

/// Puts the row of `mine` in one transaction unless that of `other` is there; whether it did.
///
/// @param looked is called in the first run of the body once it has looked
[[nodiscard]] inline result<bool> put_unless_there(any_store& store,
                                                   std::string_view mine,
                                                   std::string_view other,
                                                   looking how,
                                                   const std::function<void()>& looked) {
    bool puts = false;
    bool is_first_run = true;
    const any_body body = [&](any_transaction& txn) -> result<void> {
        bool is_there = false;
        if (how == looking::by_get) {
            auto row = txn.get(which_table::first, other);
            if (!row) {
                return fail(row);
            }
            is_there = row->has_value();
        } else {
            auto scanned =
                txn.scan_from(which_table::first, "", [&](std::string_view, const kit_row&) {
                    is_there = true;
                    return scan::stop;
                });
            if (!scanned) {
                return scanned;
            }
        }
        if (std::exchange(is_first_run, false)) {
            looked();
        }
        puts = !is_there;
        return puts ? txn.put(which_table::first, mine, {1, {}, {}}) : result<void>{};
    };
    auto done = guarded([&] { return store.write(body); });
    return done ? result<bool>{puts} : fail(done);
}

[[nodiscard]] inline std::string told_looking(looking how) {
    return how == looking::by_get ? "get the other's row" : "scan all";
}

inline void expect_one_put(trial& t, hand& a, bool by_first, bool by_second) {
    t.equal((by_first ? 1 : 0) + (by_second ? 1 : 0), 1, "the number of those that put");
    a.expect_keys({by_first ? "first" : "second"});
}

inline void lets_one_thread_decide(trial& t, const place_maker& make, looking how) {
    const auto at = make();
    hand a{t, *at, "a"};
    hand b{t, *at, "b"};
    t.step("a and b, at once in a thread each: in one transaction " + told_looking(how) +
           ", and put a row of one's own if there is none");
    std::atomic<int> here{0};
    const auto meet = [&] {
        ++here;
        wait_a_moment([&] { return here == 2; });
    };
    result<bool> by_second = false;
    std::thread other{
        [&] { by_second = put_unless_there(b.store(), "second", "first", how, meet); }};
    auto by_first = put_unless_there(a.store(), "first", "second", how, meet);
    other.join();
    const bool first_put = t.must(std::move(by_first), "a's");
    expect_one_put(t, a, first_put, t.must(std::move(by_second), "b's"));
}

inline void holds_a_get_to_its_end(trial& t, const place_maker& make) {
    lets_one_thread_decide(t, make, looking::by_get);
}

inline void holds_a_scan_to_its_end(trial& t, const place_maker& make) {
    lets_one_thread_decide(t, make, looking::by_scan);
}

inline void lets_one_process_decide(trial& t, const place_maker& make) {
    for (const auto how : {looking::by_get, looking::by_scan}) {
        const auto at = make();
        const shared_number is_over;
        const auto deed = [&](any_store& mine, const auto& parent) {
            return put_unless_there(mine, "second", "first", how, [&] {
                parent.tell();
                wait_a_moment([&] { return *is_over != 0; });
            });
        };
        store_process child{*at, deed};
        hand a{t, *at, "a"};
        t.step("another process: in one transaction " + told_looking(how) +
               ", and put 'second' if there is none");
        t.step("a: the same with 'first', once the other has looked");
        child.begin();
        child.expect_told(t);
        auto by_first = put_unless_there(a.store(), "first", "second", how, [&] { *is_over = 1; });
        const bool first_put = t.must(std::move(by_first), "a's");
        expect_one_put(t, a, first_put, child.is_right(t));
    }
}

/// A store that runs a body again does so from the beginning.
inline void forgets_earlier_runs(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    hand b{t, *at, "b"};
    a.put("n", 1);
    t.step("a: in one transaction get 'n', while b puts 'n' = 2, put 'n' = 3 and a row that is "
           "called after how often the body was run");
    int runs = 0;
    std::promise<void> begun;
    std::promise<void> over;
    result<void> by_b;
    std::thread writer{[&] {
        begun.get_future().wait();
        by_b = guarded([&] {
            return b.store().write(
                [](any_transaction& txn) { return txn.put(which_table::first, "n", {2, {}, {}}); });
        });
        over.set_value();
    }};
    const auto written = over.get_future();
    const any_body body = [&](any_transaction& txn) -> result<void> {
        auto row = txn.get(which_table::first, "n");
        if (++runs == 1) {
            begun.set_value();
            (void)written.wait_for(std::chrono::milliseconds{100});
        }
        if (!row) {
            return fail(row);
        }
        auto put = txn.put(which_table::first, "n", {3, {}, {}});
        return put ? txn.put(which_table::first, std::to_string(runs), {0, {}, {}}) : put;
    };
    auto by_a = guarded([&] { return a.store().write(body); });
    if (runs == 0) {
        begun.set_value();
    }
    writer.join();
    t.must(std::move(by_a), "that");
    t.must(std::move(by_b), "b's");
    a.expect_keys({std::to_string(runs), "n"});
}

} // namespace podscope::verify::conformance
