// SPDX-License-Identifier: BSL-1.0
// An LMDB database that is damaged, cut, without room for one more or in use elsewhere, and what it
// says of that.
#if __has_include(<lmdb.h>)

#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/descriptors.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"

#include <podscope/backend/lmdb.hpp>
#include <podscope/os/file_descriptor.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <lmdb.h>
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

using quick_backend = podscope::basic_lmdb_backend<durability::process>;

quick_backend open(const std::string& path, const podscope::lmdb_options& options = {}) {
    return must(quick_backend::open(path, options));
}

result<void> put_bytes(quick_backend& bytes, std::string_view key, std::string_view value) {
    return bytes.write([&](auto& txn) { return txn.put(key, value); });
}

result<std::optional<std::string>> bytes_at(const quick_backend& bytes, std::string_view key) {
    return bytes.read([&](auto& txn) { return txn.get(key); });
}

result<std::vector<std::string>> keys_from(const quick_backend& bytes, std::string_view from) {
    return bytes.read([&](auto& txn) -> result<std::vector<std::string>> {
        std::vector<std::string> keys;
        auto done = txn.scan(from, [&](std::string_view key, std::string_view) {
            keys.emplace_back(key);
            return scan::next;
        });
        return done ? result<std::vector<std::string>>{std::move(keys)} : podscope::fail(done);
    });
}

// Puts a row as another program would.
void put_elsewhere(const std::string& path,
                   const char* table,
                   std::string_view key,
                   std::string_view bytes) {
    MDB_env* env = nullptr;
    MDB_txn* txn = nullptr;
    MDB_dbi rows{};
    REQUIRE(::mdb_env_create(&env) == 0);
    REQUIRE(::mdb_env_set_maxdbs(env, 1) == 0);
    REQUIRE(::mdb_env_open(env, path.c_str(), 0, 0600) == 0);
    REQUIRE(::mdb_txn_begin(env, nullptr, 0, &txn) == 0);
    REQUIRE(::mdb_dbi_open(txn, table, 0, &rows) == 0);
    auto at = podscope::backend_detail::lmdb_value(key);
    auto value = podscope::backend_detail::lmdb_value(bytes);
    REQUIRE(::mdb_put(txn, rows, &at, &value, 0) == 0);
    REQUIRE(::mdb_txn_commit(txn) == 0);
    ::mdb_env_close(env);
}

// Holds the lock of the writers, as a process does that has not said who it is.
class held_lock {
public:
    explicit held_lock(const std::string& path)
        : file_{::open((path + "/generation").c_str(), O_RDWR | O_CLOEXEC)} {
        REQUIRE(set(F_WRLCK));
    }

    held_lock(const held_lock&) = delete;
    held_lock& operator=(const held_lock&) = delete;

    ~held_lock() { set(F_UNLCK); }

private:
    bool set(short type) {
        struct flock whole{};
        whole.l_type = type;
        whole.l_whence = SEEK_SET;
        return ::fcntl(file_.get(), F_OFD_SETLK, &whole) == 0;
    }

    podscope::os_detail::file_descriptor file_;
};

// How often this process has a file open.
int times_open(const std::string& file) {
    return static_cast<int>(
        std::ranges::count(podscope_test::open_descriptors(), file, podscope_test::target_of));
}

} // namespace

