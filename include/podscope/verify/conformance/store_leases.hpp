// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/verify/conformance/store_hand.hpp>
#include <podscope/verify/conformance/store_process.hpp>
#include <podscope/verify/conformance/store_view.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// What a store promises whose rows can hang on a lease.
namespace podscope::verify::conformance {

[[nodiscard]] inline result<void>
is_found_leased(any_transaction& txn, which_table in, std::string_view key, bool& found) {
    auto is = txn.is_leased(in, key);
    if (!is) {
        return fail(is);
    }
    found = *is;
    return {};
}

/// Whether a row does that is put on the lease of a handle: not where the handle has none.
[[nodiscard]] inline result<bool> hangs_rows_on_leases(const place_maker& make) {
    const auto at = make();
    return guarded([&]() -> result<bool> {
        auto opened = at->open();
        if (!opened) {
            return fail(opened);
        }
        bool hangs{};
        auto done = (**opened).write(
            [](any_transaction& txn) { return txn.put_leased(which_table::first, "k", {}); });
        done = done ? (**opened).read([&](any_transaction& txn) {
            return is_found_leased(txn, which_table::first, "k", hangs);
        })
                    : done;
        return done ? result<bool>{hangs} : fail(done);
    });
}

inline void hangs_rows_as_they_were_put(trial& t, const place_maker& make) {
    using enum which_table;
    const auto at = make();
    hand a{t, *at, "a"};
    const auto write = [&](std::string_view what, const any_body& body) {
        t.step("a: " + std::string{what});
        t.must(a.store().write(body), "that");
    };
    const auto hangs = [&](std::string_view key, bool wanted, which_table in = first) {
        t.step("a: see whether " + in_quotes(key) + " hangs on a lease");
        bool found{};
        t.must(a.store().read(
                   [&](any_transaction& txn) { return is_found_leased(txn, in, key, found); }),
               "that");
        t.equal(found, wanted, "that");
    };
    const auto puts_beside = [](which_table in, std::string_view key, std::string_view beside) {
        return any_body{[=](any_transaction& txn) { return txn.put_beside(in, key, {}, beside); }};
    };
    hangs("none", false);
    a.put("plain", 1);
    hangs("plain", false);
    write("put 'leased' on its lease",
          [](any_transaction& txn) { return txn.put_leased(first, "leased", {2, {}, {}}); });
    a.expect("leased", 2);
    hangs("leased", true);
    write("put 'k' beside 'leased'", puts_beside(first, "k", "leased"));
    hangs("k", true);
    write("put 'k' beside itself", puts_beside(first, "k", "k"));
    hangs("k", true);
    write("put 'k' of the second table beside 'leased'", puts_beside(other, "k", "leased"));
    hangs("k", true, other);
    write("put 'k' beside 'plain'", puts_beside(first, "k", "plain"));
    hangs("k", false);
    hangs("k", true, other);
    write("put 'k' beside 'none', which is not there", puts_beside(first, "k", "none"));
    hangs("k", false);
    a.put("leased", 3);
    hangs("leased", false);
    bool seen{};
    write("in one transaction put 'k' on its lease and 'l' beside that, and see whether 'l' hangs "
          "on one",
          [&](any_transaction& txn) -> result<void> {
              auto put = txn.put_leased(first, "k", {});
              put = put ? txn.put_beside(first, "l", {}, "k") : put;
              return put ? is_found_leased(txn, first, "l", seen) : put;
          });
    t.equal(seen, true, "that");
    hangs("l", true);
    a.erase("l");
    a.put("l", 4);
    hangs("l", false);
}

/// Kills a process that has rows on its lease, and some on another's and on none.
inline void ends_leases_with_their_holders(trial& t, const place_maker& make) {
    using enum which_table;
    const auto at = make();
    const auto deed = [](any_store& theirs, const auto& parent) {
        auto done = theirs.write([](any_transaction& txn) -> result<void> {
            auto put = txn.put_leased(first, "theirs", {});
            put = put ? txn.put_leased(first, "taken", {}) : put;
            put = put ? txn.put_beside(other, "theirs too", {}, "theirs") : put;
            put = put ? txn.put_beside(first, "beside mine", {}, "mine") : put;
            return put ? txn.put(first, "plain", {}) : put;
        });
        if (done) {
            parent.tell();
            parent.wait();
        }
        return done;
    };
    store_process child{*at, deed};
    hand a{t, *at, "a"};
    t.step("a: put 'mine' and 'taken' on its lease");
    t.must(a.store().write([](any_transaction& txn) {
        auto put = txn.put_leased(first, "mine", {});
        return put ? txn.put_leased(first, "taken", {}) : put;
    }),
           "that");
    t.step("another process: put 'theirs', 'taken' and, in the second table, 'theirs too' on its "
           "lease, 'beside mine' beside 'mine', and 'plain'");
    child.begin();
    child.expect_told(t);
    t.step("a: put 'beside theirs' beside 'theirs'");
    t.must(a.store().write([](any_transaction& txn) {
        return txn.put_beside(first, "beside theirs", {}, "theirs");
    }),
           "that");
    a.expect_keys({"beside mine", "beside theirs", "mine", "plain", "taken", "theirs"});
    a.expect_keys({"theirs too"}, {}, other);

    t.step("kill that process, and look at its rows in one transaction until they are gone");
    child.kill();
    const auto until = std::chrono::steady_clock::now() + t.options().patience;
    for (std::size_t left = 4; left != 0;) {
        t.must(a.store().read([&](any_transaction& txn) -> result<void> {
            left = 0;
            for (const std::string_view key : {"beside theirs", "taken", "theirs", "theirs too"}) {
                auto row = txn.get(key == "theirs too" ? other : first, key);
                if (!row) {
                    return fail(row);
                }
                left += *row ? 1U : 0U;
            }
            return {};
        }),
               "that");
        t.expect(left == 0 || left == 4, std::to_string(left) + " of the 4 are left");
        t.expect(left == 0 || std::chrono::steady_clock::now() < until, "they do not go");
        std::this_thread::yield();
    }
    a.expect_keys({"beside mine", "mine", "plain"});
    a.expect_keys({}, {}, other);
}

} // namespace podscope::verify::conformance
