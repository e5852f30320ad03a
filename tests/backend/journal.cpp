// SPDX-License-Identifier: BSL-1.0
// A journal and its processes.
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "backend/waiting_writer.hpp"
#include "support/catch.hpp"
#include "support/descriptors.hpp"

#include <podscope/backend/file_layer.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_folder.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::errc;
using podscope::journal_options;

using journal = podscope::basic_journal<test_schema>;
using quick_journal = podscope::basic_journal<test_schema, podscope::durability::process>;

// Runs a transaction that tells the parent that it holds the lock, and stays there until told.
template <class Journal>
bool hold_lock(Journal& store, const other_process::line& parent) {
    return store
        .write([&](auto& txn) -> podscope::result<void> {
            auto put = txn.template put<numbers>("held", {1, {}});
            parent.tell();
            parent.wait();
            return put;
        })
        .has_value();
}

mode_t mode_of(const std::string& path) {
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

} // namespace

TEST_CASE("F16 a journal makes its folder and files for its owner only") {
    const scratch_folder folder;
    const auto before = ::umask(0);
    const auto store = journal::open(folder / "store");
    ::umask(before);
    REQUIRE(store.has_value());
    CHECK(mode_of(folder / "store") == 0700);
    CHECK(mode_of(folder / "store/journal") == 0600);
    CHECK(mode_of(folder / "store/journal.lock") == 0600);
}

TEST_CASE("a journal opens from a path of any kind") {
    const scratch_folder folder;
    CHECK(journal::open(folder.path() / "a").has_value());
    CHECK(journal::open((folder / "b") + "//").has_value());
    CHECK(std::filesystem::exists(folder / "b/journal"));
    const auto no_parent = journal::open(folder / "c/d");
    REQUIRE_FALSE(no_parent.has_value());
    CHECK(no_parent.error().category == errc::io);
    CHECK(no_parent.error().system == std::errc::no_such_file_or_directory);
    CHECK_FALSE(journal::open("").has_value());
}

TEST_CASE("a handle follows a compaction whatever it had seen before") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto compacting = journal::open(path, {.compact_above = 0, .compact_factor = 0}).value();
    auto store = journal::open(path).value();
    REQUIRE(put_number(store, "old", 0));
    REQUIRE(value_of(store, "old").value().has_value());
    const int missed = GENERATE(0, 1, 3);
    for (int i = 0; i < missed; ++i) {
        REQUIRE(put_number(compacting, std::to_string(i), i));
    }
    REQUIRE(erase(compacting, "old"));
    const bool writes = GENERATE(false, true);
    if (writes) {
        REQUIRE(put_number(store, "mine", 1));
    }
    auto fresh = journal::open(path).value();
    CHECK(rows_from(store).value() == rows_from(fresh).value());
    CHECK(rows_from(fresh).value().size() == static_cast<std::size_t>(missed + (writes ? 1 : 0)));
    CHECK(rows_from(compacting).value() == rows_from(fresh).value());
}

