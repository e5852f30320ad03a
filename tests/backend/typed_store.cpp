// SPDX-License-Identifier: BSL-1.0
// The laws of a typed store, for every store of this library.
#include "backend/map_backend.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/concept.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/lifted.hpp>
#include <podscope/backend/memory.hpp>
#if __has_include(<lmdb.h>)
#include <podscope/backend/lmdb.hpp>
#endif
#if __has_include(<sqlite3.h>)
#include <podscope/backend/sqlite.hpp>
#endif

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::fail;
using podscope::result;
using podscope::scan;

class memory_store {
public:
    podscope::basic_memory<test_schema> store;
};

class lifted_store {
public:
    podscope::lifted<map_backend> store{map_backend{}};
};

template <podscope::durability Durable>
class journal_store {
    scratch_folder folder_;

public:
    podscope::basic_journal<test_schema, Durable> store =
        podscope::basic_journal<test_schema, Durable>::open(folder_ / "store").value();
};

#if __has_include(<lmdb.h>)
template <podscope::durability Durable>
class lmdb_store {
    scratch_folder folder_;

public:
    podscope::lmdb_store<Durable> store =
        podscope::open_lmdb_store<Durable>(folder_ / "store").value();
};
#endif

#if __has_include(<sqlite3.h>)
template <podscope::durability Durable>
class sqlite_store {
    scratch_folder folder_;

public:
    podscope::sqlite_store<Durable> store =
        podscope::open_sqlite_store<Durable>(folder_ / "store").value();
};
#endif

using stores = std::tuple<memory_store,
                          lifted_store,
#if __has_include(<lmdb.h>)
                          lmdb_store<podscope::durability::power>,
                          lmdb_store<podscope::durability::process>,
#endif
#if __has_include(<sqlite3.h>)
                          sqlite_store<podscope::durability::power>,
                          sqlite_store<podscope::durability::process>,
#endif
                          journal_store<podscope::durability::power>,
                          journal_store<podscope::durability::process>,
                          journal_store<podscope::durability::none>>;

std::vector<std::string> keys_of(const auto& rows) {
    std::vector<std::string> keys;
    for (const auto& row : rows) {
        keys.push_back(row.first);
    }
    return keys;
}

using strings = std::vector<std::string>;

} // namespace

TEMPLATE_LIST_TEST_CASE("a store is a typed store with a generation", "", stores) {
    using store = decltype(TestType::store);
    STATIC_REQUIRE(podscope::typed_store<store>);
    STATIC_REQUIRE(podscope::writes<typename store::writer, numbers>);
    STATIC_REQUIRE(podscope::writes<typename store::writer, notes>);
    STATIC_REQUIRE(podscope::reads<typename store::reader, notes>);
}

TEMPLATE_LIST_TEST_CASE("a row is there after it was put and not before", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    CHECK(value_of(store, "a").value() == std::nullopt);
    REQUIRE(put_number(store, "a", 1));
    CHECK(value_of(store, "a").value() == number{1, {}});
    CHECK(value_of(store, "b").value() == std::nullopt);
    CHECK(value_of(store, "").value() == std::nullopt);
}

TEMPLATE_LIST_TEST_CASE("a put replaces the whole row", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    const note before{"long text", "and a reply", {{{"later", "\4x"}}}};
    const note after{"", {}, {}};
    REQUIRE(put<notes>(store, "n", before));
    CHECK(value_of<notes>(store, "n").value() == before);
    REQUIRE(put<notes>(store, "n", after));
    CHECK(value_of<notes>(store, "n").value() == after);
    CHECK(rows_from<notes>(store).value().size() == 1);
}

TEMPLATE_LIST_TEST_CASE("an erased row is gone and erasing what is not there is no error",
                        "",
                        stores) {
    TestType fresh;
    auto& store = fresh.store;
    REQUIRE(erase(store, "a"));
    REQUIRE(put_number(store, "a", 1));
    REQUIRE(put_number(store, "b", 2));
    REQUIRE(erase(store, "a"));
    CHECK(value_of(store, "a").value() == std::nullopt);
    CHECK(keys_of(rows_from(store).value()) == strings{"b"});
    REQUIRE(put_number(store, "a", 3));
    CHECK(value_of(store, "a").value() == number{3, {}});
}

