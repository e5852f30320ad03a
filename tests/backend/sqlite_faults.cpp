// SPDX-License-Identifier: BSL-1.0
// An SQLite database when the system says no, and when a process dies in the middle of its work.
#if __has_include(<sqlite3.h>)

#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/sqlite.hpp>
#include <podscope/os/file_descriptor.hpp>

#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

thread_local int unlocked_without_a_file = 0;

} // namespace

// Takes the place of the C library's.
extern "C" int flock(int fd, int operation) noexcept {
    const auto answer = static_cast<int>(::syscall(SYS_flock, fd, operation));
    unlocked_without_a_file += answer != 0 && operation == LOCK_UN && errno == EBADF ? 1 : 0;
    return answer;
}

namespace {

using namespace backend_test;
using podscope::durability;
using podscope::errc;
using podscope::result;
using podscope::scan;
using podscope_test::error_of;
using podscope_test::must;
using podscope_test::why_not;

using store = podscope::sqlite_store<durability::power>;

store open(const std::string& path) {
    return must(podscope::open_sqlite_store(path));
}

// SQLite asks for the system's functions by name, and so can be given those of system_faults. What
// it syncs with, it calls directly.
const bool installed = [] {
    sqlite3_vfs* const system = ::sqlite3_vfs_find(nullptr);
    // Under the one or the other name, as it was built.
    const auto replace = [&](std::initializer_list<const char*> names, auto* function) {
        for (const auto* name : names) {
            if (system->xGetSystemCall(system, name) != nullptr) {
                return system->xSetSystemCall(system, name,
                                              reinterpret_cast<sqlite3_syscall_ptr>(function)) ==
                       SQLITE_OK;
            }
        }
        return false;
    };
    int (*const open_file)(const char*, int, int) = [](const char* name, int flags, int mode) {
        return ::openat(AT_FDCWD, name, flags, mode);
    };
    ssize_t (*const write_to)(int, const void*, std::size_t, off_t) = ::pwrite;
    ssize_t (*const read_from)(int, void*, std::size_t, off_t) = ::pread;
    int (*const cut)(int, off_t) = [](int file, off_t size) { return ::ftruncate(file, size); };
    int (*const unlink_name)(const char*) = [](const char* name) {
        return ::unlinkat(AT_FDCWD, name, 0);
    };
    return replace({"open"}, open_file) && replace({"pwrite64", "pwrite"}, write_to) &&
           replace({"pread64", "pread"}, read_from) && replace({"ftruncate"}, cut) &&
           replace({"unlink"}, unlink_name);
}();

struct failing_calls {
    system_call which;
    int error;
    int times = 1;

    fate operator()(system_call called) {
        return called == which && times-- > 0 ? failing(error) : fate{};
    }
};

std::int64_t count_in(const std::string& path) {
    auto opened = open(path);
    must(opened.bytes().check_integrity());
    return must(value_of(opened, "n")).value_or(number{}).value;
}

// Runs a function in a process that has a small file system of its own at a place. Its exit code,
// or nothing if this machine does not allow that.
template <class F>
std::optional<int> with_small_disk(const std::string& place, F body) {
    constexpr int not_allowed = 77;
    REQUIRE(::mkdir(place.c_str(), 0700) == 0);
    other_process child{[&](const auto&) {
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", place.c_str(), "tmpfs", 0, "size=512k,mode=0700") != 0) {
            return not_allowed;
        }
        return body();
    }};
    const int code = child.exit_code();
    return code == not_allowed ? std::nullopt : std::optional{code};
}

} // namespace