TEST_CASE("F05 an LMDB database that lacks pages at its end opens if nothing was in them") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/data.mdb";
    const auto is_large = GENERATE(false, true);
    const std::string large(100'000, 'x');
    {
        auto bytes = open(path);
        must(put_bytes(bytes, "small", "s"));
        // Enough is free for those who come later.
        for (int i = 0; i != 10; ++i) {
            must(put_bytes(bytes, "later", std::to_string(i)));
        }
        // LMDB writes no page that is free again by the time of the commit.
        must(bytes.write([&](auto& txn) -> result<void> {
            must(txn.put("large", large));
            return is_large ? result<void>{} : txn.erase("large");
        }));
    }
    const auto whole = bytes_of(file);
    int opened = 0;
    int refused = 0;
    REQUIRE((whole.size() > 100'000) == is_large);
    for (auto length = whole.size(); length > 2 * 4096; length -= 4096) {
        CAPTURE(length);
        set_bytes(file, whole.substr(0, length));
        // LMDB has what is missing in its map.
        {
            const system_faults faults{[](system_call called) {
                return called == system_call::cut ? failing(ENOSPC) : fate{};
            }};
            const auto without_room = quick_backend::open(path);
            REQUIRE(without_room.has_value() == (is_large && length == whole.size()));
            if (!without_room) {
                REQUIRE(without_room.error().category == errc::io);
                REQUIRE(without_room.error().system == std::errc::no_space_on_device);
                REQUIRE(bytes_of(file) == whole.substr(0, length));
            }
        }
        auto bytes = quick_backend::open(path);
        if (!bytes) {
            ++refused;
            REQUIRE(bytes.error().category == errc::corrupt);
            REQUIRE(bytes_of(file) == whole.substr(0, length));
            continue;
        }
        ++opened;
        REQUIRE(must(bytes_at(*bytes, "small")) == "s");
        REQUIRE(must(bytes_at(*bytes, "later")) == "9");
        REQUIRE(must(bytes_at(*bytes, "large")) ==
                (is_large ? std::optional{large} : std::nullopt));
        must(put_bytes(*bytes, "another", std::string(300'000, 'y')));
        must(bytes->check_integrity());
    }
    CHECK(opened > 0);
    CHECK(refused > 1);
}

TEST_CASE("F39 a damaged row that long keys share in an LMDB database is named and left as it is") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string long_key(podscope::backend_detail::lmdb_cut, 'p');
    std::string pair;
    podscope::backend_detail::lmdb_bundle::append(pair, {"tail", "value"});
    std::string value_too_long = pair;
    value_too_long[8 + 4] = 6;
    const std::string damaged =
        GENERATE_COPY(pair.substr(0, 3), pair.substr(0, 8 + 2), pair.substr(0, 8 + 4),
                      pair.substr(0, 8 + 4 + 5), value_too_long, pair + "x");
    CAPTURE(damaged);
    {
        auto bytes = open(path);
        must(put_bytes(bytes, "before", "b"));
        must(put_bytes(bytes, "z", "behind"));
    }
    put_elsewhere(path, "rows", podscope::backend_detail::lmdb_key(long_key), damaged);

    auto bytes = open(path);
    const auto refused = error_of(bytes_at(bytes, long_key + "t"));
    CHECK(refused.category == errc::corrupt);
    CHECK(refused.path == path + "/data.mdb");
    CHECK(why_not(keys_from(bytes, "")) == errc::corrupt);
    CHECK(why_not(put_bytes(bytes, long_key + "u", "new")) == errc::corrupt);
    CHECK(why_not(bytes.write([&](auto& txn) { return txn.erase(long_key + "u"); })) ==
          errc::corrupt);
    CHECK(why_not(bytes.check_integrity()) == errc::corrupt);
    // The others are there.
    CHECK(must(bytes_at(bytes, "before")) == "b");
    CHECK(must(keys_from(bytes, "q")) == std::vector<std::string>{"z"});
    must(put_bytes(bytes, "before", "a"));
}

TEST_CASE("F39 rows of an LMDB database that are out of order are found by the check") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    {
        auto bytes = open(path);
        for (const auto* key : {"aaaa", "bbbb", "cccc"}) {
            must(put_bytes(bytes, key, "1"));
        }
        must(bytes.check_integrity());
    }
    auto content = bytes_of(path + "/data.mdb");
    int changed = 0;
    for (auto at = content.find("kbbbb"); at != std::string::npos; at = content.find("kbbbb")) {
        content.replace(at, 5, "kzzzz");
        ++changed;
    }
    REQUIRE(changed > 0);
    set_bytes(path + "/data.mdb", content);
    auto bytes = open(path);
    const auto found = error_of(bytes.check_integrity());
    CHECK(found.category == errc::corrupt);
    CHECK(found.path == path + "/data.mdb");
    CHECK_THAT(found.message, Catch::Contains("cannot check"));
}

TEST_CASE("F05 an LMDB database that only looks like one of this library is refused") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    REQUIRE(std::filesystem::create_directory(path));
    std::filesystem::permissions(path, std::filesystem::perms{0700});
    auto expected = errc::corrupt;
    SECTION("its format is another one's") {
        put_elsewhere(path, nullptr, "format", "theirs 1");
    }
    SECTION("it has no table") {
        put_elsewhere(path, nullptr, "format", "podscope 1");
    }
    SECTION("another version of LMDB wrote it") {
        put_elsewhere(path, nullptr, "format", "podscope 1");
        auto content = bytes_of(path + "/data.mdb");
        constexpr std::size_t version_at = 16 + 4;
        content[version_at] = 77;
        content[4096 + version_at] = 77;
        set_bytes(path + "/data.mdb", content);
        expected = errc::unsupported_version;
    }
    const auto before = bytes_of(path + "/data.mdb");
    const auto refused = error_of(quick_backend::open(path));
    CHECK(refused.category == expected);
    CHECK(refused.path.starts_with(path));
    CHECK(bytes_of(path + "/data.mdb") == before);
}

TEST_CASE("F12 an LMDB database cannot be made where its map has no room for it or for a reader") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const auto small = error_of(quick_backend::open(path, {.map_size = 4096}));
    CHECK(small.category == errc::io);
    CHECK(small.system == std::errc::no_space_on_device);
    CHECK_THAT(small.message, Catch::Contains("map_size"));
    const auto none = error_of(quick_backend::open(path, {.most_readers = 0}));
    CHECK(none.category == errc::io);
    CHECK(none.system == std::errc::invalid_argument);
    auto bytes = open(path);
    must(put_bytes(bytes, "a", "1"));
    CHECK(must(bytes_at(bytes, "a")) == "1");
}

TEST_CASE("F12 once a change of an LMDB transaction has failed nothing of it is committed") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto bytes = open(path, {.map_size = 256 * 1024});
    must(put_bytes(bytes, "n", "1"));
    const auto generation = bytes.generation();
    const std::string large(1'000'000, 'x');
    const bool has_changed_before = GENERATE(false, true);
    const auto failed = error_of(bytes.write([&](auto& txn) -> result<void> {
        if (has_changed_before) {
            must(txn.put("n", "2"));
        }
        CHECK(why_not(txn.put("large", large)) == errc::io);
        // What comes after it fails for that, and is not taken for damage.
        for (const auto& after :
             {txn.put("n", "3"), txn.put("large", large), txn.erase("n"),
              txn.scan("", [](std::string_view, std::string_view) { return scan::next; })}) {
            REQUIRE_FALSE(after.has_value());
            CHECK(after.error().category == errc::io);
        }
        CHECK(why_not(txn.get("n")) == errc::io);
        return {};
    }));
    // The first of them is why.
    CHECK(failed.category == errc::io);
    CHECK(failed.system == std::errc::no_space_on_device);
    CHECK(bytes.generation() == generation);
    CHECK(must(bytes_at(bytes, "n")) == "1");
    must(put_bytes(bytes, "n", "4"));
}

