// SPDX-License-Identifier: BSL-1.0
// An SQLite database and its processes. What it does when the system says no is in
// sqlite_faults.cpp, the laws of every store in typed_store.cpp.
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "backend/waiting_writer.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/sqlite.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::durability;
using podscope::errc;
using podscope::result;
using podscope::scan;
using podscope_test::error_of;
using podscope_test::must;
using podscope_test::why_not;

using backend = podscope::sqlite_backend;
using quick_backend = podscope::basic_sqlite_backend<durability::process>;
using store = podscope::sqlite_store<durability::process>;

static_assert(podscope::byte_backend<backend>);
static_assert(podscope::has_generation<podscope::sqlite_store<>>);
static_assert(podscope::sqlite_store<>::durable == durability::power);
static_assert(store::durable == durability::process);
static_assert(store::reaches == podscope::reach::machine);

store open(const std::string& path, const podscope::sqlite_options& options = {}) {
    return must(podscope::open_sqlite_store<durability::process>(path, options));
}

result<void> put_bytes(auto& bytes, std::string_view key, std::string_view value) {
    return bytes.write([&](auto& txn) { return txn.put(key, value); });
}

std::optional<std::string> bytes_at(auto& bytes, std::string_view key) {
    return must(bytes.read([&](auto& txn) { return txn.get(key); }));
}

mode_t mode_of(const std::string& path) {
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

// Runs SQL on a file as another program would.
void run_elsewhere(const std::string& file, const char* sql) {
    sqlite3* database = nullptr;
    REQUIRE(::sqlite3_open(file.c_str(), &database) == SQLITE_OK);
    CHECK(::sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    ::sqlite3_close(database);
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
void fill(const std::string& path, int rows = 200) {
    auto filled = open(path);
    must(filled.write([&](auto& txn) -> result<void> {
        result<void> done{};
        for (int i = 0; done && i < rows; ++i) {
            done =
                txn.template put<notes>("row" + std::to_string(i), {std::string(100, 'x'), {}, {}});
        }
        return done;
    }));
}

} // namespace

TEST_CASE("F16 an SQLite database is made for its owner only") {
    const scratch_folder folder;
    const auto before = ::umask(0);
    auto opened = podscope::open_sqlite_store(folder / "store");
    ::umask(before);
    must(put_number(*opened, "a", 1));
    CHECK(mode_of(folder / "store") == 0700);
    for (const auto* name :
         {"generation", "store.sqlite", "store.sqlite-wal", "store.sqlite-shm"}) {
        CAPTURE(name);
        CHECK(mode_of(folder / "store/" + name) == 0600);
    }
}

TEST_CASE("F16 what others could change or lead elsewhere is not taken for an SQLite database") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string elsewhere = folder / "elsewhere";
    fill(path);
    const std::string name = GENERATE("store.sqlite", "store.sqlite-wal", "store.sqlite-shm",
                                      "store.sqlite-journal", "generation");
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
    const auto refused = error_of(backend::open(path));
    CHECK(refused.category == errc::unsafe_file);
    CHECK(std::filesystem::path{refused.path} == file);
    if (std::filesystem::exists(elsewhere)) {
        CHECK(bytes_of(elsewhere) == "precious");
    }
}

TEST_CASE("F16 a link in the place of the folder of an SQLite database is refused") {
    const scratch_folder folder;
    fill(folder / "store");
    std::filesystem::create_directory_symlink(folder / "store", folder / "link");
    CHECK(why_not(backend::open(folder / "link")) == errc::unsafe_file);
    CHECK(why_not(backend::open(folder / "link/")) == errc::unsafe_file);
    std::filesystem::create_directory_symlink(folder.path(), folder / "above");
    auto opened = open(folder / "above/store");
    CHECK(must(value_of<notes>(opened, "row1")).has_value());
}

TEST_CASE("an SQLite database opens from a path of any kind") {
    const scratch_folder folder;
    CHECK(backend::open((folder / "a") + "//").has_value());
    CHECK(std::filesystem::exists(folder / "a/store.sqlite"));
    const auto no_parent = error_of(backend::open(folder / "b/c"));
    CHECK(no_parent.category == errc::io);
    CHECK(no_parent.system == std::errc::no_such_file_or_directory);
    CHECK_FALSE(backend::open("").has_value());
    CHECK_FALSE(backend::open(std::string("a\0b", 3)).has_value());
    other_process child{[&](const auto&) {
        if (::chdir(folder.path().c_str()) != 0) {
            return 1;
        }
        auto mine = podscope::open_sqlite_store("relative");
        // A connection that reads is opened only now.
        return mine && ::chdir("/") == 0 && put_number(*mine, "a", 1) &&
                       value_of(*mine, "a").value().has_value()
                   ? 0
                   : 2;
    }};
    CHECK(child.exit_code() == 0);
    CHECK(std::filesystem::exists(folder / "relative/store.sqlite"));
}

TEST_CASE("a value of many megabytes comes back from an SQLite database") {
    const scratch_folder folder;
    std::string large(40'000'000, 'x');
    large.front() = 'a';
    large.back() = 'z';
    {
        auto bytes = must(quick_backend::open(folder / "store"));
        must(put_bytes(bytes, "large", large));
        must(put_bytes(bytes, "small", "s"));
        CHECK(bytes_at(bytes, "large") == large);
    }
    auto bytes = must(quick_backend::open(folder / "store"));
    CHECK(bytes_at(bytes, "large") == large);
    must(bytes.check_integrity());
}

TEST_CASE("a change that failed keeps an SQLite transaction from being committed") {
    const scratch_folder folder;
    auto bytes = must(quick_backend::open(folder / "store"));
    must(put_bytes(bytes, "a", "1"));
    const auto generation = bytes.generation();
    const std::string too_large(1'000'000'001, 'x');
    const auto refused = error_of(bytes.write([&](auto& txn) -> result<void> {
        must(txn.put("a", "2"));
        CHECK(why_not(txn.put("b", too_large)) == errc::io);
        return {};
    }));
    CHECK(refused.system == std::errc::file_too_large);
    CHECK(bytes_at(bytes, "a") == "1");
    CHECK(bytes.generation() == generation);
    must(put_bytes(bytes, "a", "3"));
}

TEST_CASE("an SQLite database of format 1 opens for ever after") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    set_bytes(path + "/store.sqlite",
              bytes_of(std::filesystem::path{__FILE__}.parent_path() / "data" / "sqlite.v1"));
    REQUIRE(::chmod((path + "/store.sqlite").c_str(), 0600) == 0);
    {
        auto old = open(path);
        const rows_of<number> numbers_then{
            {"key0", {10, {}}}, {"key1", {11, {}}}, {"key2", {12, {}}}};
        const rows_of<note> notes_then{{"note0", {std::string(32, 'm'), std::nullopt, {}}},
                                       {"note1", {std::string(33, 'n'), "reply", {}}}};
        CHECK(must(rows_from(old)) == numbers_then);
        CHECK(must(rows_from<notes>(old)) == notes_then);
        REQUIRE(put_number(old, "key2", 14));
    }
    auto again = open(path);
    CHECK(must(value_of(again, "key2")) == number{14, {}});
}

TEST_CASE("F05 an empty file is a new SQLite database") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    std::filesystem::create_directory(path);
    std::filesystem::permissions(path, std::filesystem::perms{0700});
    set_bytes(path + "/store.sqlite", "");
    auto opened = open(path);
    must(put_number(opened, "a", 1));
    CHECK(must(value_of(opened, "a")) == number{1, {}});
}

