// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/verify/conformance/store_hand.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// What a store promises of one transaction.
namespace podscope::verify::conformance {

inline void reads_its_own_writes(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    a.put("k", 1);
    a.put("m", 3);
    t.step("a: in one transaction put 'l' = 2, put 'k' = 10, erase 'm', get 'k' and 'm', scan");
    std::optional<kit_row> k;
    std::optional<kit_row> m;
    std::vector<std::string> seen;
    t.must(a.store().write([&](any_transaction& txn) -> result<void> {
        using enum which_table;
        seen.clear();
        for (auto done : {txn.put(first, "l", {2, {}, {}}), txn.put(first, "k", {10, {}, {}}),
                          txn.erase(first, "m")}) {
            if (!done) {
                return done;
            }
        }
        auto found = txn.get(first, "k");
        auto gone = txn.get(first, "m");
        if (!found || !gone) {
            return !found ? fail(found) : fail(gone);
        }
        k = *std::move(found);
        m = *std::move(gone);
        return txn.scan_from(first, "", [&](std::string_view key, const kit_row&) {
            seen.emplace_back(key);
            return scan::next;
        });
    }),
           "that");
    t.equal(k, kit_row{10, {}, {}}, "get 'k'");
    t.equal(m, std::nullopt, "get 'm'");
    t.equal(seen, {"k", "l"}, "the scan");
    a.expect("k", 10);
    a.expect_keys({"k", "l"});
}

inline result<void> changes_much(any_transaction& txn) {
    using enum which_table;
    for (auto done : {txn.put(first, "kept", {100, {}, {}}), txn.erase(first, "gone"),
                      txn.put(first, "new", {200, {}, {}}), txn.put(other, "new", {300, {}, {}})}) {
        if (!done) {
            return done;
        }
    }
    return {};
}

/// Puts the rows that `changes_much` finds.
inline void fill(hand& a) {
    a.put("kept", 1);
    a.put("gone", 2);
}

/// Sees that nothing of `changes_much` is left, and that the store goes on.
inline void expect_unchanged(hand& a) {
    a.expect("kept", 1);
    a.expect_keys({"gone", "kept"});
    a.expect_keys({}, {}, which_table::other);
    a.put("kept", 3);
    a.expect("kept", 3);
}

inline void leaves_nothing_of_a_failure(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    fill(a);
    t.step("a: in one transaction put 'kept', erase 'gone', put 'new' in both tables, and fail");
    const auto failed = a.store().write([](any_transaction& txn) -> result<void> {
        if (auto done = changes_much(txn); !done) {
            return done;
        }
        return fail({.category = errc::conflict, .message = "on purpose", .subject = "it"});
    });
    t.must_fail_with(failed,
                     {.category = errc::conflict, .message = "on purpose", .subject = "it"});
    expect_unchanged(a);
}

inline void leaves_nothing_of_a_throw(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    fill(a);
    t.step("a: in one transaction put 'kept', erase 'gone', put 'new' in both tables, and throw");
    t.must_end_in_throw([&](const auto& throws) {
        return a.store().write([&](any_transaction& txn) {
            auto done = changes_much(txn);
            if (done) {
                throws();
            }
            return done;
        });
    });
    expect_unchanged(a);
}

inline void returns_what_bodies_return(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    const std::string word = "a word";
    t.step("a: read, and write, with a body that returns 'a word'");
    t.equal(t.must(a.store().read_word(word), "the read"), word, "the read");
    t.equal(t.must(a.store().write_word(word), "the write"), word, "the write");
    t.step("a: read with a body that fails with 'denied'");
    const auto failed = a.store().read([](any_transaction&) -> result<void> {
        return fail({.category = errc::denied, .message = "on purpose"});
    });
    t.must_fail_with(failed, {.category = errc::denied, .message = "on purpose"});
}

/// In another thread, since a store may keep writers waiting while somebody reads: then there is
/// nothing to see.
inline void reads_one_state(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    hand b{t, *at, "b"};
    a.put("k", 1);
    t.step(
        "a: in one transaction get 'k', while b puts 'k' = 2 and 'l' = 2, get 'k' and 'l', scan");
    std::optional<kit_row> before;
    std::optional<kit_row> after;
    std::optional<kit_row> l;
    std::size_t seen = 0;
    std::promise<void> begun;
    std::promise<void> over;
    result<void> by_b;
    std::thread writer{[&] {
        begun.get_future().wait();
        by_b = guarded([&] {
            return b.store().write([&](any_transaction& txn) -> result<void> {
                auto put = txn.put(which_table::first, "k", {2, {}, {}});
                return put ? txn.put(which_table::first, "l", {2, {}, {}}) : put;
            });
        });
        over.set_value();
    }};
    const auto written = over.get_future();
    bool is_first = true;
    const any_body body = [&](any_transaction& txn) -> result<void> {
        using enum which_table;
        auto one = txn.get(first, "k");
        if (is_first) {
            is_first = false;
            begun.set_value();
            (void)written.wait_for(std::chrono::milliseconds{100});
        }
        auto two = txn.get(first, "k");
        auto three = txn.get(first, "l");
        for (auto* each : {&one, &two, &three}) {
            if (!*each) {
                return fail(*each);
            }
        }
        before = *std::move(one);
        after = *std::move(two);
        l = *std::move(three);
        seen = 0;
        return txn.scan_from(first, "", [&](std::string_view, const kit_row&) {
            ++seen;
            return scan::next;
        });
    };
    auto done = guarded([&] { return a.store().read(body); });
    if (is_first) {
        begun.set_value();
    }
    writer.join();
    t.must(std::move(done), "that");
    t.must(std::move(by_b), "b's");
    t.equal(after, before, "the second get of 'k'");
    t.equal(l.has_value(), before->number == 2, "that 'l' was there");
    t.equal(seen, before->number == 2 ? 2U : 1U, "the number of rows in the scan");
    a.expect("k", 2);
}

} // namespace podscope::verify::conformance