TEMPLATE_LIST_TEST_CASE("tables are apart", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    REQUIRE(put_number(store, "k", 1));
    REQUIRE(put<notes>(store, "k", {"one", {}, {}}));
    REQUIRE(put<notes_too>(store, "k", {"two", {}, {}}));
    REQUIRE(put<notes>(store, std::string("2\0k", 3), {"three", {}, {}}));
    CHECK(rows_from(store).value() == rows_of<number>{{"k", {1, {}}}});
    CHECK(rows_from<notes>(store).value() ==
          rows_of<note>{{std::string("2\0k", 3), {"three", {}, {}}}, {"k", {"one", {}, {}}}});
    CHECK(rows_from<notes_too>(store).value() == rows_of<note>{{"k", {"two", {}, {}}}});
    REQUIRE(erase<notes>(store, "k"));
    CHECK(value_of<notes_too>(store, "k").value().has_value());
    CHECK(value_of(store, "k").value().has_value());
}

TEMPLATE_LIST_TEST_CASE("a scan goes in byte order from the first key that is not less",
                        "",
                        stores) {
    TestType fresh;
    auto& store = fresh.store;
    const std::string nul("a\0", 2);
    for (const auto& key : {std::string{"b"}, std::string{"\xFF"}, std::string{""}, nul,
                            std::string{"a"}, std::string{"aa"}, std::string{"\x7F"}}) {
        REQUIRE(put_number(store, key, 0));
    }
    CHECK(keys_of(rows_from(store).value()) == strings{"", "a", nul, "aa", "b", "\x7F", "\xFF"});
    CHECK(keys_of(rows_from(store, "a").value()) == strings{"a", nul, "aa", "b", "\x7F", "\xFF"});
    CHECK(keys_of(rows_from(store, "ab").value()) == strings{"b", "\x7F", "\xFF"});
    CHECK(keys_of(rows_from(store, "\xFF\xFF").value()).empty());
}

TEMPLATE_LIST_TEST_CASE("a scan stops when it is told to and keeps to its prefix", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    for (const auto* key : {"a1", "a2", "a3", "b1"}) {
        REQUIRE(put_number(store, key, 0));
    }
    strings seen;
    const auto seen_until = [&](std::string_view last) {
        seen.clear();
        return store.read([&](auto& txn) {
            return txn.template scan<numbers>("", [&](std::string_view key, const number&) {
                seen.emplace_back(key);
                return key == last ? scan::stop : scan::next;
            });
        });
    };
    REQUIRE(seen_until("a2"));
    CHECK(seen == strings{"a1", "a2"});

    seen.clear();
    REQUIRE(store.read([&](auto& txn) {
        return podscope::scan_prefix<numbers>(txn, "a", [&](std::string_view key, const number&) {
            seen.emplace_back(key);
            return scan::next;
        });
    }));
    CHECK(seen == strings{"a1", "a2", "a3"});
}

TEMPLATE_LIST_TEST_CASE("a transaction reads its own writes", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    REQUIRE(put_number(store, "a", 1));
    REQUIRE(put_number(store, "c", 3));
    strings seen;
    std::int64_t a = 0;
    bool c_is_there = true;
    const auto done = store.write([&](auto& txn) -> result<void> {
        seen.clear();
        if (auto put = txn.template put<numbers>("b", {2, {}}); !put) {
            return put;
        }
        if (auto put = txn.template put<numbers>("a", {10, {}}); !put) {
            return put;
        }
        if (auto erased = txn.template erase<numbers>("c"); !erased) {
            return erased;
        }
        auto row = txn.template get<numbers>("a");
        auto gone = txn.template get<numbers>("c");
        if (!row || !gone) {
            return fail({.category = errc::unavailable});
        }
        a = (**row).value;
        c_is_there = static_cast<bool>(*gone);
        return txn.template scan<numbers>("", [&](std::string_view key, const number&) {
            seen.emplace_back(key);
            return scan::next;
        });
    });
    REQUIRE(done);
    CHECK(a == 10);
    CHECK_FALSE(c_is_there);
    CHECK(seen == strings{"a", "b"});
    CHECK(rows_from(store).value() == rows_of<number>{{"a", {10, {}}}, {"b", {2, {}}}});
}