TEST_CASE("F05 what is no SQLite database of this library is refused and left as it is") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/store.sqlite";
    fill(path);
    const std::string valid = bytes_of(file);
    auto expected = errc::corrupt;
    SECTION("garbage") {
        set_bytes(file, std::string(10'000, 'g'));
    }
    SECTION("a word") {
        set_bytes(file, "x");
    }
    SECTION("another magic") {
        auto bytes = valid;
        bytes[0] = 's';
        set_bytes(file, bytes);
    }
    SECTION("a header, half a header, or the first pages") {
        const auto length = GENERATE(1U, 16U, 50U, 99U, 100U, 512U, 4095U, 4096U, 8192U, 12'000U);
        CAPTURE(length);
        set_bytes(file, valid.substr(0, length));
    }
    SECTION("the end is missing") {
        set_bytes(file, valid.substr(0, valid.size() - 4096));
    }
    SECTION("the database of another program") {
        std::filesystem::remove(file);
        run_elsewhere(file, "CREATE TABLE rows(key, value); INSERT INTO rows VALUES(1, 2)");
        std::filesystem::permissions(file, std::filesystem::perms{0600});
    }
    SECTION("an empty database that another program has marked as its own") {
        std::filesystem::remove(file);
        run_elsewhere(file, "PRAGMA application_id=7");
        std::filesystem::permissions(file, std::filesystem::perms{0600});
    }
    SECTION("another table in the place of ours") {
        run_elsewhere(file, "DROP TABLE rows; CREATE TABLE other(x)");
    }
    SECTION("a newer format") {
        run_elsewhere(file, "PRAGMA user_version=2");
        expected = errc::unsupported_version;
    }
    const auto before = bytes_of(file);
    const auto refused = error_of(backend::open(path));
    CHECK(refused.category == expected);
    CHECK(std::filesystem::path{refused.path} == file);
    CHECK_THAT(refused.message, Catch::Contains(file));
    CHECK(bytes_of(file) == before);
    CHECK(refused.category == why_not(backend::open(path)));
}

TEST_CASE("F04 a check of an SQLite database names the first damage to its form") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    fill(path, 1'000);
    must(must(backend::open(path)).check_integrity());
    auto bytes = bytes_of(path + "/store.sqlite");
    REQUIRE(bytes.size() > 20 * 4096U);
    bytes.replace(10 * 4096U, 4096, 4096, '\xA5');
    set_bytes(path + "/store.sqlite", bytes);

    auto damaged = must(backend::open(path));
    const auto found = error_of(damaged.check_integrity());
    CHECK(found.category == errc::corrupt);
    CHECK_THAT(found.message, Catch::Contains("store.sqlite") && Catch::Contains("Page"));
    // Nor is it served: a scan meets it.
    const auto scanned = error_of(damaged.read([](auto& txn) {
        return txn.scan("", [](std::string_view, std::string_view) { return scan::next; });
    }));
    CHECK(scanned.category == errc::corrupt);
    CHECK(std::filesystem::path{scanned.path} == path + "/store.sqlite");
}

TEST_CASE("more threads than are kept connections read an SQLite database at once",
          "[concurrent]") {
    const scratch_folder folder;
    auto opened = open(folder / "store");
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

TEST_CASE("a commit on an SQLite database whose writer died before its word is seen by all") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process dies{[&](const auto& parent) {
        parent.wait();
        auto mine = must(podscope::backend_detail::database_folder::open(path, false));
        const podscope::backend_detail::commit_page::announcement under_way{mine.page()};
        ::kill(::getpid(), SIGKILL);
        return 0;
    }};
    auto opened = open(path);
    auto other = open(path);
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

TEST_CASE("F07 an SQLite database is free at once when its writer is killed") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    std::vector<std::unique_ptr<other_process>> children;
    for (int i = 0; i < 5; ++i) {
        children.push_back(std::make_unique<other_process>([&](const auto& parent) {
            parent.wait();
            auto mine = open(path);
            return hold_lock(mine, parent) ? 0 : 1;
        }));
    }
    // A deadline that a test would not survive: it must not be needed.
    auto opened = open(path, {.busy_deadline = 10min});
    for (std::int64_t i = 0; i < 5; ++i) {
        auto& child = *children[static_cast<std::size_t>(i)];
        child.tell();
        REQUIRE(child.wait());
        child.kill();
        must(put_number(opened, "a", i));
        CHECK(must(value_of(opened, "held")) == std::nullopt);
    }
}

TEST_CASE("F08 a writer of an SQLite database that is stopped costs others their deadline") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process child{[&](const auto& parent) {
        parent.wait();
        auto mine = open(path);
        return hold_lock(mine, parent) ? 0 : 1;
    }};
    auto opened = open(path, {.busy_deadline = 50ms});
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
    auto later = open(path, {.busy_deadline = 50ms});
    CHECK(must(value_of(later, "a")) == number{1, {}});

    child.go_on();
    child.tell();
    CHECK(child.exit_code() == 0);
    must(put_number(opened, "a", 3));
    CHECK(must(value_of(opened, "held")) == number{1, {}});
}

TEST_CASE("F08 who may wait for ever for a writer of an SQLite database waits", "[concurrent]") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto opened = open(path, {.busy_deadline = std::chrono::milliseconds::max()});
    CHECK(write_that_meets_another(opened, opened).has_value());
    auto other = open(path, {.busy_deadline = std::chrono::milliseconds::max()});
    CHECK(write_that_meets_another(opened, other).has_value());
}

