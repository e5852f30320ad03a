// SPDX-License-Identifier: BSL-1.0
// Two stores as one, and what becomes of an operation that does not get to its end.
#include "backend/split_parts.hpp"
#include "support/catch.hpp"
#include "support/forked.hpp"

#include <podscope/backend/split.hpp>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::fail;
using podscope::result;
using podscope_test::error_of;
using podscope_test::why_not;
using pair = std::pair<std::int64_t, std::int64_t>;

// Where stores live that several handles are opened on, one after the other: each handle is a
// process of its own to the library. `InTurn` is whether the first store says so of itself.

struct in_memory {
    using first = first_memory;
    using second = second_memory;

    [[nodiscard]] first open_first() const { return one; }

    [[nodiscard]] second open_second() const { return two; }

    first one{};
    second two{};
};

struct in_memory_and_journal {
    using first = first_memory;
    using second = second_journal<>;

    [[nodiscard]] first open_first() const { return one; }

    [[nodiscard]] second open_second() const { return must(second::open(folder / "two")); }

    first one{};
    podscope_test::temporary_folder folder{};
};

struct in_journals {
    using first = first_journal<>;
    using second = second_journal<>;

    [[nodiscard]] first open_first() const { return must(first::open(folder / "one")); }

    [[nodiscard]] second open_second() const { return must(second::open(folder / "two")); }

    podscope_test::temporary_folder folder{};
};

// Bodies are run twice.
struct in_maps {
    using first = podscope::lifted<map_backend>;
    using second = podscope::lifted<map_backend>;

    [[nodiscard]] first open_first() const { return first{one}; }

    [[nodiscard]] second open_second() const { return second{two}; }

    map_backend one{};
    map_backend two{};
};

// Bodies are run side by side.
struct in_races {
    using first = podscope::lifted<racing_backend>;
    using second = podscope::lifted<racing_backend>;

    [[nodiscard]] first open_first() const { return first{one}; }

    [[nodiscard]] second open_second() const { return second{two}; }

    racing_backend one{};
    racing_backend two{};
};

template <class Place, bool InTurn>
struct two_parts {
    using first = stepped<typename Place::first, InTurn>;
    using second = stepped<typename Place::second, InTurn>;

    [[nodiscard]] auto open() const {
        return split_of<first, second>{
            first{place.open_first(), plan}, second{place.open_second(), plan}, {.patience = 0ms}};
    }

    Place place{};
    std::shared_ptr<step_plan> plan = std::make_shared<step_plan>();
};

using places = std::tuple<two_parts<in_memory, true>,
                          two_parts<in_memory, false>,
                          two_parts<in_memory_and_journal, true>,
                          two_parts<in_journals, true>,
                          two_parts<in_journals, false>,
                          two_parts<in_maps, false>,
                          two_parts<in_races, false>>;

// An operation on both parts that puts, replaces and erases in each.
const contents before{.first = {{"changed", {1, {}}}, {"erased", {2, {}}}, {"kept", {3, {}}}},
                      .second = {{"changed", {"one", {}, {}}},
                                 {"erased", {"two", "re", {}}},
                                 {"kept", {"3", {}, {}}}},
                      .second_too = {{"erased", {"four", {}, {{{"later", "\4x"}}}}}}};
const contents after{.first = {{"added", {5, {}}}, {"changed", {10, {}}}, {"kept", {3, {}}}},
                     .second = {{"added", {"five", {}, {}}},
                                {"changed", {"ten", "re", {}}},
                                {"kept", {"3", {}, {}}}},
                     .second_too = {}};

template <class Table, class Txn>
void put_all(Txn& txn, const auto& rows) {
    for (const auto& [key, record] : rows) {
        must(txn.template put<Table>(key, record));
    }
}

template <class Store>
[[nodiscard]] result<void> fill(Store& store) {
    return store.write([](auto& txn) -> result<void> {
        put_all<numbers>(txn, before.first);
        put_all<notes>(txn, before.second);
        put_all<notes_too>(txn, before.second_too);
        return {};
    });
}

template <class Store>
[[nodiscard]] result<void> operate(Store& store) {
    return store.write([](auto& txn) -> result<void> {
        must(txn.template put<notes>("added", {"five", {}, {}}));
        must(txn.template put<notes>("changed", {"not yet", {}, {}}));
        must(txn.template put<numbers>("added", {5, {}}));
        must(txn.template put<notes>("changed", {"ten", "re", {}}));
        must(txn.template erase<notes>("erased"));
        must(txn.template put<numbers>("changed", {10, {}}));
        must(txn.template put<notes_too>("brief", {"", {}, {}}));
        must(txn.template erase<notes_too>("brief"));
        must(txn.template erase<notes_too>("erased"));
        must(txn.template erase<numbers>("erased"));
        return {};
    });
}

