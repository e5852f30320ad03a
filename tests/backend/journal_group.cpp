// SPDX-License-Identifier: BSL-1.0
// Threads of one process that commit at the same time.
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/journal.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::errc;

// Files of which a sync takes as long as somebody is on his way into the line, and which fail on
// demand.
struct slow_files : podscope::system_files {
    static inline std::atomic<int> coming{0};
    static inline std::atomic<int> syncs{0};
    static inline std::atomic<int> failing_write{0};
    static inline std::atomic<int> failing_sync{0};

    static int write(int file, std::string_view bytes, std::uint64_t offset) noexcept {
        const int code = failing_write.load();
        return code != 0 ? code : system_files::write(file, bytes, offset);
    }

    static int sync_data(int) noexcept {
        ++syncs;
        const int before = coming.load();
        const auto until = std::chrono::steady_clock::now() + 5ms;
        while (coming.load() < before + 2 && std::chrono::steady_clock::now() < until) {
            std::this_thread::yield();
        }
        return failing_sync.load();
    }
};

using journal = podscope::basic_journal<test_schema, podscope::durability::power, slow_files>;

constexpr int thread_count = 8;

template <class F>
void in_threads(F&& body) {
    std::vector<std::thread> threads;
    threads.reserve(thread_count);
    for (int number = 0; number < thread_count; ++number) {
        threads.emplace_back([&body, number] { body(number); });
    }
    for (auto& one : threads) {
        one.join();
    }
}

template <class F>
auto announced(F&& call) {
    ++slow_files::coming;
    return call();
}

} // namespace

TEST_CASE("threads that commit at the same time share a sync and each gets its own answer",
          "[concurrent]") {
    constexpr int rounds = 50;
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    slow_files::syncs = 0;
    std::vector<std::vector<std::int64_t>> answers(thread_count);
    std::atomic<int> surprises{0};
    in_threads([&](int number) {
        for (int round = 0; round < rounds; ++round) {
            // Of every three one fails, one throws after it has changed something, and one counts.
            const auto refused = announced([&] {
                return store.write([&](auto& txn) -> podscope::result<void> {
                    auto done = txn.template put<numbers>("n", {-1, {}});
                    return done ? podscope::fail(
                                      {.category = errc::denied, .message = std::to_string(number)})
                                : done;
                });
            });
            if (refused || refused.error().message != std::to_string(number)) {
                ++surprises;
            }
            try {
                (void)store.write([&](auto& txn) -> podscope::result<void> {
                    (void)txn.template put<numbers>("n", {-2, {}});
                    throw std::runtime_error{std::to_string(number)};
                });
                ++surprises;
            } catch (const std::runtime_error& thrown) {
                surprises += thrown.what() == std::to_string(number) ? 0 : 1;
            }
            answers[static_cast<std::size_t>(number)].push_back(
                announced([&] { return increment(store, "n"); }).value());
        }
    });
    CHECK(surprises == 0);
    std::set<std::int64_t> all;
    for (const auto& mine : answers) {
        CHECK(std::ranges::is_sorted(mine));
        all.insert(mine.begin(), mine.end());
    }
    CHECK(all.size() == thread_count * rounds);
    CHECK(*all.rbegin() == thread_count * rounds);
    CHECK(slow_files::syncs < thread_count * rounds);
    auto again = journal::open(path).value();
    CHECK(value_of(again, "n").value() == number{thread_count * rounds, {}});
}

TEST_CASE("F12 of threads that commit together none is told of success if it fails",
          "[concurrent]") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    REQUIRE(put_number(store, "n", 7));
    const auto all_fail = [&] {
        std::atomic<int> refused{0};
        in_threads([&](int) {
            const auto done = announced([&] { return increment(store, "n"); });
            refused += !done && done.error().category == errc::io ? 1 : 0;
        });
        return refused == thread_count;
    };
    slow_files::failing_write = ENOSPC;
    CHECK(all_fail());
    slow_files::failing_write = 0;
    CHECK(value_of(store, "n").value() == number{7, {}});
    REQUIRE(increment(store, "n").value() == 8);

    slow_files::failing_sync = EIO;
    CHECK(all_fail());
    slow_files::failing_sync = 0;
    CHECK(value_of(store, "n").error().category == errc::io);
    auto again = journal::open(path).value();
    CHECK(value_of(again, "n").value() == number{8, {}});
}

TEST_CASE("F08 every thread that waits behind a stopped process gives up at its deadline",
          "[concurrent]") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path, {.lock_deadline = 50ms}).value();
    other_process child{[&](const auto& parent) {
        auto mine = journal::open(path).value();
        return mine.write([&](auto& txn) -> podscope::result<void> {
                       auto done = txn.template put<numbers>("held", {1, {}});
                       parent.tell();
                       parent.wait();
                       return done;
                   }).has_value()
                   ? 0
                   : 1;
    }};
    REQUIRE(child.wait());
    child.stop();
    std::atomic<int> refused{0};
    in_threads([&](int) {
        const auto done = increment(store, "n");
        refused += !done && done.error().category == errc::timeout ? 1 : 0;
    });
    CHECK(refused == thread_count);
    child.go_on();
    child.tell();
    CHECK(child.exit_code() == 0);
    in_threads([&](int) { (void)increment(store, "n"); });
    CHECK(value_of(store, "n").value() == number{thread_count, {}});
    CHECK(value_of(store, "held").value() == number{1, {}});
}