TEST_CASE("a thread that waits for another thread's SQLite transaction gives up at its deadline",
          "[concurrent]") {
    const scratch_folder folder;
    auto opened = open(folder / "store", {.busy_deadline = 20ms});
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

TEST_CASE("F22 a forked copy can do nothing with an SQLite database and harms nobody") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto opened = std::make_optional(open(path));
    must(put_number(*opened, "a", 1));
    other_process child{[&](const auto&) {
        const bool is_refused = why_not(value_of(*opened, "a")) == errc::forked &&
                                why_not(put_number(*opened, "a", 2)) == errc::forked &&
                                why_not(opened->bytes().check_integrity()) == errc::forked &&
                                why_not(backend::open(path)) == errc::forked;
        opened.reset();
        return is_refused && why_not(backend::open(path)) == errc::forked ? 0 : 1;
    }};
    CHECK(child.exit_code() == 0);
    CHECK(must(value_of(*opened, "a")) == number{1, {}});
    must(put_number(*opened, "a", 3));
    // Once the parent has closed it, its copies may open it.
    opened.reset();
    other_process later{[&](const auto&) {
        auto mine = open(path);
        return put_number(mine, "a", 4) ? 0 : 1;
    }};
    CHECK(later.exit_code() == 0);
    auto again = open(path);
    CHECK(must(value_of(again, "a")) == number{4, {}});
}

