// SPDX-License-Identifier: BSL-1.0
// What the databases that lie in a folder have in common: their files, and their processes. The
// laws of every store are in typed_store.cpp.
#include "backend/database_rows.hpp"
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "backend/waiting_writer.hpp"
#include "support/catch.hpp"
#include "support/descriptors.hpp"
#include "support/results.hpp"

#if __has_include(<lmdb.h>)
#include <podscope/backend/lmdb.hpp>
#endif
#if __has_include(<sqlite3.h>)
#include <podscope/backend/sqlite.hpp>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::durability;
using podscope::errc;
using podscope::result;
using podscope_test::error_of;
using podscope_test::must;
using podscope_test::why_not;

#if __has_include(<lmdb.h>)
struct on_lmdb {
    using backend = podscope::lmdb_backend;
    using quick_backend = podscope::basic_lmdb_backend<durability::process>;
    static constexpr const char* file = "data.mdb";
    static constexpr const char* old_file = "lmdb.v1";
    static constexpr std::array files{"generation", "data.mdb", "lock.mdb"};
    static constexpr auto trusted = files;

    static auto open(const std::string& path) {
        return must(podscope::open_lmdb_store<durability::process>(path));
    }

    static auto open(const std::string& path, std::chrono::milliseconds deadline) {
        return must(
            podscope::open_lmdb_store<durability::process>(path, {.lock_deadline = deadline}));
    }

    static auto open_durable(const std::string& path) { return podscope::open_lmdb_store(path); }
};
#endif

#if __has_include(<sqlite3.h>)
struct on_sqlite {
    using backend = podscope::sqlite_backend;
    using quick_backend = podscope::basic_sqlite_backend<durability::process>;
    static constexpr const char* file = "store.sqlite";
    static constexpr const char* old_file = "sqlite.v1";
    static constexpr std::array files{"generation", "store.sqlite", "store.sqlite-wal",
                                      "store.sqlite-shm"};
    // One that a program which does not use the log would leave, too.
    static constexpr std::array trusted{"generation", "store.sqlite", "store.sqlite-wal",
                                        "store.sqlite-shm", "store.sqlite-journal"};

    static auto open(const std::string& path) {
        return must(podscope::open_sqlite_store<durability::process>(path));
    }

    static auto open(const std::string& path, std::chrono::milliseconds deadline) {
        return must(
            podscope::open_sqlite_store<durability::process>(path, {.busy_deadline = deadline}));
    }

    static auto open_durable(const std::string& path) { return podscope::open_sqlite_store(path); }
};
#endif

using databases = std::tuple<
#if __has_include(<lmdb.h>)
    on_lmdb
#if __has_include(<sqlite3.h>)
    ,
#endif
#endif
#if __has_include(<sqlite3.h>)
    on_sqlite
#endif
    >;

mode_t mode_of(const std::string& path) {
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

// Runs a transaction that tells the parent that it may write, and stays there until told.
bool hold_lock(auto& held, const other_process::line& parent) {
    return held
        .write([&](auto& txn) -> result<void> {
            auto put = txn.template put<numbers>("held", {1, {}});
            parent.tell();
            parent.wait();
            return put;
        })
        .has_value();
}

// A database with some rows, closed.
template <class Database>
void fill(const std::string& path) {
    auto filled = Database::open(path);
    put_notes(filled, 200);
}

} // namespace

TEMPLATE_LIST_TEST_CASE("F16 a database is made for its owner only", "", databases) {
    const scratch_folder folder;
    const auto before = ::umask(0);
    auto opened = TestType::open_durable(folder / "store");
    ::umask(before);
    must(put_number(*opened, "a", 1));
    CHECK(mode_of(folder / "store") == 0700);
    for (const auto* name : TestType::files) {
        CAPTURE(name);
        CHECK(mode_of(folder / "store/" + name) == 0600);
    }
}