template <class Store>
void require_sound(Store store, bool was_acknowledged) {
    const auto now = must(contents_of(store));
    const bool is_there = now == after;
    REQUIRE((is_there || now == before));
    REQUIRE((is_there || !was_acknowledged));
    // The next write finds nothing in its way, and leaves nothing.
    must(fill(store));
    must(store.write([](auto& txn) -> result<void> {
        must(txn.template erase<numbers>("added"));
        return txn.template erase<notes>("added");
    }));
    REQUIRE(must(contents_of(store)) == before);
    REQUIRE(is_settled(store));
}

} // namespace

TEMPLATE_LIST_TEST_CASE("F09 a maker who dies at any step leaves all of a change or none",
                        "",
                        places) {
    int step = 1;
    for (bool died = true; died; ++step) {
        CAPTURE(step);
        const TestType parts;
        auto dying = parts.open();
        must(fill(dying));
        parts.plan->begin();
        parts.plan->die_at(step);
        died = !operate(dying);
        parts.plan->end();
        auto next = parts.open();
        if (step % 2 == 0) {
            // Not by a read: the next comer may be one who writes.
            must(put_number(next, "kept", 3));
        }
        require_sound(std::move(next), !died);
    }
    // Both commits of the change, before and after each.
    CHECK(step > 5);
}

TEMPLATE_LIST_TEST_CASE("F09 a next comer who dies at any step as well leaves all or none",
                        "",
                        places) {
    bool maker_died = true;
    for (int step = 1; maker_died; ++step) {
        bool next_died = true;
        for (int next_step = 1; maker_died && next_died; ++next_step) {
            CAPTURE(step, next_step);
            const TestType parts;
            auto dying = parts.open();
            must(fill(dying));
            parts.plan->begin();
            parts.plan->die_at(step);
            maker_died = !operate(dying);
            parts.plan->begin();
            parts.plan->die_at(next_step);
            auto next = parts.open();
            next_died = !contents_of(next) || !put<notes>(next, "kept", {"3", {}, {}}) ||
                        !put_number(next, "kept", 3);
            parts.plan->end();
            require_sound(parts.open(), !maker_died);
        }
    }
}

TEST_CASE("F09 a process killed at any step leaves all of a change or none") {
    int step = 1;
    for (bool died = true; died; ++step) {
        CAPTURE(step);
        const two_parts<in_journals, true> parts;
        {
            auto first_comer = parts.open();
            must(fill(first_comer));
        }
        podscope_test::forked_process maker{[&] {
            auto mine = parts.open();
            parts.plan->begin();
            parts.plan->at(step, [] { ::kill(::getpid(), SIGKILL); });
            return operate(mine) ? 0 : 1;
        }};
        const int status = maker.status();
        died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        REQUIRE((died || (WIFEXITED(status) && WEXITSTATUS(status) == 0)));
        // One who was there all the time, and has looked before.
        require_sound(parts.open(), !died);
    }
    CHECK(step > 5);
}

TEMPLATE_LIST_TEST_CASE("F09 one step that fails is an error or no matter", "", places) {
    int step = 1;
    for (bool reached = true; reached; ++step) {
        CAPTURE(step);
        const TestType parts;
        auto store = parts.open();
        must(fill(store));
        parts.plan->begin();
        parts.plan->fail_at(step);
        const auto done = operate(store);
        reached = parts.plan->count() >= step;
        parts.plan->end();
        const auto now = must(contents_of(store));
        REQUIRE((now == after || now == before));
        REQUIRE((now == after || !done));
        // The one who was told so goes on.
        must(operate(store));
        require_sound(parts.open(), true);
    }
}

TEST_CASE("F45 a commit whose answer was lost is known to have happened") {
    const two_parts<in_memory, true> parts;
    auto store = parts.open();
    must(fill(store));
    parts.plan->begin();
    // Before and after the second part's commit, and before the first's.
    parts.plan->fail_at(4);
    must(operate(store));
    CHECK(parts.plan->count() == 4);
    parts.plan->end();
    require_sound(parts.open(), true);
}

TEST_CASE("F12 a first part that takes no more commits leaves what was there to be read") {
    const two_parts<in_memory, true> parts;
    auto store = parts.open();
    must(fill(store));
    parts.plan->begin();
    parts.plan->fail_at(3);
    CHECK(why_not(operate(store)) == errc::io);
    CHECK(parts.plan->count() > 3);
    parts.plan->end();
    CHECK(is_settled(store));
    CHECK(must(contents_of(store)) == before);
}