TEST_CASE("a journal is compacted once it is several times what it was") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = folder / "store/journal";
    auto store = quick_journal::open(path, {.compact_above = 10'000, .compact_factor = 4}).value();
    REQUIRE(put<notes>(store, "kept", {std::string(5'000, 'k'), {}, {}}));
    std::uintmax_t largest = 0;
    int compactions = 0;
    std::uintmax_t before = 0;
    for (int i = 0; i < 500; ++i) {
        REQUIRE(put<notes>(store, "again", {std::string(500, 'a'), {}, {}}));
        const auto now = std::filesystem::file_size(file);
        compactions += now < before ? 1 : 0;
        largest = std::max(largest, now);
        before = now;
    }
    // 5 600 bytes live: at most four times that and one more, and not at every commit.
    CHECK(largest < 24'000);
    CHECK(largest > 20'000);
    CHECK(compactions > 10);
    CHECK(compactions < 20);
    auto again = quick_journal::open(path).value();
    CHECK(rows_from<notes>(again).value() == rows_from<notes>(store).value());
    CHECK(rows_from<notes>(again).value().size() == 2);
}

TEST_CASE("a commit that was written and not published is seen by all at once") {
    // What a writer leaves that is killed between its append and its word about it: the frame is
    // there, and the page does not know.
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = folder / "store/journal";
    constexpr podscope::journal_options no_room{.room = 0}; // so that the file ends with its frames
    auto reader = journal::open(path, no_room).value();
    std::string appended;
    {
        auto writer = journal::open(path, no_room).value();
        REQUIRE(put_number(writer, "a", 1));
        REQUIRE(value_of(reader, "a").value() == number{1, {}});
        const auto before = bytes_of(file).size();
        REQUIRE(put_number(writer, "a", 2));
        appended = bytes_of(file).substr(before);
        std::filesystem::resize_file(file, before);
        // The page as it was before: as far as `reader` knows, nothing has happened.
        auto fresh = journal::open(path, no_room).value();
        REQUIRE(value_of(fresh, "a").value() == number{1, {}});
        REQUIRE(value_of(reader, "a").value() == number{1, {}});
    }
    const auto generation = reader.generation();
    {
        std::ofstream out{file, std::ios::binary | std::ios::app};
        out << appended;
    }
    REQUIRE(reader.generation() == generation);
    auto next = journal::open(path, no_room).value();
    CHECK(value_of(next, "a").value() == number{2, {}});
    CHECK(reader.generation() != generation);
    CHECK(value_of(reader, "a").value() == number{2, {}});
}

namespace {

// Kills its process between an append and what would be said of it.
struct killing_files : podscope::system_files {
    static inline bool is_armed = false;

    static int write(int file, std::string_view bytes, std::uint64_t offset) noexcept {
        const int code = system_files::write(file, bytes, offset);
        if (is_armed) {
            (void)::raise(SIGKILL);
        }
        return code;
    }
};

} // namespace

TEST_CASE(
    "F01 what was written by who died over it is found by all who come next, caught up or not") {
    using killed =
        podscope::basic_journal<test_schema, podscope::durability::process, killing_files>;
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    REQUIRE(put_number(store, "a", 1));
    for (int i = 2; i != 5; ++i) {
        other_process child{[&](const auto&) {
            auto mine = killed::open(path).value();
            killing_files::is_armed = true;
            (void)put_number(mine, "a", i);
            return 1;
        }};
        CHECK(child.exit_code() != 1);
        // Within a turn of its own, before anybody who has to read all of the file.
        const auto seen = store.write([](auto& txn) -> podscope::result<number> {
            auto row = txn.template get<numbers>("a");
            return row && *row ? podscope::result<number>{**row}
                               : podscope::fail({.category = podscope::errc::io});
        });
        CHECK(seen.value() == number{i, {}});
        auto next = journal::open(path).value();
        CHECK(value_of(next, "a").value() == number{i, {}});
    }
}

TEST_CASE("F07 the lock is free at once when its holder is killed") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    // A deadline that a test would not survive: it must not be needed.
    auto store = journal::open(path, {.lock_deadline = 10min}).value();
    REQUIRE(put_number(store, "a", 1));
    for (int i = 0; i < 5; ++i) {
        other_process child{[&](const auto& parent) {
            auto mine = journal::open(path).value();
            return hold_lock(mine, parent) ? 0 : 1;
        }};
        REQUIRE(child.wait());
        child.kill();
        REQUIRE(put_number(store, "a", i));
        CHECK(value_of(store, "held").value() == std::nullopt);
    }
}

TEST_CASE("F07 a copy of the holder that was forked while it held the lock does not hold it") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path, {.lock_deadline = 10min}).value();
    other_process child{[&](const auto& parent) {
        auto mine = journal::open(path).value();
        (void)mine.write([&](auto&) -> podscope::result<void> {
            if (::fork() == 0) {
                parent.tell();
                // The pipe's other end closes when the test is over.
                parent.wait();
                ::_exit(0);
            }
            parent.tell();
            ::pause();
            return {};
        });
        return 0;
    }};
    REQUIRE(child.wait());
    REQUIRE(child.wait());
    child.kill();
    CHECK(put_number(store, "a", 1));
    child.tell();
}

TEST_CASE("F08 a holder that is stopped costs others their deadline and no more") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path, {.lock_deadline = 50ms}).value();
    REQUIRE(put_number(store, "a", 1));
    other_process child{[&](const auto& parent) {
        auto mine = journal::open(path).value();
        return hold_lock(mine, parent) ? 0 : 1;
    }};
    REQUIRE(child.wait());
    child.stop();

    const auto refused = put_number(store, "a", 2);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().category == errc::timeout);
    CHECK_THAT(refused.error().message, Catch::Contains(std::to_string(child.pid())));
    // What is known to be current is still read.
    CHECK(value_of(store, "a").value() == number{1, {}});
    const auto not_opened = journal::open(path, {.lock_deadline = 1ms});
    REQUIRE_FALSE(not_opened.has_value());
    CHECK(not_opened.error().category == errc::timeout);

    child.go_on();
    child.tell();
    CHECK(child.exit_code() == 0);
    REQUIRE(put_number(store, "a", 3));
    CHECK(value_of(store, "held").value() == number{1, {}});
}

TEST_CASE("F08 who may wait for ever for the turn of a journal waits", "[concurrent]") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto opened = journal::open(path, {.lock_deadline = std::chrono::milliseconds::max()}).value();
    CHECK(write_that_meets_another(opened, opened).has_value());
    auto other = journal::open(path, {.lock_deadline = std::chrono::milliseconds::max()}).value();
    CHECK(write_that_meets_another(opened, other).has_value());
}