TEMPLATE_LIST_TEST_CASE(
    "F16 what others could change or lead elsewhere is not taken for a database", "", databases) {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string elsewhere = folder / "elsewhere";
    fill<TestType>(path);
    const std::string name = GENERATE(from_range(TestType::trusted));
    const std::string file = path + "/" + name;
    SECTION("a link") {
        set_bytes(elsewhere, "precious");
        std::filesystem::remove(file);
        std::filesystem::create_symlink(elsewhere, file);
    }
    SECTION("a fifo") {
        std::filesystem::remove(file);
        REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    }
    SECTION("a file that all may write") {
        if (!std::filesystem::exists(file)) {
            set_bytes(file, "");
        }
        std::filesystem::permissions(file, std::filesystem::perms{0666});
    }
    const auto refused = error_of(TestType::backend::open(path));
    CHECK(refused.category == errc::unsafe_file);
    CHECK(std::filesystem::path{refused.path} == file);
    if (std::filesystem::exists(elsewhere)) {
        CHECK(bytes_of(elsewhere) == "precious");
    }
}

TEMPLATE_LIST_TEST_CASE("F16 a link in the place of the folder of a database is refused",
                        "",
                        databases) {
    const scratch_folder folder;
    fill<TestType>(folder / "store");
    std::filesystem::create_directory_symlink(folder / "store", folder / "link");
    CHECK(why_not(TestType::backend::open(folder / "link")) == errc::unsafe_file);
    CHECK(why_not(TestType::backend::open(folder / "link/")) == errc::unsafe_file);
    std::filesystem::create_directory_symlink(folder.path(), folder / "above");
    auto opened = TestType::open(folder / "above/store");
    CHECK(must(value_of<notes>(opened, "row1")).has_value());
}

TEMPLATE_LIST_TEST_CASE("a database opens from a path of any kind", "", databases) {
    const scratch_folder folder;
    CHECK(TestType::backend::open((folder / "a") + "//").has_value());
    CHECK(std::filesystem::exists((folder / "a/") + TestType::file));
    const auto no_parent = error_of(TestType::backend::open(folder / "b/c"));
    CHECK(no_parent.category == errc::io);
    CHECK(no_parent.system == std::errc::no_such_file_or_directory);
    CHECK_FALSE(TestType::backend::open("").has_value());
    CHECK_FALSE(TestType::backend::open(std::string("a\0b", 3)).has_value());
    other_process child{[&](const auto&) {
        if (::chdir(folder.path().c_str()) != 0) {
            return 1;
        }
        auto mine = TestType::open_durable("relative");
        // A connection that reads is opened only now.
        return mine && ::chdir("/") == 0 && put_number(*mine, "a", 1) &&
                       value_of(*mine, "a").value().has_value()
                   ? 0
                   : 2;
    }};
    CHECK(child.exit_code() == 0);
    CHECK(std::filesystem::exists((folder / "relative/") + TestType::file));
}

TEMPLATE_LIST_TEST_CASE("a value of many megabytes comes back from a database", "", databases) {
    const scratch_folder folder;
    std::string large(40'000'000, 'x');
    large.front() = 'a';
    large.back() = 'z';
    {
        auto bytes = must(TestType::quick_backend::open(folder / "store"));
        must(put_bytes(bytes, "large", large));
        must(put_bytes(bytes, "small", "s"));
        CHECK(bytes_at(bytes, "large") == large);
    }
    auto bytes = must(TestType::quick_backend::open(folder / "store"));
    CHECK(bytes_at(bytes, "large") == large);
    must(bytes.check_integrity());
}

TEMPLATE_LIST_TEST_CASE("a database of format 1 opens for ever after", "", databases) {
    const scratch_folder folder;
    const std::string path = folder / "store";
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    set_bytes(path + "/" + TestType::file, bytes_of(std::filesystem::path{__FILE__}.parent_path() /
                                                    "data" / TestType::old_file));
    REQUIRE(::chmod((path + "/" + TestType::file).c_str(), 0600) == 0);
    {
        auto old = TestType::open(path);
        const rows_of<number> numbers_then{
            {"key0", {10, {}}}, {"key1", {11, {}}}, {"key2", {12, {}}}};
        const rows_of<note> notes_then{{"note0", {std::string(32, 'm'), std::nullopt, {}}},
                                       {"note1", {std::string(33, 'n'), "reply", {}}}};
        CHECK(must(rows_from(old)) == numbers_then);
        CHECK(must(rows_from<notes>(old)) == notes_then);
        REQUIRE(put_number(old, "key2", 14));
    }
    auto again = TestType::open(path);
    CHECK(must(value_of(again, "key2")) == number{14, {}});
}