TEST_CASE("F07 an LMDB database takes the places of readers who died as soon as it needs them") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    constexpr podscope::lmdb_options two_readers{.most_readers = 2};
    other_process child{[&](const auto& parent) {
        parent.wait();
        auto mine = open(path, two_readers);
        (void)mine.read([&](auto&) -> result<void> {
            std::thread other{[&] {
                (void)mine.read([&](auto&) -> result<void> {
                    parent.tell();
                    parent.wait();
                    return {};
                });
            }};
            other.join();
            return {};
        });
        return 0;
    }};
    auto bytes = open(path, two_readers);
    must(put_bytes(bytes, "n", "1"));
    child.tell();
    REQUIRE(child.wait());
    const auto refused = error_of(bytes_at(bytes, "n"));
    CHECK(refused.category == errc::unavailable);
    CHECK_THAT(refused.message, Catch::Contains("most_readers"));
    // A writer needs no place.
    must(put_bytes(bytes, "n", "2"));
    child.kill();
    CHECK(must(bytes_at(bytes, "n")) == "2");
}

TEST_CASE("F08 whoever holds the lock of an LMDB database and does not say so is another process") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto bytes = open(path, {.lock_deadline = 20ms});
    {
        const held_lock held{path};
        const auto refused = error_of(put_bytes(bytes, "a", "1"));
        CHECK(refused.category == errc::timeout);
        CHECK_THAT(refused.message, Catch::StartsWith("another process is still busy"));
    }
    must(put_bytes(bytes, "a", "1"));
}

// Without the tag by which the thread sanitizer's build takes files: it would take this one without
// system_faults.cpp.
TEST_CASE("threads that open an LMDB database at once get the same one") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const auto times_by_each = [&] {
        const auto one = open(path);
        return times_open(path + "/generation");
    }();
    std::vector<std::optional<quick_backend>> opened(3);
    std::vector<std::thread> threads;
    {
        // Until all of them wait for it, so that each has found nobody who has it open.
        const held_lock held{path};
        for (auto& each : opened) {
            threads.emplace_back([&] { each.emplace(open(path)); });
        }
        const int with_threads = 1 + static_cast<int>(opened.size()) * times_by_each;
        (void)podscope_test::eventually(
            [&] { return times_open(path + "/generation") == with_threads; });
    }
    for (auto& each : threads) {
        each.join();
    }
    for (std::size_t i = 0; i != opened.size(); ++i) {
        must(put_bytes(*opened[i], "n", std::to_string(i)));
        for (const auto& other : opened) {
            CHECK(must(bytes_at(*other, "n")) == std::to_string(i));
        }
    }
    // LMDB would have it open as often as it was opened.
    CHECK(times_open(path + "/lock.mdb") == 1);
}