TEST_CASE(
    "F08 a turn is waited for until the deadline of the call, however long it waited before") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    // A deadline that a test would not survive: what is left of the call's counts.
    const podscope::journal_options patient{.lock_deadline = 10min};
    using podscope::backend_detail::journal_folder;
    const auto one = journal_folder::open(path, patient).value();
    const auto other = journal_folder::open(path, patient).value();
    const auto over = std::chrono::steady_clock::now();
    {
        const auto held = one->take_turn(over);
        REQUIRE(held.has_value());
        CHECK(one->take_turn(over).error().category == errc::timeout);
        CHECK(other->take_turn(over).error().category == errc::timeout);
    }
    CHECK(other->take_turn(over).has_value());
}

TEST_CASE("a thread that waits for another thread's transaction gives up at its deadline",
          "[concurrent]") {
    const scratch_folder folder;
    auto store = journal::open(folder / "store", {.lock_deadline = 20ms}).value();
    const auto outer = store.write([&](auto& txn) -> podscope::result<void> {
        std::optional<podscope::error> seen;
        std::thread{[&] {
            auto refused = put_number(store, "b", 1);
            seen = refused ? std::nullopt : std::optional{refused.error()};
        }}.join();
        CHECK(seen.has_value());
        CHECK(seen.value_or(podscope::error{}).category == errc::timeout);
        return txn.template put<numbers>("a", {1, {}});
    });
    CHECK(outer.has_value());
    CHECK(rows_from(store).value() == rows_of<number>{{"a", {1, {}}}});
}

TEST_CASE("F22 a forked copy of the process cannot use the journal and can open it anew") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    REQUIRE(put_number(store, "a", 1));
    other_process child{[&](const auto&) {
        const auto read = value_of(store, "a");
        const auto written = put_number(store, "a", 2);
        const bool is_refused = !read && !written && read.error().category == errc::forked &&
                                written.error().category == errc::forked;
        auto mine = journal::open(path);
        return is_refused && mine && put_number(*mine, "b", 1) ? 0 : 1;
    }};
    CHECK(child.exit_code() == 0);
    CHECK(value_of(store, "a").value() == number{1, {}});
    CHECK(value_of(store, "b").value() == number{1, {}});
}

TEST_CASE("F22 a forked copy that ends its handle releases no lock of its parent") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = std::make_optional(journal::open(path).value());
    const auto done = store->write([&](auto&) -> podscope::result<void> {
        other_process child{[&](const auto&) {
            store.reset();
            return 0;
        }};
        CHECK(child.exit_code() == 0);
        const auto refused = journal::open(path, {.lock_deadline = 5ms});
        CHECK_FALSE(refused.has_value());
        return {};
    });
    CHECK(done.has_value());
}

