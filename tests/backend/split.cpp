// SPDX-License-Identifier: BSL-1.0
// Two stores as one: what it is as a typed store. Crashes are in split_crash.cpp.
#include "backend/split_parts.hpp"
#include "support/catch.hpp"
#include "support/effort.hpp"
#include "support/forked.hpp"

#include <podscope/backend/split.hpp>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::fail;
using podscope::result;
using podscope::scan;
using podscope_test::why_not;

struct in_memory {
    split_of<first_memory, second_memory> store{first_memory{}, second_memory{}};
};

// Bodies run twice, in each part.
struct in_maps {
    using part = podscope::lifted<map_backend>;
    split_of<part, part> store{part{map_backend{}}, part{map_backend{}}};
};

// Bodies run side by side, in each part.
struct in_races {
    using part = podscope::lifted<racing_backend>;
    split_of<part, part> store{part{racing_backend{}}, part{racing_backend{}}};
};

struct in_memory_and_journal {
    podscope_test::temporary_folder folder{};
    split_of<first_memory, second_journal<>> store{first_memory{},
                                                   must(second_journal<>::open(folder / "two"))};
};

template <podscope::durability Durable>
struct in_journals {
    podscope_test::temporary_folder folder{};
    split_of<first_journal<Durable>, second_journal<Durable>> store{
        must(first_journal<Durable>::open(folder / "one")),
        must(second_journal<Durable>::open(folder / "two"))};
};

using stores = std::tuple<in_memory,
                          in_maps,
                          in_races,
                          in_memory_and_journal,
                          in_journals<podscope::durability::process>,
                          in_journals<podscope::durability::power>>;

using journals = split_of<first_journal<>, second_journal<podscope::durability::power>>;
static_assert(journals::durable == podscope::durability::process);
static_assert(journals::reaches == podscope::reach::machine);
static_assert(decltype(in_memory_and_journal::store)::durable == podscope::durability::none);
static_assert(decltype(in_memory_and_journal::store)::reaches == podscope::reach::thread);
static_assert(podscope::has_generation<journals>);

using plain_part = stepped<first_memory>;
static_assert(!podscope::has_generation<plain_part>);
static_assert(podscope::typed_store<split_of<plain_part, second_memory>>);
static_assert(!podscope::has_generation<split_of<plain_part, second_memory>>);

// What a random transaction does to the rows, and to what is expected of them.
template <class Txn>
[[nodiscard]] result<void> change_at_random(std::mt19937& choice, Txn& txn, contents& expected) {
    const auto steps = choice() % 6;
    for (std::uint32_t step = 0; step < steps; ++step) {
        const std::string key(1 + choice() % 2, static_cast<char>('a' + choice() % 5));
        const auto value = static_cast<std::int64_t>(choice() % 100);
        const note text{std::to_string(value), {}, {{{"later", "\4x"}}}};
        result<void> done{};
        switch (choice() % 6) {
        case 0:
            expected.first[key] = {value, {}};
            done = txn.template put<numbers>(key, {value, {}});
            break;
        case 1:
            expected.second[key] = text;
            done = txn.template put<notes>(key, text);
            break;
        case 2:
            expected.second_too[key] = text;
            done = txn.template put<notes_too>(key, text);
            break;
        case 3:
            expected.first.erase(key);
            done = txn.template erase<numbers>(key);
            break;
        case 4:
            expected.second.erase(key);
            done = txn.template erase<notes>(key);
            break;
        default:
            expected.second_too.erase(key);
            done = txn.template erase<notes_too>(key);
            break;
        }
        if (!done) {
            return done;
        }
        auto seen = contents_in(txn);
        if (!seen) {
            return fail(seen);
        }
        if (*seen != expected) {
            return fail({.category = errc::corrupt, .message = "a transaction misses its writes"});
        }
    }
    return {};
}

} // namespace

TEMPLATE_LIST_TEST_CASE("a random history of two parts leaves what maps would hold", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    std::mt19937 random{11};
    contents expected;
    for (int i = 0; i < 200; ++i) {
        const bool commits = random() % 4 != 0;
        const auto seed = random();
        contents next;
        const auto done = store.write([&](auto& txn) -> result<void> {
            next = expected;
            std::mt19937 choice{seed};
            if (auto changed = change_at_random(choice, txn, next); !changed) {
                return changed;
            }
            return commits ? result<void>{} : fail({.category = errc::conflict});
        });
        REQUIRE(done.has_value() == commits);
        if (commits) {
            expected = next;
        } else {
            REQUIRE(done.error().category == errc::conflict);
        }
        REQUIRE(must(contents_of(store)) == expected);
        REQUIRE((!commits || i < 20 || is_settled(store)));
    }
}