TEST_CASE("F12 no room or a bad disk fails an SQLite commit and leaves the state before") {
    REQUIRE(installed);
    const int code = GENERATE(ENOSPC, EDQUOT, EIO, EFBIG);
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto opened = open(path);
    must(put_number(opened, "n", 1));
    {
        const system_faults faults{failing_calls{system_call::write, code}};
        const auto failed = error_of(put_number(opened, "n", 2));
        CHECK(failed.category == errc::io);
        CHECK(failed.system == std::error_code(code, std::generic_category()));
        CHECK(failed.path == path + "/store.sqlite");
        CHECK_THAT(failed.message, Catch::Contains("cannot commit to " + failed.path));
    }
    CHECK(must(value_of(opened, "n")) == number{1, {}});
    CHECK(opened.generation() == opened.generation());
    must(put_number(opened, "n", 3));
    CHECK(count_in(path) == 3);
}

TEST_CASE("F12 a full disk fails a commit that is large and an SQLite database goes on with less") {
    const scratch_folder folder;
    const std::string place = folder / "small";
    const auto code = with_small_disk(place, [&] {
        auto opened = open(place + "/store");
        must(put_number(opened, "n", 1));
        const auto failed =
            error_of(put<notes>(opened, "a", {std::string(1'000'000, 'x'), {}, {}}));
        if (failed.category != errc::io || failed.system != std::errc::no_space_on_device) {
            return 1;
        }
        if (must(value_of(opened, "n")) != number{1, {}} ||
            must(value_of<notes>(opened, "a")).has_value()) {
            return 2;
        }
        must(put_number(opened, "n", 2));
        return count_in(place + "/store") == 2 ? 0 : 3;
    });
    if (!code) {
        PODSCOPE_SKIP("a mount of its own needs root");
    }
    CHECK(*code == 0);
}

TEST_CASE("F12 a limit on the size of files fails an SQLite commit") {
    const scratch_folder folder;
    other_process child{[&](const auto&) {
        auto opened = open(folder / "store");
        must(put_number(opened, "n", 1));
        ::signal(SIGXFSZ, SIG_IGN);
        rlimit limit{};
        if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) {
            return 1;
        }
        const auto before = limit;
        limit.rlim_cur = 200'000;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const auto failed =
            error_of(put<notes>(opened, "a", {std::string(1'000'000, 'x'), {}, {}}));
        if (failed.category != errc::io || failed.system != std::errc::file_too_large) {
            return 2;
        }
        must(put_number(opened, "n", 2));
        ::setrlimit(RLIMIT_FSIZE, &before);
        must(put<notes>(opened, "a", {std::string(1'000'000, 'x'), {}, {}}));
        return count_in(folder / "store") == 2 ? 0 : 3;
    }};
    CHECK(child.exit_code() == 0);
}