TEST_CASE("F22 a copy forked within an LMDB transaction can read nothing and ends without it") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const bool is_writing = GENERATE(false, true);
    const std::string long_key(600, 'p');
    auto bytes = std::make_optional(open(path));
    must(put_bytes(*bytes, long_key, "1"));
    pid_t copy = -1;
    int status{};
    bool is_refused = true;
    const auto fork_in = [&](auto& txn) -> result<void> {
        copy = ::fork();
        if (copy != 0) {
            REQUIRE(::waitpid(copy, &status, 0) == copy);
            return {};
        }
        const auto note = [&](const auto& given) {
            is_refused = is_refused && !given && given.error().category == errc::forked;
        };
        note(txn.get(long_key));
        note(txn.scan("", [](std::string_view, std::string_view) { return scan::next; }));
        if constexpr (requires { txn.erase("a"); }) {
            note(txn.erase("a"));
            note(txn.put(long_key, "2"));
            note(txn.erase(long_key));
        }
        return {};
    };
    const auto done = is_writing ? bytes->write(fork_in) : bytes->read(fork_in);
    if (copy == 0) {
        is_refused =
            is_refused && (!is_writing || (!done && done.error().category == errc::forked));
        bytes.reset();
        ::_exit(is_refused ? 0 : 1);
    }
    must(result<void>{done});
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(must(bytes_at(*bytes, long_key)) == "1");
    must(put_bytes(*bytes, long_key, "3"));
}

TEST_CASE("each answer of LMDB is an error of its category and says what to do") {
    struct meaning {
        int code;
        errc category;
        std::error_code system;
        std::string words;
    };

    const auto given = [](std::errc code) { return std::make_error_code(code); };
    const auto each = GENERATE_REF(values<meaning>({
        {ENOMEM, errc::out_of_memory, {}, "out of memory"},
        {EACCES, errc::io, given(std::errc::permission_denied), "cannot read /f"},
        {MDB_MAP_FULL, errc::io, given(std::errc::no_space_on_device), "larger map_size"},
        {MDB_TXN_FULL, errc::io, given(std::errc::file_too_large), "make it smaller"},
        {MDB_BAD_VALSIZE, errc::io, given(std::errc::file_too_large), "larger than LMDB takes"},
        {MDB_BAD_TXN, errc::io, given(std::errc::io_error), "an earlier"},
        {MDB_READERS_FULL, errc::unavailable, {}, "larger most_readers"},
        {MDB_MAP_RESIZED, errc::unavailable, {}, "open it anew"},
        {MDB_PANIC, errc::io, given(std::errc::io_error), "close all handles"},
        {MDB_VERSION_MISMATCH, errc::unsupported_version, {}, "another version of LMDB"},
        {MDB_CORRUPTED, errc::corrupt, {}, "restore it from a copy"},
        {MDB_INVALID, errc::corrupt, {}, "restore it from a copy"},
    }));
    const auto made = podscope::backend_detail::lmdb_error(each.code, "read", "/f");
    CHECK(made.category == each.category);
    CHECK(made.system == each.system);
    CHECK_THAT(made.message, Catch::Contains(each.words));
    CHECK(made.path == (each.code == ENOMEM ? "" : "/f"));
}

TEST_CASE("F22 a copy forked in an LMDB transaction that found no room tries it no second time") {
    const scratch_folder folder;
    auto bytes = std::make_optional(open(folder / "store", {.map_size = 256 * 1024}));
    must(put_bytes(*bytes, "n", "1"));
    pid_t copy = -1;
    int runs = 0;
    const auto done = bytes->write([&](auto& txn) -> result<void> {
        ++runs;
        auto put = txn.put("large", std::string(1'000'000, 'x'));
        copy = ::fork();
        return put;
    });
    if (copy == 0) {
        bytes.reset();
        ::_exit(!done && runs == 1 ? 0 : 1);
    }
    int status{};
    REQUIRE(::waitpid(copy, &status, 0) == copy);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK_FALSE(done.has_value());
    must(put_bytes(*bytes, "n", "2"));
}

#endif
