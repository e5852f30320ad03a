// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/verify/conformance/store_hand.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a store promises of single rows and of scans.
namespace podscope::verify::conformance {

inline void keeps_what_was_put(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    a.expect("k", std::nullopt);
    a.put("k", 1);
    a.expect("k", 1);
    a.expect("kk", std::nullopt);
    a.expect("", std::nullopt);
}

inline void replaces_whole_rows(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    const kit_row before{7, "a text", {{{"later", "\4x"}}}};
    const kit_row after{};
    a.put("k", before);
    t.equal(a.row("k"), before, "that");
    a.put("k", after);
    t.equal(a.row("k"), after, "that");
    a.expect_keys({"k"});
}

inline void erases(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    a.erase("k");
    a.put("k", 1);
    a.put("l", 2);
    a.erase("k");
    a.expect("k", std::nullopt);
    a.expect_keys({"l"});
    a.put("k", 3);
    a.expect("k", 3);
}

inline void keeps_tables_apart(trial& t, const place_maker& make) {
    using enum which_table;
    const auto at = make();
    hand a{t, *at, "a"};
    const std::string across("2\0k", 3);
    a.put("k", 1);
    a.put(across, 2);
    a.put("k", 3, other);
    a.expect_keys({across, "k"});
    a.expect_keys({"k"}, {}, other);
    a.expect("k", 1);
    a.erase("k");
    a.expect("k", 3, other);
}

inline void takes_any_bytes(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    std::string all;
    for (int c = 0; c < 256; ++c) {
        all.push_back(static_cast<char>(c));
    }
    const std::string nul(1, '\0');
    const std::string a_nul("a\0", 2);
    const std::string long_one(5'000, 'k');
    const std::array keys{std::string{}, nul,      std::string{"1"}, all,
                          a_nul,         long_one, long_one + "a",   std::string{"\xFF\xFF"}};
    std::int64_t number = 0;
    for (const auto& key : keys) {
        a.put(key, ++number);
    }
    number = 0;
    for (const auto& key : keys) {
        a.expect(key, ++number);
    }
    a.expect("a", std::nullopt);
    a.expect(long_one + "b", std::nullopt);
    a.expect_keys({"", nul, all, "1", a_nul, long_one, long_one + "a", "\xFF\xFF"});
    for (const std::string& text : {all, std::string(1'000'000, 'x'), std::string{}}) {
        a.put("text", {0, text, {}});
        t.equal(a.row("text"), kit_row{0, text, {}}, "that");
    }
    a.erase({});
    a.expect("", std::nullopt);
    a.expect(nul, 2);
}

inline void scans_in_order(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    const std::string nul("a\0", 2);
    for (const auto& key : {std::string{"b"}, std::string{"\xFF"}, std::string{""}, nul,
                            std::string{"a"}, std::string{"aa"}, std::string{"\x7F"}}) {
        a.put(key, 0);
    }
    a.expect_keys({"", "a", nul, "aa", "b", "\x7F", "\xFF"});
    a.expect_keys({"a", nul, "aa", "b", "\x7F", "\xFF"}, "a");
    a.expect_keys({"b", "\x7F", "\xFF"}, "ab");
    a.expect_keys({}, "\xFF\xFF");
}

inline void scans_as_told(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    for (const auto* key : {"a1", "a2", "a3", "b1"}) {
        a.put(key, 0);
    }
    std::vector<std::string> seen;
    t.step("a: scan until 'a2' says stop");
    t.must(a.store().read([&](any_transaction& txn) {
        seen.clear();
        return txn.scan_from(which_table::first, "", [&](std::string_view key, const kit_row&) {
            seen.emplace_back(key);
            return key == "a2" ? scan::stop : scan::next;
        });
    }),
           "that");
    t.equal(seen, {"a1", "a2"}, "that");
    t.step("a: scan what begins with 'a'");
    t.must(a.store().read([&](any_transaction& txn) {
        seen.clear();
        return txn.scan_below(which_table::first, "a", [&](std::string_view key, const kit_row&) {
            seen.emplace_back(key);
            return scan::next;
        });
    }),
           "that");
    t.equal(seen, {"a1", "a2", "a3"}, "that");
}

/// More rows than a storage gives at a time.
inline void scans_many(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    constexpr std::size_t count = 2'500;
    constexpr std::size_t at_a_time = 100;
    std::vector<std::string> keys;
    for (std::size_t i = 0; i != count; ++i) {
        keys.push_back(std::to_string(10'000 + i));
    }
    t.step("a: put '10000' to '12499', 100 in a transaction");
    for (std::size_t begin = 0; begin != count; begin += at_a_time) {
        t.must(a.store().write([&](any_transaction& txn) -> result<void> {
            for (std::size_t i = begin; i != begin + at_a_time; ++i) {
                if (auto put = txn.put(which_table::first, keys[i], {}); !put) {
                    return put;
                }
            }
            return {};
        }),
               "that");
    }
    const auto found = a.keys();
    t.equal(found.size(), count, "the number of rows");
    t.expect(found == keys, "they are others, or in another order");
    t.equal(a.keys(keys[1'200]).size(), count - 1'200, "the number of rows from '11200' on");
}

/// Of a row that was got, after something else was done in the transaction.
inline void keeps_what_was_got(trial& t, const place_maker& make) {
    using enum which_table;
    const auto at = make();
    hand a{t, *at, "a"};
    for (const auto* key : {"k", "l", "m"}) {
        a.put(key, {1, key, {}});
    }
    std::optional<kit_row> k;
    const auto gets_before = [&](const any_body& something) {
        return any_body{[&](any_transaction& txn) -> result<void> {
            auto row = txn.get_before(first, "k", something);
            if (!row) {
                return fail(row);
            }
            k = *std::move(row);
            return {};
        }};
    };
    const auto reads_others = [](any_transaction& txn) -> result<void> {
        auto row = txn.get(first, "l");
        if (!row) {
            return fail(row);
        }
        return txn.scan_from(first, "",
                             [](std::string_view, const kit_row&) { return scan::next; });
    };
    t.step("a: in a read get 'k', get 'l', scan, and look at what the first get gave");
    t.must(a.store().read(gets_before(reads_others)), "that");
    t.equal(k, kit_row{1, "k", {}}, "that");
    t.step("a: in a write get 'k', get 'l', scan, put 'a', put and erase 'm', and look at it");
    t.must(a.store().write(gets_before([&](any_transaction& txn) -> result<void> {
        auto done = reads_others(txn);
        done = done ? txn.put(first, "a", {2, "a", {}}) : done;
        done = done ? txn.put(first, "m", {2, "m", {}}) : done;
        return done ? txn.erase(first, "m") : done;
    })),
           "that");
    t.equal(k, kit_row{1, "k", {}}, "that");
}

inline void lets_visitors_read(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    for (const auto* key : {"a", "b", "c"}) {
        a.put(key, 1);
    }
    std::string seen;
    const any_body nested = [&](any_transaction& txn) {
        result<void> inside;
        seen.clear();
        const auto gets = [&](std::string_view inner, const kit_row&) {
            auto row = txn.get(which_table::first, inner);
            if (!row) {
                inside = fail(row);
                return scan::stop;
            }
            seen.append(*row ? inner : "?");
            return inner == "b" ? scan::stop : scan::next;
        };
        const auto scans = [&](std::string_view outer, const kit_row&) {
            seen.append(outer).append(":");
            auto scanned = txn.scan_from(which_table::first, outer, gets);
            inside = inside ? scanned : inside;
            return inside ? scan::next : scan::stop;
        };
        auto done = txn.scan_from(which_table::first, "", scans);
        return done ? inside : done;
    };
    t.step("a: scan, and in the visitor scan on to 'b' and get each key, in a read");
    t.must(a.store().read(nested), "that");
    t.equal(seen, "a:abb:bc:c", "that");
    t.step("a: the same in a write");
    t.must(a.store().write(nested), "that");
    t.equal(seen, "a:abb:bc:c", "that");
}

inline void survives_visitors_that_throw(trial& t, const place_maker& make) {
    const auto at = make();
    hand a{t, *at, "a"};
    a.put("k", 1);
    const auto scanning = [](const auto& throws) {
        return any_body{[&](any_transaction& txn) {
            return txn.scan_from(which_table::first, "", [&](std::string_view, const kit_row&) {
                throws();
                return scan::stop;
            });
        }};
    };
    t.step("a: scan in a read with a visitor that throws");
    t.must_end_in_throw([&](const auto& throws) { return a.store().read(scanning(throws)); });
    t.step("a: the same in a write");
    t.must_end_in_throw([&](const auto& throws) { return a.store().write(scanning(throws)); });
    a.put("k", 2);
    a.expect("k", 2);
}

} // namespace podscope::verify::conformance