TEST_CASE("F09 a change that was called off cannot be decided by a maker who lives") {
    const bool is_more_done = GENERATE(false, true);
    const two_parts<in_races, false> parts;
    auto store = parts.open();
    must(increment_both(store, "n"));
    auto other = parts.open();
    pair seen{};
    parts.plan->begin();
    // Before the first part's commit: the second part's has taken place.
    parts.plan->at(3, [&] {
        parts.plan->end();
        seen = must(both_of(other, "n"));
        if (is_more_done) {
            must(increment_both(other, "n"));
        }
    });
    const std::int64_t last = is_more_done ? 3 : 2;
    CHECK(must(increment_both(store, "n")) == last);
    CHECK(seen == pair{1, 1});
    CHECK(must(both_of(store, "n")) == pair{last, last});
    CHECK(is_settled(store));
}

TEST_CASE("F09 a change that two next comers find is taken back once") {
    const two_parts<in_memory, true> parts;
    auto dead = parts.open();
    must(increment_both(dead, "n"));
    parts.plan->begin();
    parts.plan->die_at(3);
    REQUIRE_FALSE(increment_both(dead, "n"));
    auto one = parts.open();
    auto other = parts.open();
    parts.plan->begin();
    // Behind the transaction in which the first one finds the change, and before it takes it back.
    parts.plan->at(4, [&] {
        parts.plan->end();
        REQUIRE(must(both_of(other, "n")) == pair{1, 1});
        must(increment_both(other, "n"));
        must(increment_both(other, "n"));
    });
    CHECK(must(both_of(one, "n")) == pair{3, 3});
    CHECK(must(increment_both(one, "n")) == 4);
    CHECK(must(both_of(other, "n")) == pair{4, 4});
}

TEST_CASE("F09 a change that is being made is left to its maker for a time, or for ever") {
    const auto at_most = GENERATE(std::chrono::milliseconds{20s}, std::chrono::milliseconds::max());
    const two_parts<in_races, false> parts;
    auto store = parts.open();
    must(increment_both(store, "n"));
    const auto no_plan = std::make_shared<step_plan>();
    split_of<decltype(parts)::first, decltype(parts)::second> other{
        {parts.place.open_first(), no_plan},
        {parts.place.open_second(), no_plan},
        {.patience = at_most, .deadline = at_most}};
    std::optional<result<pair>> seen;
    std::atomic<bool> is_answered{false};
    std::thread reading;
    int runs = 0;
    parts.plan->begin();
    // Before the first part's commit: the other one has seen the second's, and seen it again.
    parts.plan->at(3, [&] {
        reading = std::thread{[&] {
            seen = both_of(other, "n");
            is_answered = true;
        }};
        constexpr int looks = 8;
        const auto until = std::chrono::steady_clock::now() + 15s;
        while (!is_answered && other.first().reads() < looks &&
               std::chrono::steady_clock::now() < until) {
            std::this_thread::yield();
        }
    });
    must(store.write([&](auto& txn) -> result<void> {
        ++runs;
        must(txn.template put<notes>("n", {"2", {}, {}}));
        return txn.template put<numbers>("n", {2, {}});
    }));
    reading.join();
    CHECK(runs == 1);
    CHECK(must(std::move(*seen)) == pair{2, 2});
}

TEST_CASE("F09 changes whose commit was lost together are taken back together") {
    using part = podscope::lifted<grouping_backend>;
    grouping_backend group;
    const auto plan = std::make_shared<step_plan>();
    const second_memory second;
    const auto open = [&] {
        return split_of<stepped<part, true>, second_memory>{{part{group}, plan}, second, {}};
    };
    auto store = open();
    must(increment_both(store, "n"));
    for (const int together : {2, 3, 5}) {
        CAPTURE(together);
        group.lose_group_of(together);
        std::atomic<int> lost{0};
        std::vector<std::thread> threads;
        for (int i = 0; i != together; ++i) {
            threads.emplace_back([&] { lost += increment_both(store, "n") ? 0 : 1; });
        }
        for (auto& thread : threads) {
            thread.join();
        }
        CHECK(lost == together);
        auto next = open();
        CHECK(must(both_of(next, "n")) == pair{1, 1});
        CHECK(is_settled(next));
    }
    CHECK(must(increment_both(store, "n")) == 2);
    CHECK(must(both_of(store, "n")) == pair{2, 2});
}