TEMPLATE_LIST_TEST_CASE("F05 an empty file is a new LMDB database", "", databases) {
    const scratch_folder folder;
    const std::string path = folder / "store";
    std::filesystem::create_directory(path);
    std::filesystem::permissions(path, std::filesystem::perms{0700});
    set_bytes(path + "/" + TestType::file, "");
    auto opened = TestType::open(path);
    must(put_number(opened, "a", 1));
    CHECK(must(value_of(opened, "a")) == number{1, {}});
}

TEMPLATE_LIST_TEST_CASE("more threads than are kept connections read a database at once",
                        "[concurrent]",
                        databases) {
    const scratch_folder folder;
    auto opened = TestType::open(folder / "store");
    must(put_number(opened, "a", 1));
    std::atomic<int> inside{0};
    std::atomic<int> right{0};
    constexpr int count = 20;
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([&] {
            const auto done = opened.read([&](auto& txn) -> result<bool> {
                auto found = txn.template get<numbers>("a");
                // All of them are in a transaction at the same time.
                ++inside;
                while (inside != count) {
                    std::this_thread::yield();
                }
                return found && *found && (**found).value == 1;
            });
            right += done && *done ? 1 : 0;
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(right == count);
    CHECK(must(value_of(opened, "a")).has_value());
}

TEMPLATE_LIST_TEST_CASE("a commit on a database whose writer died before its word is seen by all",
                        "",
                        databases) {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process dies{[&](const auto& parent) {
        parent.wait();
        auto mine = must(podscope::backend_detail::database_folder::open(path, false));
        const podscope::backend_detail::commit_page::announcement under_way{mine.page()};
        ::kill(::getpid(), SIGKILL);
        return 0;
    }};
    auto opened = TestType::open(path);
    auto other = TestType::open(path);
    must(put_number(opened, "a", 1));
    const auto before = opened.generation();
    dies.tell();
    CHECK(dies.exit_code() == -1);
    // Whatever is compared differs: everybody looks at the database itself.
    std::vector<std::uint64_t> seen{before};
    for (int i = 0; i < 3; ++i) {
        seen.push_back(opened.generation());
        seen.push_back(other.generation());
    }
    for (std::size_t i = 0; i != seen.size(); ++i) {
        CHECK(std::count(seen.begin(), seen.end(), seen[i]) == 1);
    }
    // A write that changes nothing settles it too.
    SECTION("the next writer commits") {
        must(put_number(other, "a", 2));
    }
    SECTION("the next writer gives up") {
        CHECK_FALSE(other.write(
            [](auto&) -> result<void> { return podscope::fail({.category = errc::conflict}); }));
    }
    CHECK(opened.generation() == opened.generation());
    CHECK(opened.generation() == other.generation());
    CHECK(std::count(seen.begin(), seen.end(), opened.generation()) == 0);
}

TEMPLATE_LIST_TEST_CASE("F07 a database is free at once when its writer is killed", "", databases) {
    const scratch_folder folder;
    const std::string path = folder / "store";
    std::vector<std::unique_ptr<other_process>> children;
    for (int i = 0; i < 5; ++i) {
        children.push_back(std::make_unique<other_process>([&](const auto& parent) {
            parent.wait();
            auto mine = TestType::open(path);
            return hold_lock(mine, parent) ? 0 : 1;
        }));
    }
    // A deadline that a test would not survive: it must not be needed.
    auto opened = TestType::open(path, 10min);
    for (std::int64_t i = 0; i < 5; ++i) {
        auto& child = *children[static_cast<std::size_t>(i)];
        child.tell();
        REQUIRE(child.wait());
        child.kill();
        must(put_number(opened, "a", i));
        CHECK(must(value_of(opened, "held")) == std::nullopt);
    }
}

TEMPLATE_LIST_TEST_CASE("F08 a writer of a database that is stopped costs others their deadline",
                        "",
                        databases) {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process child{[&](const auto& parent) {
        parent.wait();
        auto mine = TestType::open(path);
        return hold_lock(mine, parent) ? 0 : 1;
    }};
    auto opened = TestType::open(path, 50ms);
    must(put_number(opened, "a", 1));
    child.tell();
    REQUIRE(child.wait());
    child.stop();

    const auto refused = error_of(put_number(opened, "a", 2));
    CHECK(refused.category == errc::timeout);
    CHECK_THAT(refused.message, Catch::Contains(std::to_string(child.pid())) &&
                                    Catch::Contains("50 ms") && Catch::Contains("continue it"));
    // Readers and those who open it are not in its way.
    CHECK(must(value_of(opened, "a")) == number{1, {}});
    auto later = TestType::open(path, 50ms);
    CHECK(must(value_of(later, "a")) == number{1, {}});

    child.go_on();
    child.tell();
    CHECK(child.exit_code() == 0);
    must(put_number(opened, "a", 3));
    CHECK(must(value_of(opened, "held")) == number{1, {}});
}

TEMPLATE_LIST_TEST_CASE("F08 who may wait for ever for a writer of a database waits",
                        "[concurrent]",
                        databases) {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto opened = TestType::open(path, std::chrono::milliseconds::max());
    CHECK(write_that_meets_another(opened, opened).has_value());
    auto other = TestType::open(path, std::chrono::milliseconds::max());
    CHECK(write_that_meets_another(opened, other).has_value());
}

TEMPLATE_LIST_TEST_CASE(
    "a thread that waits for another thread's transaction gives up at its deadline",
    "[concurrent]",
    databases) {
    const scratch_folder folder;
    auto opened = TestType::open(folder / "store", 20ms);
    must(opened.write([&](auto& txn) -> result<void> {
        std::optional<podscope::error> seen;
        std::thread{[&] {
            auto refused = put_number(opened, "b", 1);
            seen = refused ? std::nullopt : std::optional{refused.error()};
        }}.join();
        REQUIRE(seen.has_value());
        CHECK(seen->category == errc::timeout);
        CHECK_THAT(seen->message, Catch::Contains("another thread"));
        return txn.template put<numbers>("a", {1, {}});
    }));
    CHECK(must(rows_from(opened)) == rows_of<number>{{"a", {1, {}}}});
}

TEMPLATE_LIST_TEST_CASE("F22 the end of a copy of a database waits for no thread of its parent",
                        "[concurrent]",
                        databases) {
    const scratch_folder folder;
    auto opened = std::make_optional(TestType::open(folder / "store"));
    std::atomic<bool> is_off{false};
    std::thread waiting;
    must(opened->write([&](auto&) -> result<void> {
        // It waits at the gate, or is on its way there: either way it is not in the copy.
        waiting = std::thread{[&] {
            is_off = true;
            (void)put_number(*opened, "b", 1);
        }};
        while (!is_off) {
            std::this_thread::yield();
        }
        other_process child{[&](const auto&) {
            opened.reset();
            return 0;
        }};
        CHECK(child.exit_code() == 0);
        return {};
    }));
    waiting.join();
    CHECK(must(value_of(*opened, "b")).has_value());
}

TEMPLATE_LIST_TEST_CASE("F54 a program that is started inherits no descriptor of a database",
                        "",
                        databases) {
    const scratch_folder folder;
    auto opened = TestType::open(folder / "store");
    must(put_number(opened, "a", 1));
    CHECK(must(value_of(opened, "a")).has_value());
    const auto in_folder = podscope_test::descriptors_below(folder.path().string());
    for (const int each : in_folder) {
        CHECK(podscope_test::closes_on_exec(each));
    }
    CHECK(in_folder.size() >= 4);
}

TEMPLATE_LIST_TEST_CASE("a handle of a database closes all that it opened", "", databases) {
    const scratch_folder folder;
    fill<TestType>(folder / "store");
    const auto before = podscope_test::open_descriptors();
    for (int i = 0; i < 3; ++i) {
        auto one = TestType::open(folder / "store");
        auto two = TestType::open(folder / "store");
        must(put_number(one, "a", i));
        CHECK(must(value_of(two, "a")) == number{i, {}});
    }
    CHECK(podscope_test::open_descriptors() == before);
}

TEMPLATE_LIST_TEST_CASE("a database whose files were removed while it was in use takes no commit",
                        "",
                        databases) {
    const scratch_folder folder;
    auto opened = TestType::open(folder / "store");
    must(put_number(opened, "a", 1));
    std::filesystem::remove_all(folder / "store");
    const auto refused = error_of(put_number(opened, "a", 2));
    CHECK(refused.category == errc::io);
    CHECK_THAT(refused.message, Catch::Contains("removed"));
    auto again = TestType::open(folder / "store");
    must(put_number(again, "a", 3));
}