TEMPLATE_LIST_TEST_CASE("a body that throws leaves nothing in either part", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    must(increment_both(store, "n"));
    CHECK_THROWS_AS(store.write([](auto& txn) -> result<void> {
        CHECK(txn.template put<numbers>("n", {7, {}}));
        CHECK(txn.template put<notes>("n", {"7", {}, {}}));
        throw std::bad_alloc{};
    }),
                    std::bad_alloc);
    CHECK(must(both_of(store, "n")) == std::pair<std::int64_t, std::int64_t>{1, 1});
    CHECK(must(increment_both(store, "n")) == 2);
    CHECK(is_settled(store));
}

TEMPLATE_LIST_TEST_CASE("the generation moves with a commit to either part", "", stores) {
    TestType fresh;
    auto& store = fresh.store;
    must(increment_both(store, "n"));
    auto last = store.generation();
    const auto has_moved = [&] { return std::exchange(last, store.generation()) != last; };
    must(both_of(store, "n"));
    CHECK_FALSE(has_moved());
    CHECK(why_not(store.write([](auto& txn) -> result<void> {
              CHECK(txn.template put<numbers>("n", {7, {}}));
              CHECK(txn.template put<notes>("n", {"7", {}, {}}));
              return fail({.category = errc::conflict});
          })) == errc::conflict);
    CHECK_FALSE(has_moved());
    must(erase<notes>(store, "not there"));
    CHECK_FALSE(has_moved());
    must(put_number(store, "n", 2));
    CHECK(has_moved());
    must(put<notes>(store, "n", {"2", {}, {}}));
    CHECK(has_moved());
}

TEST_CASE("what was replaced is cleared away by the next change, whoever makes it") {
    const first_memory first;
    const second_memory second;
    split_of<first_memory, second_memory> store{first, second};
    for (int i = 0; i < 10; ++i) {
        split_of<first_memory, second_memory> of_another{first, second};
        must(increment_both(i % 3 == 0 ? store : of_another, "n"));
    }
    std::size_t intents = 0;
    must(store.second().read([&](auto& txn) {
        return txn.template scan<podscope::tables::split_intents>("", [&](auto, const auto&) {
            ++intents;
            return scan::next;
        });
    }));
    CHECK(intents <= 2);
}

TEMPLATE_LIST_TEST_CASE("threads see both parts in step and lose no increment",
                        "[concurrent]",
                        stores) {
    TestType fresh;
    auto& store = fresh.store;
    const int each = podscope_test::is_sanitised ? 20 : 100;
    std::atomic<int> writing{3};
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < each; ++n) {
                failures += increment_both(store, "n") ? 0 : 1;
            }
            --writing;
        });
    }
    threads.emplace_back([&] {
        while (writing > 0) {
            const auto seen = both_of(store, "n");
            failures += seen && seen->first == seen->second ? 0 : 1;
        }
    });
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(failures == 0);
    CHECK(must(both_of(store, "n")) == std::pair<std::int64_t, std::int64_t>{3 * each, 3 * each});
}

TEST_CASE("F09 processes that are killed leave both parts in step", "[concurrent]") {
    const podscope_test::temporary_folder folder;
    const auto open = [&] {
        return split_of<first_journal<>, second_journal<>>{
            must(first_journal<>::open(folder / "one")),
            must(second_journal<>::open(folder / "two")),
            {.patience = 0ms}};
    };
    podscope_test::shared<std::atomic<std::int64_t>> acknowledged;
    podscope_test::shared<std::atomic<bool>> broken;
    const auto work = [&] {
        auto store = open();
        for (;;) {
            const auto done = increment_both(store, "n");
            const auto seen = both_of(store, "n");
            if (done) {
                ++*acknowledged;
            }
            if (!done || !seen || seen->first != seen->second || seen->first < *done) {
                *broken = true;
                return 1;
            }
        }
    };
    const auto kills = podscope_test::rounds("PODSCOPE_SPLIT_KILLS", 60);
    std::vector<std::unique_ptr<podscope_test::forked_process>> all(3);
    std::mt19937 random{5};
    for (std::uint64_t i = 0; i < kills && !*broken; ++i) {
        auto& one = all[i % all.size()];
        one = std::make_unique<podscope_test::forked_process>(work);
        // Let some work be done before the next is killed: how much is left to chance.
        const std::int64_t enough = *acknowledged + 1 + static_cast<std::int64_t>(random() % 40);
        const auto until = std::chrono::steady_clock::now() + 20s;
        while (*acknowledged < enough && !*broken && std::chrono::steady_clock::now() < until) {
            std::this_thread::yield();
        }
        REQUIRE(*acknowledged >= enough);
        if (i + 1 >= all.size()) {
            all[(i + 1) % all.size()]->kill();
        }
    }
    for (auto& one : all) {
        one.reset();
    }
    CHECK_FALSE(*broken);
    auto store = open();
    const auto last = must(both_of(store, "n"));
    CHECK(last.first == last.second);
    CHECK(last.first >= *acknowledged);
    must(increment_both(store, "n"));
    CHECK(is_settled(store));
}