TEST_CASE("F09 a second part that has lost changes gives no number for another one") {
    // It came back as it was before most of them, or a new one has taken its place.
    const bool is_older = GENERATE(true, false);
    using part = podscope::lifted<grouping_backend>;
    const podscope_test::temporary_folder folder;
    grouping_backend group;
    const auto plan = std::make_shared<step_plan>();
    const auto open = [&] {
        return split_of<stepped<part, true>, second_journal<>>{
            {part{group}, plan}, must(second_journal<>::open(folder / "two")), {}};
    };
    {
        auto store = open();
        must(increment_both(store, "n"));
    }
    std::filesystem::copy(folder / "two", folder / "copy");
    {
        auto store = open();
        for (int i = 0; i != 8; ++i) {
            must(increment_both(store, "n"));
        }
    }
    std::filesystem::remove_all(folder / "two");
    if (is_older) {
        std::filesystem::rename(folder / "copy", folder / "two");
    }
    auto store = open();
    must(increment_both(store, "m"));
    constexpr int together = 3;
    group.lose_group_of(together);
    std::atomic<int> lost{0};
    std::vector<std::thread> threads;
    for (int i = 0; i != together; ++i) {
        threads.emplace_back([&] { lost += increment_both(store, "m") ? 0 : 1; });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(lost == together);
    auto next = open();
    CHECK(must(both_of(next, "m")) == pair{1, 1});
    CHECK(must(increment_both(next, "m")) == 2);
    CHECK(is_settled(next));
}

TEST_CASE("F09 what a registry in memory takes with it counts as decided") {
    const podscope_test::temporary_folder folder;
    const auto plan = std::make_shared<step_plan>();
    const auto open_new = [&] {
        using first = stepped<first_memory, true>;
        using second = stepped<second_journal<>, true>;
        return split_of<first, second>{
            {first_memory{}, plan}, {must(second_journal<>::open(folder / "two")), plan}, {}};
    };
    {
        auto gone = open_new();
        must(fill(gone));
        must(operate(gone));
    }
    {
        auto next = open_new();
        const auto now = must(contents_of(next));
        CHECK(now.first.empty());
        CHECK(now.second == after.second);
        must(fill(next));
        plan->begin();
        plan->die_at(3);
        CHECK_FALSE(operate(next));
        plan->end();
    }
    auto last = open_new();
    const auto now = must(contents_of(last));
    CHECK(now.first.empty());
    CHECK(now.second == after.second);
    CHECK(now.second_too == after.second_too);
    must(operate(last));
    CHECK(is_settled(last));
}

TEST_CASE("F09 a first part that was replaced by another changes nothing any more") {
    const second_memory second;
    split_of<first_memory, second_memory> old{{}, second};
    must(increment_both(old, "n"));
    split_of<first_memory, second_memory> late{{}, second};
    must(put_number(late, "n", 1));
    must(increment_both(late, "n"));
    const auto refused = error_of(increment_both(old, "n"));
    CHECK(refused.category == errc::unavailable);
    CHECK(refused.message.find("taken over") != std::string::npos);
    CHECK(why_not(both_of(old, "n")) == errc::unavailable);
    CHECK(must(both_of(late, "n")) == pair{2, 2});
    CHECK(must(increment_both(late, "n")) == 3);
}

TEST_CASE("F09 a part put back from a copy is told from an unfinished change") {
    constexpr auto power = podscope::durability::power;
    const podscope_test::temporary_folder folder;
    const auto open = [&] {
        return split_of<first_journal<power>, second_journal<power>>{
            must(first_journal<power>::open(folder / "one")),
            must(second_journal<power>::open(folder / "two"))};
    };
    const auto increase = [&] {
        auto store = open();
        must(increment_both(store, "n"));
    };
    const std::string part = GENERATE(std::string{"one"}, std::string{"two"});
    CAPTURE(part);
    increase();
    std::filesystem::copy(folder / part, folder / "copy");
    for (int i = 0; i < 5; ++i) {
        increase();
    }
    std::filesystem::remove_all(folder / part);
    std::filesystem::rename(folder / "copy", folder / part);

    auto store = open();
    CHECK(why_not(both_of(store, "n")) == errc::corrupt);
    CHECK(why_not(increment_both(store, "n")) == errc::corrupt);
    must(store.accept_as_they_are());
    CHECK(must(both_of(store, "n")) == (part == "one" ? pair{1, 6} : pair{6, 1}));
    must(increment_both(store, "n"));
    CHECK(is_settled(store));
}

TEST_CASE("a part of less durability may come back older than the other") {
    const auto stale = GENERATE(1, 2);
    const podscope_test::temporary_folder folder;
    const auto open = [&] {
        return split_of<first_journal<>, second_journal<>>{
            must(first_journal<>::open(folder / "one")),
            must(second_journal<>::open(folder / "two"))};
    };
    const std::string part = stale == 1 ? "one" : "two";
    {
        auto store = open();
        must(increment_both(store, "n"));
    }
    std::filesystem::copy(folder / part, folder / "copy");
    {
        auto store = open();
        must(increment_both(store, "n"));
        must(increment_both(store, "n"));
        must(increment_both(store, "n"));
    }
    std::filesystem::remove_all(folder / part);
    std::filesystem::rename(folder / "copy", folder / part);
    auto store = open();
    CHECK(must(both_of(store, "n")) == (stale == 1 ? pair{1, 4} : pair{4, 1}));
    must(increment_both(store, "n"));
    CHECK(is_settled(store));
}