TEST_CASE("F22 a copy forked in the middle of an SQLite transaction takes no part in it") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process stranger{[&](const auto& parent) {
        parent.wait();
        auto mine = open(path, {.busy_deadline = 5ms});
        const bool was_locked = why_not(put_number(mine, "b", 1)) == errc::timeout;
        parent.tell();
        return was_locked ? 0 : 1;
    }};
    auto opened = std::make_optional(open(path));
    pid_t copy = -1;
    const auto done = opened->write([&](auto& txn) -> result<void> {
        must(txn.template put<numbers>("a", {1, {}}));
        copy = ::fork();
        if (copy == 0) {
            const bool is_refused =
                why_not(txn.template put<numbers>("a", {2, {}})) == errc::forked &&
                why_not(txn.template get<numbers>("a")) == errc::forked;
            return is_refused ? result<void>{} : podscope::fail({.category = errc::conflict});
        }
        int status{};
        REQUIRE(::waitpid(copy, &status, 0) == copy);
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 0);
        stranger.tell();
        REQUIRE(stranger.wait());
        return {};
    });
    if (copy == 0) {
        const bool is_refused = !done && done.error().category == errc::forked;
        opened.reset();
        ::_exit(is_refused ? 0 : 1);
    }
    CHECK(stranger.exit_code() == 0);
    must(podscope::result<void>{done});
    CHECK(must(rows_from(*opened)) == rows_of<number>{{"a", {1, {}}}});
}

TEST_CASE("F22 a copy forked in the middle of an SQLite read keeps the statements of its parent") {
    const scratch_folder folder;
    auto opened = open(folder / "store");
    pid_t copy = -1;
    sqlite3_int64 held = 0;
    const auto done = opened.read([&](auto& txn) -> result<void> {
        must(txn.template get<numbers>("a"));
        copy = ::fork();
        held = ::sqlite3_memory_used();
        return {};
    });
    if (copy == 0) {
        ::_exit(done && ::sqlite3_memory_used() == held ? 0 : 1);
    }
    int status{};
    REQUIRE(::waitpid(copy, &status, 0) == copy);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(done.has_value());
}

TEST_CASE("F22 the end of a copy of an SQLite database waits for no thread of its parent",
          "[concurrent]") {
    const scratch_folder folder;
    auto opened = std::make_optional(open(folder / "store"));
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

TEST_CASE("F54 a program that is started inherits no descriptor of an SQLite database") {
    const scratch_folder folder;
    auto opened = open(folder / "store");
    must(put_number(opened, "a", 1));
    CHECK(must(value_of(opened, "a")).has_value());
    int in_folder = 0;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code gone;
        const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
        if (!gone && target.starts_with(folder.path().string())) {
            const int flags = ::fcntl(std::stoi(entry.path().filename().string()), F_GETFD);
            CHECK((flags & FD_CLOEXEC) != 0);
            ++in_folder;
        }
    }
    CHECK(in_folder >= 4);
}

TEST_CASE("a handle of an SQLite database closes all that it opened") {
    const scratch_folder folder;
    const auto open_now = [] {
        return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"},
                             std::filesystem::directory_iterator{});
    };
    fill(folder / "store");
    const auto before = open_now();
    for (int i = 0; i < 3; ++i) {
        auto one = open(folder / "store");
        auto two = open(folder / "store");
        must(put_number(one, "a", i));
        CHECK(must(value_of(two, "a")) == number{i, {}});
    }
    CHECK(open_now() == before);
    // And with the last one the log has become part of the file.
    CHECK_FALSE(std::filesystem::exists(folder / "store/store.sqlite-wal"));
}

TEST_CASE("an SQLite database whose files were removed while it was in use takes no commit") {
    const scratch_folder folder;
    auto opened = open(folder / "store");
    must(put_number(opened, "a", 1));
    std::filesystem::remove_all(folder / "store");
    const auto refused = error_of(put_number(opened, "a", 2));
    CHECK(refused.category == errc::io);
    CHECK_THAT(refused.message, Catch::Contains("removed"));
    auto again = open(folder / "store");
    must(put_number(again, "a", 3));
}