TEST_CASE("F22 a copy forked in the middle of a journal's transaction takes no part in it") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process stranger{[&](const auto& parent) {
        auto mine = journal::open(path, {.lock_deadline = 50ms}).value();
        parent.tell();
        parent.wait();
        const auto refused = put_number(mine, "b", 1);
        const bool names_holder =
            !refused && refused.error().category == errc::timeout &&
            refused.error().message.find(std::to_string(::getppid())) != std::string::npos;
        parent.tell();
        return names_holder ? 0 : 1;
    }};
    REQUIRE(stranger.wait());
    auto opened = std::make_optional(journal::open(path).value());
    pid_t copy = -1;
    const auto done = opened->write([&](auto& txn) -> podscope::result<void> {
        copy = ::fork();
        if (copy == 0) {
            return txn.template put<numbers>("a", {2, {}});
        }
        int status{};
        REQUIRE(::waitpid(copy, &status, 0) == copy);
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 0);
        stranger.tell();
        REQUIRE(stranger.wait());
        return txn.template put<numbers>("a", {1, {}});
    });
    if (copy == 0) {
        const bool is_refused = !done && done.error().category == errc::forked;
        opened.reset();
        ::_exit(is_refused ? 0 : 1);
    }
    CHECK(stranger.exit_code() == 0);
    REQUIRE(done.has_value());
    CHECK(rows_from(*opened).value() == rows_of<number>{{"a", {1, {}}}});
    auto later = journal::open(path).value();
    CHECK(rows_from(later).value() == rows_of<number>{{"a", {1, {}}}});
}

TEST_CASE("F22 the end of a transaction in a forked copy waits for no thread of its parent",
          "[concurrent]") {
    const scratch_folder folder;
    auto opened = journal::open(folder / "store").value();
    std::thread waiting;
    pid_t copy = -1;
    const auto done = opened.write([&](auto& txn) -> podscope::result<void> {
        // It stands in the line, or is on its way there: either way it is not in the copy.
        waiting = std::thread{[&] { (void)put_number(opened, "b", 1); }};
        copy = ::fork();
        return txn.template put<numbers>("a", {1, {}});
    });
    if (copy == 0) {
        ::_exit(!done && done.error().category == errc::forked ? 0 : 1);
    }
    int status{};
    REQUIRE(::waitpid(copy, &status, 0) == copy);
    waiting.join();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(rows_from(opened).value() == rows_of<number>{{"a", {1, {}}}, {"b", {1, {}}}});
}

TEST_CASE("F54 a program that is started inherits no descriptor of a journal") {
    const scratch_folder folder;
    auto store = journal::open(folder / "store").value();
    REQUIRE(put_number(store, "a", 1));
    const auto in_folder = podscope_test::descriptors_below(folder.path().string());
    for (const int each : in_folder) {
        CHECK(podscope_test::closes_on_exec(each));
    }
    // The folder, the lock and the journal.
    CHECK(in_folder.size() == 3);
}

TEST_CASE("a handle closes all that it opened") {
    const scratch_folder folder;
    (void)journal::open(folder / "store");
    const auto before = podscope_test::open_descriptors();
    for (int i = 0; i < 3; ++i) {
        auto store = journal::open(folder / "store", {.compact_above = 0, .compact_factor = 0});
        REQUIRE(put_number(*store, "a", i));
    }
    CHECK(podscope_test::open_descriptors() == before);
}

TEST_CASE("a reader without news makes no system call") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    other_process child{[&](const auto&) {
        auto store = journal::open(path).value();
        if (!put_number(store, "a", 1)) {
            return 1;
        }
        const auto is_there = [&] {
            return store
                .read([](auto& txn) -> podscope::result<bool> {
                    const auto row = txn.template get<numbers>("a");
                    return row && *row;
                })
                .value();
        };
        if (!is_there()) {
            return 2;
        }
        // From here on the kernel kills for every call but read, write and exit.
        if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
            return 3;
        }
        const bool was_there = is_there();
        const auto generation = store.generation();
        ::syscall(SYS_exit, was_there && generation == store.generation() ? 0 : 4);
        return 5;
    }};
    CHECK(child.exit_code() == 0);
}
