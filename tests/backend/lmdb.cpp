// SPDX-License-Identifier: BSL-1.0
// An LMDB database and its processes, and what it does when the system says no. The laws of every
// store are in typed_store.cpp.
#include "backend/database_rows.hpp"
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/lmdb.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

} // namespace

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
    {
        auto filled = open(path);
        put_notes(filled, 2'000);
    }
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