TEST_CASE("F14 an SQLite database on a file system that is read only is a clear error") {
    const scratch_folder folder;
    const std::string place = folder / "small";
    const auto code = with_small_disk(place, [&] {
        {
            auto opened = open(place + "/store");
            must(put_number(opened, "n", 1));
        }
        if (::mount("none", place.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
            return 1;
        }
        const auto refused = error_of(podscope::open_sqlite_store(place + "/store"));
        return refused.category == errc::io && refused.system == std::errc::read_only_file_system &&
                       refused.path.find("/store/") != std::string::npos
                   ? 0
                   : 2;
    });
    if (!code) {
        PODSCOPE_SKIP("a mount of its own needs root");
    }
    CHECK(*code == 0);
}

TEST_CASE("F14 an SQLite database that another user may not read is a clear error") {
    const scratch_folder folder;
    if (::geteuid() != 0) {
        PODSCOPE_SKIP("another user needs root");
    }
    const std::string path = folder / "store";
    must(open(path).bytes().check_integrity());
    REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
    other_process child{[&](const auto&) {
        constexpr uid_t nobody = 65'534;
        if (::seteuid(nobody) != 0) {
            return 1;
        }
        const auto refused = error_of(podscope::open_sqlite_store(path));
        return refused.category == errc::io && refused.system == std::errc::permission_denied ? 0
                                                                                              : 2;
    }};
    CHECK(child.exit_code() == 0);
}

TEST_CASE("F13 an SQLite commit whose sync failed is not acknowledged and is written again") {
    const int code = GENERATE(EIO, ENOSPC, EDQUOT);
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto opened = open(path);
    auto other = open(path);
    must(put_number(opened, "n", 1));
    {
        const system_faults faults{failing_calls{system_call::sync, code}};
        const auto failed = error_of(put_number(opened, "n", 2));
        CHECK(failed.category == errc::io);
        CHECK(failed.system == std::error_code(code, std::generic_category()));
    }
    CHECK(must(value_of(opened, "n")) == number{1, {}});
    CHECK(must(value_of(other, "n")) == number{1, {}});
    std::vector<system_call> made;
    {
        const system_faults faults{[&](system_call called) {
            if (called == system_call::write || called == system_call::sync) {
                made.push_back(called);
            }
            return fate{};
        }};
        must(put_number(opened, "n", 3));
    }
    // All of it before it is synced, and not only what is new.
    REQUIRE(made.size() >= 2);
    CHECK(made.front() == system_call::write);
    CHECK(made.back() == system_call::sync);
    CHECK(count_in(path) == 3);
}

TEMPLATE_TEST_CASE_SIG("an SQLite commit syncs where it promises power and else not at all",
                       "",
                       ((durability Durable), Durable),
                       durability::power,
                       durability::process,
                       durability::none) {
    const scratch_folder folder;
    auto opened = must(podscope::open_sqlite_store<Durable>(folder / "store"));
    // The first commits to a new log sync its header.
    must(put_number(opened, "n", 1));
    int syncs = 0;
    int writes = 0;
    {
        const system_faults faults{[&](system_call called) {
            syncs += called == system_call::sync ? 1 : 0;
            writes += called == system_call::write ? 1 : 0;
            return fate{};
        }};
        must(put_number(opened, "n", 2));
    }
    CHECK(writes > 0);
    CHECK(syncs == (Durable == durability::power ? 1 : 0));
}

TEMPLATE_TEST_CASE_SIG("F03 who promises less syncs what others have committed before he moves it",
                       "",
                       ((durability Durable), Durable),
                       durability::process,
                       durability::none) {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto lesser = std::make_optional(must(podscope::open_sqlite_store<Durable>(path)));
    {
        auto opened = open(path);
        must(put_number(opened, "n", 1));
        REQUIRE(must(value_of(*lesser, "n")) == number{1, {}});
    }
    // The last one to close the database takes the log into it, and removes that.
    int syncs = 0;
    {
        const system_faults faults{[&](system_call called) {
            syncs += called == system_call::sync ? 1 : 0;
            return fate{};
        }};
        REQUIRE(std::filesystem::exists(path + "/store.sqlite-wal"));
        lesser.reset();
    }
    CHECK_FALSE(std::filesystem::exists(path + "/store.sqlite-wal"));
    CHECK(syncs >= 2);
}

TEST_CASE("F14 each failing call of opening an SQLite database is a clear error and undone") {
    const int code = GENERATE(EMFILE, EACCES, EROFS, EIO, ENOSPC);
    const bool exists = GENERATE(false, true);
    bool reached = true;
    int refused = 0;
    for (int number = 0; reached; ++number) {
        CAPTURE(code, exists, number);
        const scratch_folder folder;
        const std::string path = folder / "store";
        if (exists) {
            auto opened = open(path);
            must(put_number(opened, "n", 1));
        }
        reached = false;
        {
            const system_faults faults{at_call(number, failing(code), &reached)};
            const auto opened = podscope::open_sqlite_store(path);
            REQUIRE((opened.has_value() || reached));
            if (!opened) {
                ++refused;
                CHECK(opened.error().category == errc::io);
                CHECK(opened.error().system);
                CHECK_FALSE(opened.error().path.empty());
            }
        }
        auto opened = open(path);
        CHECK(must(value_of(opened, "n")).has_value() == exists);
        must(put_number(opened, "n", 2));
    }
    CHECK(refused > 5);
}

TEST_CASE("F14 an SQLite database that is not opened unlocks no file but its own folder") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    {
        auto opened = open(path);
        must(put_number(opened, "n", 1));
    }
    set_bytes(path + "/store.sqlite", std::string(4096, 'x'));
    unlocked_without_a_file = 0;
    CHECK(why_not(podscope::open_sqlite_store(path)) == errc::corrupt);
    // Another thread may have opened a file under the same number meanwhile.
    CHECK(unlocked_without_a_file == 0);
    // It is free again.
    CHECK(why_not(podscope::open_sqlite_store(path, {.busy_deadline = std::chrono::minutes{10}})) ==
          errc::corrupt);
}