TEMPLATE_LIST_TEST_CASE("a transaction that fails leaves nothing behind", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    REQUIRE(put_number(store, "kept", 1));
    REQUIRE(put_number(store, "erased", 2));
    const auto before = rows_from(store).value();
    const auto generation = store.generation();
    const auto failed = store.write([&](auto& txn) -> result<void> {
        CHECK(txn.template put<numbers>("kept", {100, {}}));
        CHECK(txn.template put<numbers>("kept", {200, {}}));
        CHECK(txn.template erase<numbers>("erased"));
        CHECK(txn.template put<numbers>("erased", {300, {}}));
        CHECK(txn.template put<numbers>("new", {400, {}}));
        CHECK(txn.template erase<numbers>("new"));
        CHECK(txn.template put<notes>("new", {"x", {}, {}}));
        return fail({.category = errc::conflict, .message = "on purpose"});
    });
    REQUIRE_FALSE(failed);
    CHECK(failed.error().category == errc::conflict);
    CHECK(failed.error().message == "on purpose");
    CHECK(rows_from(store).value() == before);
    CHECK(rows_from<notes>(store).value().empty());
    CHECK(store.generation() == generation);
}

TEMPLATE_LIST_TEST_CASE("a transaction that throws leaves nothing behind and the store usable",
                        "",
                        stores) {
    TestType fresh;
    auto& store = fresh.store;
    CHECK_THROWS_AS(store.write([](auto& txn) -> result<void> {
        CHECK(txn.template put<numbers>("a", {1, {}}));
        throw std::bad_alloc{};
    }),
                    std::bad_alloc);
    CHECK(value_of(store, "a").value() == std::nullopt);
    REQUIRE(put_number(store, "a", 2));
    CHECK(value_of(store, "a").value() == number{2, {}});
}

TEMPLATE_LIST_TEST_CASE("the generation moves with a commit and with nothing else", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    auto last = store.generation();
    REQUIRE(put_number(store, "a", 1));
    CHECK(store.generation() != last);
    last = store.generation();
    CHECK(value_of(store, "a").value().has_value());
    REQUIRE(store.write([](auto&) -> result<void> { return {}; }));
    CHECK(store.generation() == last);
    REQUIRE(erase(store, "a"));
    CHECK(store.generation() != last);
}

TEMPLATE_LIST_TEST_CASE("a random history leaves what a map would hold", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    std::mt19937 random{7};
    const auto below = [&](std::uint32_t end) { return random() % end; };
    std::map<std::string, std::int64_t> expected;
    for (int i = 0; i < 300; ++i) {
        auto next = expected;
        const bool commits = below(4) != 0;
        const auto steps = 1 + below(6);
        const auto seed = random();
        const auto done = store.write([&](auto& txn) -> result<void> {
            next = expected;
            std::mt19937 choice{seed};
            for (std::uint32_t step = 0; step < steps; ++step) {
                const std::string key(1 + choice() % 2, static_cast<char>('a' + choice() % 5));
                if (choice() % 3 == 0) {
                    next.erase(key);
                    CHECK(txn.template erase<numbers>(key));
                } else {
                    const auto value = static_cast<std::int64_t>(choice() % 100);
                    next[key] = value;
                    CHECK(txn.template put<numbers>(key, {value, {}}));
                }
            }
            return commits ? result<void>{} : fail({.category = errc::conflict});
        });
        REQUIRE(done.has_value() == commits);
        if (commits) {
            expected = next;
        }
        rows_of<number> rows;
        for (const auto& [key, value] : expected) {
            rows.emplace_back(key, number{value, {}});
        }
        REQUIRE(rows_from(store).value() == rows);
    }
}

TEMPLATE_LIST_TEST_CASE("increments by several threads lose nothing", "[concurrent]", stores) {
    TestType fresh;
    auto& store = fresh.store;
    constexpr int each = 100;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            std::int64_t last = 0;
            for (int n = 0; n < each; ++n) {
                const auto mine = increment(store, "n");
                const auto seen = value_of(store, "n");
                // Read after an acknowledged write: never an older state.
                if (!mine || !seen || !*seen || (**seen).value < *mine || *mine <= last) {
                    return;
                }
                last = *mine;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(value_of(store, "n").value() == number{4 * each, {}});
}
