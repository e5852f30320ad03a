// SPDX-License-Identifier: BSL-1.0
// An SQLite database and its processes. What it does when the system says no is in
// sqlite_faults.cpp, the laws of every store in typed_store.cpp.
#include "backend/database_rows.hpp"
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/sqlite.hpp>

#include <sqlite3.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

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

// Runs SQL on a file as another program would.
void run_elsewhere(const std::string& file, const char* sql) {
    sqlite3* database = nullptr;
    REQUIRE(::sqlite3_open(file.c_str(), &database) == SQLITE_OK);
    CHECK(::sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    ::sqlite3_close(database);
}

} // namespace

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

TEST_CASE("F05 what is no SQLite database of this library is refused and left as it is") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/store.sqlite";
    {
        auto filled = open(path);
        put_notes(filled, 200);
    }
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
    {
        auto filled = open(path);
        put_notes(filled, 1'000);
    }
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

TEST_CASE("with the last handle of an SQLite database its log has become part of the file") {
    const scratch_folder folder;
    {
        auto opened = open(folder / "store");
        must(put_number(opened, "a", 1));
        CHECK(std::filesystem::exists(folder / "store/store.sqlite-wal"));
    }
    CHECK_FALSE(std::filesystem::exists(folder / "store/store.sqlite-wal"));
}