TEST_CASE("F14 SQLite makes interrupted calls and short ones again") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    int calls = 0;
    {
        const system_faults faults{[&](system_call called) {
            const bool is_write = called == system_call::write;
            return ++calls % 2 == 0 || !is_write ? fate{}
                   : calls % 3 == 0              ? failing(EINTR)
                                    : fate{.what = fate::kind::stops_short, .length = 5};
        }};
        auto opened = open(path);
        must(put_number(opened, "n", 1));
        must(put_number(opened, "n", 2));
    }
    CHECK(count_in(path) == 2);
    CHECK(calls > 50);
}

TEST_CASE("F01 a process killed at any call on an SQLite database leaves each commit whole") {
    const auto what = GENERATE(fate::kind::killed_before, fate::kind::killed_after);
    bool is_over = false;
    int number = 0;
    for (; !is_over; ++number) {
        CAPTURE(number);
        const scratch_folder folder;
        const std::string path = folder / "store";
        // What was acknowledged is noted outside of the store.
        const std::string acknowledged = folder / "acknowledged";
        other_process child{[&](const auto&) {
            const int log =
                ::open(acknowledged.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
            const system_faults faults{at_call(number, {.what = what})};
            auto opened = open(path);
            for (int i = 1; i <= 3; ++i) {
                const auto done = opened.write([&](auto& txn) -> result<void> {
                    auto put = txn.template put<numbers>("n", {i, {}});
                    return put ? txn.template put<notes>(std::to_string(i), {"row", {}, {}}) : put;
                });
                if (!done || ::write(log, "+", 1) != 1) {
                    return 1;
                }
            }
            return 0;
        }};
        const int code = child.exit_code();
        REQUIRE((code == 0 || code == -1));
        is_over = code == 0;
        const auto told = static_cast<std::int64_t>(bytes_of(acknowledged).size());

        auto later = open(path);
        must(later.bytes().check_integrity());
        const auto count = must(value_of(later, "n")).value_or(backend_test::number{}).value;
        REQUIRE((count == told || count == told + 1));
        REQUIRE(must(rows_from<notes>(later)).size() == static_cast<std::size_t>(count));
        must(put_number(later, "n", 10));
        REQUIRE(later.generation() == later.generation());
    }
    // Opening, three commits and the end of it: fewer would mean that SQLite's calls are not seen.
    CHECK(number > 30);
}

TEST_CASE("a delayed commit to SQLite costs no sync and the next one syncs both") {
    const scratch_folder folder;
    static_assert(podscope::delays_durability<store>);
    auto all = open(folder / "store");
    REQUIRE(put_number(all, "a", 1));
    const auto syncs_of = [](auto&& call) {
        int syncs = 0;
        const system_faults counting{[&](system_call call_made) {
            syncs += call_made == system_call::sync ? 1 : 0;
            return fate{};
        }};
        REQUIRE(call().has_value());
        return syncs;
    };
    const auto put_delayed = [&] {
        return all.write_delayed([](auto& txn) { return txn.template put<numbers>("b", {2, {}}); });
    };
    CHECK(syncs_of(put_delayed) == 0);
    CHECK(syncs_of(put_delayed) == 0);
    CHECK(value_of(all, "b").value() == number{2, {}});
    CHECK(syncs_of([&] { return put_number(all, "a", 3); }) == 1);
}

namespace {

// Lets SQLite have so much more memory than it has, and no more, while it lives.
class scarce_sqlite_memory {
public:
    explicit scarce_sqlite_memory(std::int64_t more) {
        ::sqlite3_hard_heap_limit64(::sqlite3_memory_used() + more);
    }

    scarce_sqlite_memory(const scarce_sqlite_memory&) = delete;
    scarce_sqlite_memory& operator=(const scarce_sqlite_memory&) = delete;

    ~scarce_sqlite_memory() { ::sqlite3_hard_heap_limit64(0); }
};

} // namespace

TEST_CASE("F15 a read for which memory runs out in an SQLite transaction ends it, and nothing is "
          "committed") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto opened = open(path);
    must(put<notes>(opened, "large", {std::string(100'000, 'x'), {}, {}}));
    const bool goes_on = GENERATE(false, true);
    CAPTURE(goes_on);
    // What is read is not in memory any more.
    auto other = open(path);
    must(put_number(other, "n", 1));
    const auto failed = error_of(opened.write([&](auto& txn) -> result<void> {
        must(txn.template put<numbers>("before", {1, {}}));
        {
            const scarce_sqlite_memory now{1'000};
            CHECK(why_not(txn.template get<notes>("large")) == errc::out_of_memory);
        }
        if (goes_on) {
            CHECK(why_not(txn.template put<numbers>("behind", {1, {}})) == errc::io);
            CHECK(why_not(txn.template erase<numbers>("n")) == errc::io);
        }
        return {};
    }));
    CHECK(failed.category == errc::io);
    CHECK(failed.system == std::errc::io_error);
    CHECK(failed.path == path + "/store.sqlite");
    CHECK(must(rows_from(other)) == rows_of<number>{{"n", {1, {}}}});
    must(put_number(opened, "n", 2));
    CHECK(count_in(path) == 2);
}

TEST_CASE("F15 an SQLite database for which memory runs out says so and loses no commit",
          "[slow]") {
    using quick_store = podscope::sqlite_store<durability::process>;
    const scratch_folder folder;
    const std::string path = folder / "store";
    const auto reopened = [&] {
        return must(podscope::open_sqlite_store<durability::process>(path));
    };
    {
        auto opened = reopened();
        must(put<notes>(opened, "large", {std::string(20'000, 'x'), {}, {}}));
        must(put_number(opened, "n", 0));
    }
    std::int64_t told = 0;
    int refused = 0;
    const auto bears = [&](const auto& given) {
        if (!given) {
            ++refused;
            REQUIRE(given.error().category == errc::out_of_memory);
        }
        return given.has_value();
    };
    const auto use = [&](quick_store& opened) {
        bool all = bears(opened.write([&](auto& txn) -> result<void> {
            auto put = txn.template put<numbers>("n", {told + 1, {}});
            // A failure that the body keeps to itself is none the less one.
            (void)txn.template put<notes>("beside", {std::to_string(told + 1), {}, {}});
            return put;
        }));
        told += all ? 1 : 0;
        all = bears(opened.read([&](auto& txn) -> result<void> {
                  result<void> within{};
                  auto done = txn.template scan<notes>("", [&](std::string_view, const note&) {
                      within = txn.template scan<numbers>(
                          "", [](std::string_view, const number&) { return scan::next; });
                      return within ? scan::next : scan::stop;
                  });
                  return within ? done : within;
              })) &&
              all;
        const auto sound = opened.bytes().check_integrity();
        // SQLite takes a page for which it has no memory for one that is not there.
        all = ((!sound && sound.error().category == errc::corrupt) || bears(sound)) && all;
        all = all && sound;
        const auto delayed = opened.write_delayed(
            [&](auto& txn) { return txn.template put<numbers>("n", {told + 1, {}}); });
        told += bears(delayed) ? 1 : 0;
        return all && delayed;
    };
    bool is_enough = false;
    for (std::int64_t room = 0; !is_enough; room += 480) {
        CAPTURE(room, told);
        {
            const scarce_sqlite_memory now{room};
            auto opened = podscope::open_sqlite_store<durability::process>(path);
            is_enough = bears(opened) && use(*opened);
        }
        auto opened = reopened();
        REQUIRE(must(value_of(opened, "n")) == number{told, {}});
        {
            const scarce_sqlite_memory now{room};
            is_enough = use(opened) && is_enough;
        }
        // It goes on as soon as there is memory.
        REQUIRE(must(value_of(opened, "n")) == number{told, {}});
        ++told;
        must(put_number(opened, "n", told));
    }
    must(reopened().bytes().check_integrity());
    CHECK(refused > 50);
}

TEST_CASE("a key or a value that is larger than SQLite takes is refused") {
    const scratch_folder folder;
    auto opened = open(folder / "store");
    auto& bytes = opened.bytes();
    // Nobody reads it, so that it takes up no memory.
    constexpr std::size_t size = 1'100'000'000;
    void* const at =
        ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(at != MAP_FAILED);
    const std::string_view large{static_cast<const char*>(at), size};
    const auto is_refused = [](const auto& given) {
        REQUIRE_FALSE(given.has_value());
        CHECK(given.error().category == errc::io);
        CHECK(given.error().system == std::errc::file_too_large);
    };
    is_refused(bytes.read([&](auto& txn) { return txn.get(large); }));
    is_refused(bytes.read([&](auto& txn) {
        return txn.scan(large, [](std::string_view, std::string_view) { return scan::next; });
    }));
    is_refused(bytes.write([&](auto& txn) { return txn.put(large, "v"); }));
    is_refused(bytes.write([&](auto& txn) { return txn.erase(large); }));
    // Kept by the body to itself, and more than once.
    is_refused(bytes.write([&](auto& txn) -> result<void> {
        (void)txn.put("k", large);
        (void)txn.erase(large);
        return {};
    }));
    ::munmap(at, size);
    must(put_number(opened, "n", 1));
}

TEST_CASE("each answer of SQLite is an error of its category and says what to do") {
    struct meaning {
        int code;
        errc category;
        std::error_code system;
        std::string words;
    };

    const auto given = [](int code) { return std::error_code{code, std::generic_category()}; };
    const auto each = GENERATE_REF(values<meaning>({
        {SQLITE_NOMEM, errc::out_of_memory, {}, "out of memory"},
        {SQLITE_IOERR_NOMEM, errc::out_of_memory, {}, "out of memory"},
        {SQLITE_BUSY, errc::timeout, {}, "cannot read /f"},
        {SQLITE_BUSY_RECOVERY, errc::timeout, {}, "cannot read /f"},
        {SQLITE_LOCKED, errc::timeout, {}, "cannot read /f"},
        {SQLITE_PROTOCOL, errc::timeout, {}, "cannot read /f"},
        {SQLITE_CORRUPT, errc::corrupt, {}, "restore it from a copy"},
        {SQLITE_NOTADB, errc::corrupt, {}, "restore it from a copy"},
        {SQLITE_FORMAT, errc::corrupt, {}, "restore it from a copy"},
        {SQLITE_SCHEMA, errc::corrupt, {}, "restore it from a copy"},
        {SQLITE_MISMATCH, errc::corrupt, {}, "restore it from a copy"},
        {SQLITE_CONSTRAINT, errc::corrupt, {}, "restore it from a copy"},
        {SQLITE_ERROR, errc::corrupt, {}, "restore it from a copy"},
        {SQLITE_FULL, errc::io, given(ENOSPC), "full"},
        {SQLITE_READONLY, errc::io, given(EROFS), "readonly"},
        {SQLITE_PERM, errc::io, given(EACCES), "denied"},
        {SQLITE_AUTH, errc::io, given(EACCES), "authorization"},
        {SQLITE_TOOBIG, errc::io, given(EFBIG), "too big"},
        {SQLITE_IOERR, errc::io, given(EIO), "I/O"},
        {SQLITE_CANTOPEN, errc::io, given(EIO), "unable to open"},
        {SQLITE_INTERRUPT, errc::io, {}, "interrupted"},
    }));
    // There is no connection where there was no memory for one.
    const auto made = podscope::backend_detail::sqlite_error(nullptr, each.code, "read", "/f");
    CHECK(made.category == each.category);
    CHECK(made.system == each.system);
    CHECK_THAT(made.message, Catch::Contains(each.words));
    CHECK(made.path == (each.category == errc::out_of_memory ? "" : "/f"));
}

TEST_CASE("F22 a copy forked in an SQLite transaction that changes nothing ends without it") {
    const scratch_folder folder;
    auto opened = std::make_optional(open(folder / "store"));
    must(put_number(*opened, "a", 1));
    pid_t copy = -1;
    bool is_refused = true;
    must(opened->write([&](auto& txn) -> result<void> {
        CHECK(must(txn.template get<numbers>("a")).has_value());
        copy = ::fork();
        if (copy == 0) {
            const auto scanned = txn.template scan<numbers>(
                "", [](std::string_view, const number&) { return scan::next; });
            is_refused = !scanned && scanned.error().category == errc::forked;
        }
        return {};
    }));
    if (copy == 0) {
        opened.reset();
        ::_exit(is_refused ? 0 : 1);
    }
    int status{};
    REQUIRE(::waitpid(copy, &status, 0) == copy);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    must(put_number(*opened, "a", 2));
    CHECK(must(value_of(*opened, "a")) == number{2, {}});
}

TEST_CASE("an empty key and an empty value of an SQLite database are none that are missing") {
    const scratch_folder folder;
    auto opened = open(folder / "store");
    auto& bytes = opened.bytes();
    const auto at = [&](std::string_view key) {
        return must(bytes.read([&](auto& txn) { return txn.get(key); }));
    };
    CHECK(at({}) == std::nullopt);
    must(bytes.write([&](auto& txn) -> result<void> {
        auto done = txn.put({}, "of the empty key");
        return done ? txn.put("empty", {}) : done;
    }));
    CHECK(at("") == "of the empty key");
    CHECK(at("empty") == "");
    std::vector<std::string> seen;
    must(bytes.read([&](auto& txn) {
        return txn.scan({}, [&](std::string_view key, std::string_view value) {
            seen.emplace_back(std::string{key} + "=" + std::string{value});
            return scan::next;
        });
    }));
    CHECK(seen == std::vector<std::string>{"=of the empty key", "empty="});
}

TEST_CASE("F08 whoever holds the folder of an SQLite database costs who opens it his deadline") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    must(open(path).bytes().check_integrity());
    constexpr podscope::sqlite_options hasty{.busy_deadline = std::chrono::milliseconds{20}};
    {
        const podscope::os_detail::file_descriptor held{
            ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        REQUIRE(::flock(held.get(), LOCK_EX) == 0);
        const auto refused = error_of(podscope::open_sqlite_store(path, hasty));
        CHECK(refused.category == errc::timeout);
        CHECK_THAT(refused.message, Catch::StartsWith("another process is still busy"));
    }
    CHECK(podscope::open_sqlite_store(path, hasty).has_value());
}

TEST_CASE("F05 an SQLite database that only looks like one of this library is refused") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/store.sqlite";
    must(open(path).bytes().check_integrity());
    const auto run_elsewhere = [&](const char* sql) {
        sqlite3* database = nullptr;
        REQUIRE(::sqlite3_open(file.c_str(), &database) == SQLITE_OK);
        CHECK(::sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
        ::sqlite3_close(database);
    };
    SECTION("an empty database to which another program has given a version") {
        std::filesystem::remove(file);
        run_elsewhere("PRAGMA user_version=1");
        std::filesystem::permissions(file, std::filesystem::perms{0600});
    }
    SECTION("a format that never was") {
        run_elsewhere("PRAGMA user_version=0");
    }
    const auto before = bytes_of(file);
    const auto refused = error_of(podscope::open_sqlite_store(path));
    CHECK(refused.category == errc::corrupt);
    CHECK(refused.path == file);
    CHECK(bytes_of(file) == before);
}

#endif
