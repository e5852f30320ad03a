// SPDX-License-Identifier: BSL-1.0
// An LMDB database and its processes, and what it does when the system says no. The laws of every
// store are in typed_store.cpp.
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "backend/waiting_writer.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/lmdb.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <lmdb.h>
#include <sched.h>
#include <sys/mount.h>
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

using backend = podscope::lmdb_backend;
using quick_backend = podscope::basic_lmdb_backend<durability::process>;
using store = podscope::lmdb_store<durability::process>;

static_assert(podscope::byte_backend<backend>);
static_assert(podscope::has_generation<podscope::lmdb_store<>>);
static_assert(podscope::lmdb_store<>::durable == durability::power);
static_assert(store::durable == durability::process);
static_assert(store::reaches == podscope::reach::machine);

store open(const std::string& path, const podscope::lmdb_options& options = {}) {
    return must(podscope::open_lmdb_store<durability::process>(path, options));
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

TEST_CASE("F16 an LMDB database is made for its owner only") {
    const scratch_folder folder;
    const auto before = ::umask(0);
    auto opened = podscope::open_lmdb_store(folder / "store");
    ::umask(before);
    must(put_number(*opened, "a", 1));
    CHECK(mode_of(folder / "store") == 0700);
    for (const auto* name : {"generation", "data.mdb", "lock.mdb"}) {
        CAPTURE(name);
        CHECK(mode_of(folder / "store/" + name) == 0600);
    }
}

TEST_CASE("F16 what others could change or lead elsewhere is not taken for an LMDB database") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string elsewhere = folder / "elsewhere";
    fill(path);
    const std::string name = GENERATE("data.mdb", "lock.mdb", "generation");
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

TEST_CASE("F16 a link in the place of the folder of an LMDB database is refused") {
    const scratch_folder folder;
    fill(folder / "store");
    std::filesystem::create_directory_symlink(folder / "store", folder / "link");
    CHECK(why_not(backend::open(folder / "link")) == errc::unsafe_file);
    CHECK(why_not(backend::open(folder / "link/")) == errc::unsafe_file);
    std::filesystem::create_directory_symlink(folder.path(), folder / "above");
    auto opened = open(folder / "above/store");
    CHECK(must(value_of<notes>(opened, "row1")).has_value());
}

TEST_CASE("an LMDB database opens from a path of any kind") {
    const scratch_folder folder;
    CHECK(backend::open((folder / "a") + "//").has_value());
    CHECK(std::filesystem::exists(folder / "a/data.mdb"));
    const auto no_parent = error_of(backend::open(folder / "b/c"));
    CHECK(no_parent.category == errc::io);
    CHECK(no_parent.system == std::errc::no_such_file_or_directory);
    CHECK_FALSE(backend::open("").has_value());
    CHECK_FALSE(backend::open(std::string("a\0b", 3)).has_value());
    other_process child{[&](const auto&) {
        if (::chdir(folder.path().c_str()) != 0) {
            return 1;
        }
        auto mine = podscope::open_lmdb_store("relative");
        // A connection that reads is opened only now.
        return mine && ::chdir("/") == 0 && put_number(*mine, "a", 1) &&
                       value_of(*mine, "a").value().has_value()
                   ? 0
                   : 2;
    }};
    CHECK(child.exit_code() == 0);
    CHECK(std::filesystem::exists(folder / "relative/data.mdb"));
}

TEST_CASE("a value of many megabytes comes back from an LMDB database") {
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

TEST_CASE("an LMDB database of format 1 opens for ever after") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    set_bytes(path + "/data.mdb",
              bytes_of(std::filesystem::path{__FILE__}.parent_path() / "data" / "lmdb.v1"));
    REQUIRE(::chmod((path + "/data.mdb").c_str(), 0600) == 0);
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

TEST_CASE("F05 an empty file is a new LMDB database") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    std::filesystem::create_directory(path);
    std::filesystem::permissions(path, std::filesystem::perms{0700});
    set_bytes(path + "/data.mdb", "");
    auto opened = open(path);
    must(put_number(opened, "a", 1));
    CHECK(must(value_of(opened, "a")) == number{1, {}});
}

TEST_CASE("more threads than are kept connections read an LMDB database at once", "[concurrent]") {
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

TEST_CASE("a commit on an LMDB database whose writer died before its word is seen by all") {
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

TEST_CASE("F07 an LMDB database is free at once when its writer is killed") {
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
    auto opened = open(path, {.lock_deadline = 10min});
    for (std::int64_t i = 0; i < 5; ++i) {
        auto& child = *children[static_cast<std::size_t>(i)];
        child.tell();
        REQUIRE(child.wait());
        child.kill();
        must(put_number(opened, "a", i));
        CHECK(must(value_of(opened, "held")) == std::nullopt);
    }
}

TEST_CASE("F08 a writer of an LMDB database that is stopped costs others their deadline") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process child{[&](const auto& parent) {
        parent.wait();
        auto mine = open(path);
        return hold_lock(mine, parent) ? 0 : 1;
    }};
    auto opened = open(path, {.lock_deadline = 50ms});
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
    auto later = open(path, {.lock_deadline = 50ms});
    CHECK(must(value_of(later, "a")) == number{1, {}});

    child.go_on();
    child.tell();
    CHECK(child.exit_code() == 0);
    must(put_number(opened, "a", 3));
    CHECK(must(value_of(opened, "held")) == number{1, {}});
}

TEST_CASE("F08 who may wait for ever for a writer of an LMDB database waits", "[concurrent]") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto opened = open(path, {.lock_deadline = std::chrono::milliseconds::max()});
    CHECK(write_that_meets_another(opened, opened).has_value());
}

TEST_CASE("a thread that waits for another thread's LMDB transaction gives up at its deadline",
          "[concurrent]") {
    const scratch_folder folder;
    auto opened = open(folder / "store", {.lock_deadline = 20ms});
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

TEST_CASE("F22 a copy forked in the middle of an LMDB transaction takes no part in it") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process stranger{[&](const auto& parent) {
        parent.wait();
        const bool was_locked =
            why_not(backend::open(path, {.lock_deadline = 5ms})) == errc::timeout;
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

TEST_CASE("F22 the end of a copy of an LMDB database waits for no thread of its parent",
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

TEST_CASE("F54 a program that is started inherits no descriptor of an LMDB database") {
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

TEST_CASE("a handle of an LMDB database closes all that it opened") {
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
}

TEST_CASE("an LMDB database whose files were removed while it was in use takes no commit") {
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

TEST_CASE("F22 a forked copy can do nothing with an LMDB database and can open it anew") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto opened = std::make_optional(open(path));
    must(put_number(*opened, "a", 1));
    other_process child{[&](const auto&) {
        const bool is_refused = why_not(value_of(*opened, "a")) == errc::forked &&
                                why_not(put_number(*opened, "a", 2)) == errc::forked &&
                                why_not(opened->bytes().check_integrity()) == errc::forked;
        opened.reset();
        auto mine = open(path);
        return is_refused && put_number(mine, "b", must(value_of(mine, "a"))->value) ? 0 : 1;
    }};
    CHECK(child.exit_code() == 0);
    CHECK(must(value_of(*opened, "a")) == number{1, {}});
    CHECK(must(value_of(*opened, "b")) == number{1, {}});
    must(put_number(*opened, "a", 3));
}

TEST_CASE("long keys of an LMDB database that begin alike keep their order") {
    const scratch_folder folder;
    auto bytes = must(quick_backend::open(folder / "store"));
    std::map<std::string, std::string> expected;
    std::mt19937 random{11};
    const std::array<std::size_t, 7> lengths{0, 1, 508, 509, 510, 511, 700};
    const auto some_key = [&] {
        std::string key(lengths[random() % lengths.size()], 'p');
        if (random() % 2 == 0 && !key.empty()) {
            key.back() = static_cast<char>(random() % 3 == 0 ? 255 : 97 + random() % 20);
        }
        return key + std::string(random() % 3, static_cast<char>(random() % 2 * 255));
    };
    for (int i = 0; i < 1'000; ++i) {
        const auto key = some_key();
        if (random() % 3 == 0) {
            expected.erase(key);
            must(bytes.write([&](auto& txn) { return txn.erase(key); }));
        } else {
            expected[key] = std::to_string(i);
            must(put_bytes(bytes, key, expected[key]));
        }
        const auto from = some_key();
        const auto found = expected.find(from);
        CHECK(bytes_at(bytes, from) ==
              (found == expected.end() ? std::nullopt : std::optional{found->second}));
        std::vector<std::pair<std::string, std::string>> seen;
        must(bytes.read([&](auto& txn) {
            seen.clear();
            return txn.scan(from, [&](std::string_view at, std::string_view value) {
                seen.emplace_back(at, value);
                return seen.size() == 20 ? scan::stop : scan::next;
            });
        }));
        std::vector<std::pair<std::string, std::string>> wanted;
        for (auto at = expected.lower_bound(from); at != expected.end() && wanted.size() != 20;
             ++at) {
            wanted.emplace_back(*at);
        }
        REQUIRE(seen == wanted);
    }
    must(bytes.check_integrity());
}

TEST_CASE("F05 what is no LMDB database of this library is refused and left as it is") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/data.mdb";
    fill(path, 2'000);
    const std::string valid = bytes_of(file);
    REQUIRE(valid.size() > 60'000);
    auto expected = errc::corrupt;
    const auto change_elsewhere = [&](const char* key, std::string_view bytes) {
        MDB_env* env = nullptr;
        MDB_txn* txn = nullptr;
        REQUIRE(::mdb_env_create(&env) == 0);
        REQUIRE(::mdb_env_open(env, path.c_str(), 0, 0600) == 0);
        REQUIRE(::mdb_txn_begin(env, nullptr, 0, &txn) == 0);
        auto at = podscope::backend_detail::lmdb_value(key);
        auto value = podscope::backend_detail::lmdb_value(bytes);
        MDB_dbi main{};
        REQUIRE(::mdb_dbi_open(txn, nullptr, 0, &main) == 0);
        REQUIRE(::mdb_put(txn, main, &at, &value, 0) == 0);
        REQUIRE(::mdb_txn_commit(txn) == 0);
        ::mdb_env_close(env);
    };
    SECTION("garbage") {
        set_bytes(file, std::string(10'000, 'g'));
    }
    SECTION("a word") {
        set_bytes(file, "x");
    }
    SECTION("another magic") {
        auto bytes = valid;
        bytes[16] = 'x';
        bytes[4096 + 16] = 'x';
        set_bytes(file, bytes);
    }
    SECTION("the first of it") {
        const auto length = GENERATE(1U, 16U, 100U, 4095U, 4096U, 8191U, 8192U, 12'288U, 40'960U);
        CAPTURE(length);
        set_bytes(file, valid.substr(0, length));
    }
    SECTION("the end is missing") {
        set_bytes(file, valid.substr(0, valid.size() - 40'960));
    }
    SECTION("the database of another program") {
        std::filesystem::remove(file);
        change_elsewhere("theirs", "value");
        std::filesystem::permissions(file, std::filesystem::perms{0600});
    }
    SECTION("a newer format") {
        change_elsewhere("format", "podscope 2");
        expected = errc::unsupported_version;
    }
    const auto before = bytes_of(file);
    for (int again = 0; again < 2; ++again) {
        const auto refused = error_of(backend::open(path));
        CHECK(refused.category == expected);
        CHECK(std::filesystem::path{refused.path} == file);
        CHECK(bytes_of(file) == before);
    }
}

TEST_CASE("F12 a full map fails an LMDB commit and leaves the state before") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    {
        auto opened = open(path, {.map_size = 256 * 1024});
        must(put_number(opened, "n", 1));
        const auto generation = opened.generation();
        const auto failed =
            error_of(put<notes>(opened, "a", {std::string(1'000'000, 'x'), {}, {}}));
        CHECK(failed.category == errc::io);
        CHECK(failed.system == std::errc::no_space_on_device);
        CHECK_THAT(failed.message, Catch::Contains("map_size"));
        CHECK(opened.generation() == generation);
        CHECK(must(value_of(opened, "n")) == number{1, {}});
        CHECK_FALSE(must(value_of<notes>(opened, "a")).has_value());
        // A failure that the body keeps to itself is none the less one.
        CHECK_FALSE(opened.bytes().write([](auto& txn) -> result<void> {
            must(txn.put("b", "1"));
            CHECK_FALSE(txn.put("c", std::string(1'000'000, 'x')));
            return {};
        }));
        must(put_number(opened, "n", 2));
    }
    auto opened = open(path);
    must(put<notes>(opened, "a", {std::string(1'000'000, 'x'), {}, {}}));
    CHECK(must(value_of(opened, "n")) == number{2, {}});
    must(opened.bytes().check_integrity());
}

TEST_CASE("F12 a full disk fails an LMDB commit and leaves the state before") {
    const scratch_folder folder;
    const std::string place = folder / "small";
    REQUIRE(::mkdir(place.c_str(), 0700) == 0);
    constexpr int not_allowed = 77;
    other_process child{[&](const auto&) {
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", place.c_str(), "tmpfs", 0, "size=512k,mode=0700") != 0) {
            return not_allowed;
        }
        auto opened = open(place + "/store");
        must(put_number(opened, "n", 1));
        const auto failed =
            error_of(put<notes>(opened, "a", {std::string(1'000'000, 'x'), {}, {}}));
        // LMDB takes a write that was cut short for a bad disk.
        if (failed.category != errc::io || (failed.system != std::errc::no_space_on_device &&
                                            failed.system != std::errc::io_error)) {
            return 1;
        }
        must(put_number(opened, "n", must(value_of(opened, "n"))->value + 1));
        return must(value_of(opened, "n")) == number{2, {}} ? 0 : 2;
    }};
    const int code = child.exit_code();
    if (code == not_allowed) {
        PODSCOPE_SKIP("a mount of its own needs root");
    }
    CHECK(code == 0);
}

TEST_CASE("F07 what a reader of an LMDB database kept that died is used again") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process child{[&](const auto& parent) {
        parent.wait();
        auto mine = open(path, {.map_size = 1'000'000});
        (void)mine.read([&](auto& txn) -> result<void> {
            (void)must(txn.template get<numbers>("n"));
            parent.tell();
            parent.wait();
            return {};
        });
        return 0;
    }};
    auto opened = open(path, {.map_size = 1'000'000});
    must(put_number(opened, "n", 0));
    child.tell();
    REQUIRE(child.wait());
    // Each needs room of its own as long as somebody may look at those before.
    const auto replace_large = [&] {
        return put<notes>(opened, "large", {std::string(100'000, 'x'), {}, {}});
    };
    int done = 0;
    while (replace_large()) {
        REQUIRE(++done < 100);
    }
    CHECK(why_not(replace_large()) == errc::io);
    child.kill();
    for (int i = 0; i < 20; ++i) {
        must(replace_large());
    }
}
