// SPDX-License-Identifier: BSL-1.0
// A journal when the system says no, and when a process dies in the middle of its work.
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/file_layer.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_inspection.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::journal_options;

using journal = podscope::basic_journal<test_schema>;

constexpr journal_options always_compacting{.compact_above = 0, .compact_factor = 0};
constexpr journal_options never_compacting{};

// A system that fails calls of one kind, from the first on, until told otherwise.
struct failing_calls {
    system_call which;
    int error;
    int times = 1;

    fate operator()(system_call called) {
        return called == which && times-- > 0 ? failing(error) : fate{};
    }
};

// What a journal's file holds, without the room for more.
std::string frames_in(const std::string& file) {
    std::string bytes = bytes_of(file);
    bytes.resize(bytes.find_last_not_of('\0') + 1);
    return bytes;
}

std::int64_t count_in(const std::string& path) {
    auto store = journal::open(path).value();
    const auto row = value_of(store, "n").value();
    return row ? row->value : 0;
}

} // namespace

TEST_CASE("F12 no room or a bad disk fails the commit and leaves the state before") {
    const int code = GENERATE(ENOSPC, EDQUOT, EIO, EFBIG);
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    REQUIRE(put_number(store, "n", 1));
    const auto before = frames_in(folder / "store/journal");
    const auto generation = store.generation();
    {
        const system_faults faults{failing_calls{system_call::write, code}};
        const auto failed = put_number(store, "n", 2);
        REQUIRE_FALSE(failed.has_value());
        CHECK(failed.error().category == errc::io);
        CHECK(failed.error().system == std::error_code(code, std::generic_category()));
        CHECK(failed.error().path == folder / "store/journal");
    }
    CHECK(value_of(store, "n").value() == number{1, {}});
    CHECK(store.generation() == generation);
    CHECK(frames_in(folder / "store/journal") == before);
    REQUIRE(put_number(store, "n", 3));
    CHECK(count_in(path) == 3);
}

TEST_CASE("F12 a commit for which there is room but for no more is made") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    {
        const system_faults faults{failing_calls{system_call::write, ENOSPC}};
        REQUIRE(put_number(store, "n", 1));
    }
    CHECK(std::filesystem::file_size(folder / "store/journal") < 1000);
    REQUIRE(put_number(store, "n", 2));
    CHECK(std::filesystem::file_size(folder / "store/journal") > 100'000);
    CHECK(count_in(path) == 2);
}

TEST_CASE("F12 a commit of which a part fitted leaves none of it") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    REQUIRE(put_number(store, "n", 1));
    const auto before = frames_in(folder / "store/journal");
    {
        int writes = 0;
        const system_faults faults{[&](system_call called) {
            if (called != system_call::write) {
                return fate{};
            }
            return writes++ < 5 ? fate{.what = fate::kind::stops_short} : failing(ENOSPC);
        }};
        CHECK_FALSE(put_number(store, "n", 2).has_value());
        CHECK(writes == 6);
    }
    CHECK(frames_in(folder / "store/journal") == before);
    REQUIRE(put_number(store, "n", 3));
    CHECK(count_in(path) == 3);
}

TEST_CASE("F12 a part of a commit that cannot be taken back ends the handle and harms no other") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    auto other = journal::open(path).value();
    REQUIRE(put_number(store, "n", 1));
    {
        int writes = 0;
        const system_faults faults{[&](system_call called) {
            if (called == system_call::cut) {
                return failing(EIO);
            }
            const bool is_second = called == system_call::write && writes++ == 1;
            return is_second                      ? failing(ENOSPC)
                   : called == system_call::write ? fate{.what = fate::kind::stops_short}
                                                  : fate{};
        }};
        CHECK_FALSE(put_number(store, "n", 2).has_value());
    }
    CHECK(value_of(store, "n").error().category == errc::io);
    CHECK(put_number(store, "n", 3).error().category == errc::io);
    CHECK(value_of(other, "n").value() == number{1, {}});
    REQUIRE(put_number(other, "n", 4));
    CHECK(count_in(path) == 4);
}

TEST_CASE("F13 a commit whose sync failed is not acknowledged and ends the handle") {
    const int code = GENERATE(EIO, ENOSPC, EDQUOT);
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    auto other = journal::open(path).value();
    REQUIRE(put_number(store, "n", 1));
    const auto before = frames_in(folder / "store/journal");
    {
        const system_faults faults{failing_calls{system_call::sync, code}};
        const auto failed = put_number(store, "n", 2);
        REQUIRE_FALSE(failed.has_value());
        CHECK(failed.error().category == errc::io);
        CHECK(failed.error().system == std::error_code(code, std::generic_category()));
    }
    for (int again = 0; again < 2; ++again) {
        const auto read = value_of(store, "n");
        const auto written = put_number(store, "n", 3);
        REQUIRE_FALSE(read.has_value());
        REQUIRE_FALSE(written.has_value());
        CHECK(read.error().category == errc::io);
        CHECK(written.error().category == errc::io);
    }
    CHECK(frames_in(folder / "store/journal") == before);
    CHECK(value_of(other, "n").value() == number{1, {}});
    REQUIRE(put_number(other, "n", 4));
    auto again = journal::open(path).value();
    CHECK(value_of(again, "n").value() == number{4, {}});
}

namespace {

// Leaves a commit of 2 behind that was written and could be neither synced nor cut off.
void leave_in_doubt(journal& store) {
    const system_faults faults{[&](system_call called) {
        return called == system_call::sync || called == system_call::cut ? failing(EIO) : fate{};
    }};
    const auto done = put_number(store, "n", 2);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().message.find("cannot say if a commit is in /") == 0);
}

} // namespace

TEST_CASE("F13 what could be neither synced nor cut off is written again before it counts") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    REQUIRE(put_number(store, "n", 1));
    leave_in_doubt(store);
    // As long as it cannot be made to last, it is not taken for committed. The first two syncs are
    // those of the folders.
    std::vector<system_call> made;
    const auto open_anew = [&](int failing_sync) {
        made.clear();
        int syncs = 0;
        const system_faults faults{[&](system_call called) {
            if (called == system_call::write || called == system_call::sync) {
                made.push_back(called);
            }
            return called == system_call::sync && ++syncs == failing_sync ? failing(EIO) : fate{};
        }};
        return journal::open(path);
    };
    CHECK(open_anew(3).error().category == errc::io);
    auto next = open_anew(0);
    REQUIRE(next.has_value());
    CHECK(made == std::vector<system_call>{system_call::sync, system_call::sync, system_call::write,
                                           system_call::sync});
    CHECK(value_of(*next, "n").value() == number{2, {}});
}

TEST_CASE("F13 what could be neither synced nor cut off counts from the next commit on, whoever "
          "makes it") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    auto other = journal::open(path).value();
    REQUIRE(put_number(store, "n", 1));
    REQUIRE(value_of(other, "n").value() == number{1, {}}); // at the end from here on
    leave_in_doubt(store);
    REQUIRE(put_number(other, "m", 3));
    CHECK(value_of(other, "n").value() == number{2, {}});
    auto next = journal::open(path).value();
    CHECK(value_of(next, "n").value() == number{2, {}});
    CHECK(value_of(next, "m").value() == number{3, {}});
}

TEST_CASE("F14 interrupted calls and short ones are made again") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    int calls = 0;
    // Each call is interrupted once, and then reads or writes one byte.
    const system_faults faults{[&](system_call called) {
        const bool is_partial = called == system_call::read || called == system_call::write;
        const bool is_retried =
            is_partial || called == system_call::sync || called == system_call::cut;
        const int turn = calls++ % 2;
        return turn == 0 && is_retried ? failing(EINTR)
               : is_partial            ? fate{.what = fate::kind::stops_short}
                                       : fate{};
    }};
    {
        auto store = journal::open(path, always_compacting).value();
        REQUIRE(put_number(store, "n", 1));
        REQUIRE(put_number(store, "n", 2));
    }
    auto store = journal::open(path).value();
    CHECK(value_of(store, "n").value() == number{2, {}});
    CHECK(calls > 100);
}

TEST_CASE("F14 each failing call of opening is a clear error and the next opening succeeds") {
    const int code = GENERATE(EMFILE, EACCES, EROFS, EIO, ENOSPC);
    const bool exists = GENERATE(false, true);
    bool reached = true;
    int refused = 0;
    int number = 0;
    for (; reached; ++number) {
        const scratch_folder folder;
        const std::string path = folder / "store";
        if (exists) {
            auto store = journal::open(path).value();
            REQUIRE(put_number(store, "n", 1));
        }
        reached = false;
        {
            const system_faults faults{at_call(number, failing(code), &reached)};
            const auto store = journal::open(path);
            REQUIRE((store.has_value() || reached));
            if (!store) {
                ++refused;
                CHECK(store.error().category == errc::io);
                CHECK(store.error().system == std::error_code(code, std::generic_category()));
            }
        }
        auto store = journal::open(path);
        REQUIRE(store.has_value());
        CHECK(value_of(*store, "n").value().has_value() == exists);
        REQUIRE(put_number(*store, "n", 2));
        CHECK_FALSE(std::filesystem::exists(folder / "store/journal.new"));
    }
    // A stray file that cannot be looked at or removed harms nobody until it is in the way, and a
    // folder above that may not be read is synced in another way.
    const int harmless = (exists ? 2 : 3) + (code == EACCES ? 1 : 0);
    CHECK(refused == number - 1 - harmless);
}

TEST_CASE("F12 a compaction that fails at any call fails no commit and loses nothing") {
    const int code = GENERATE(ENOSPC, EIO);
    bool reached = true;
    int number = 0;
    for (; reached; ++number) {
        const scratch_folder folder;
        const std::string path = folder / "store";
        auto store = journal::open(path, always_compacting).value();
        REQUIRE(put_number(store, "m", 1));
        reached = false;
        bool is_acknowledged = false;
        {
            const system_faults faults{at_call(number, failing(code), &reached)};
            is_acknowledged = put_number(store, "n", 2).has_value();
        }
        // The first two calls are the commit's own: a write with room for more behind it, which can
        // be done without, and the sync.
        CHECK(is_acknowledged == (number != 1));
        CHECK(count_in(path) == (is_acknowledged ? 2 : 0));
        auto again = journal::open(path).value();
        CHECK(value_of(again, "m").value() == backend_test::number{1, {}});
        REQUIRE(put_number(again, "n", 3));
        CHECK(count_in(path) == 3);
        CHECK_FALSE(std::filesystem::exists(folder / "store/journal.new"));
    }
    CHECK(number > 6);
}

TEST_CASE("F01 F06 a process killed at any call leaves each transaction whole or absent") {
    const auto what = GENERATE(fate::kind::killed_before, fate::kind::killed_after);
    const bool compacts = GENERATE(false, true);
    const bool bystander_writes = what == fate::kind::killed_after;
    bool is_over = false;
    for (int number = 0; !is_over; ++number) {
        const scratch_folder folder;
        const std::string path = folder / "store";
        // It relies on the file that it saw last, unless it is told otherwise.
        auto bystander = journal::open(path, {.examine_every = std::chrono::minutes{10}}).value();
        REQUIRE(put_number(bystander, "n", 0));
        // What was acknowledged is noted outside of the store.
        const std::string acknowledged = folder / "acknowledged";
        other_process child{[&](const auto&) {
            const int log =
                ::open(acknowledged.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
            const system_faults faults{at_call(number, {.what = what})};
            auto store =
                journal::open(path, compacts ? always_compacting : never_compacting).value();
            for (int i = 1; i <= 3; ++i) {
                const auto done = store.write([&](auto& txn) -> podscope::result<void> {
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

        const auto is_whole = [](auto& store, std::int64_t count) {
            return (count == 0 ||
                    value_of(store, "n").value() == backend_test::number{count, {}}) &&
                   rows_from<notes>(store).value().size() == static_cast<std::size_t>(count);
        };
        if (bystander_writes) {
            REQUIRE(put_number(bystander, "of the bystander", 1));
            auto other = journal::open(path).value();
            REQUIRE(value_of(other, "of the bystander").value().has_value());
        }
        // What was not acknowledged is first seen by whoever takes the lock next, and from then on
        // by everybody.
        CHECK((is_whole(bystander, told) || is_whole(bystander, told + 1)));
        auto later = journal::open(path).value();
        const auto count = value_of(later, "n").value().value_or(backend_test::number{}).value;
        REQUIRE((count == told || count == told + 1));
        REQUIRE(is_whole(later, count));
        REQUIRE(is_whole(bystander, count));
        REQUIRE_FALSE(std::filesystem::exists(folder / "store/journal.new"));
        REQUIRE(put_number(later, "n", 10));
        REQUIRE(value_of(bystander, "n").value() == backend_test::number{10, {}});
    }
}

TEST_CASE("F05 a process killed at any call of making a journal leaves none or a whole one") {
    const auto what = GENERATE(fate::kind::killed_before, fate::kind::killed_after);
    bool is_over = false;
    for (int number = 0; !is_over; ++number) {
        const scratch_folder folder;
        const std::string path = folder / "store";
        other_process child{[&](const auto&) {
            const system_faults faults{at_call(number, {.what = what})};
            return journal::open(path).has_value() ? 0 : 1;
        }};
        const int code = child.exit_code();
        REQUIRE((code == 0 || code == -1));
        is_over = code == 0;
        auto store = journal::open(path);
        REQUIRE(store.has_value());
        REQUIRE(put_number(*store, "n", 1));
        REQUIRE(count_in(path) == 1);
    }
}

TEMPLATE_TEST_CASE_SIG("a commit syncs once where it promises power and else not at all",
                       "",
                       ((podscope::durability Durable), Durable),
                       podscope::durability::power,
                       podscope::durability::process,
                       podscope::durability::none) {
    const scratch_folder folder;
    auto store = podscope::basic_journal<test_schema, Durable>::open(folder / "store").value();
    std::vector<system_call> made;
    const system_faults faults{[&](system_call called) {
        made.push_back(called);
        return fate{};
    }};
    REQUIRE(put_number(store, "n", 1));
    if (Durable == podscope::durability::power) {
        CHECK(made == std::vector<system_call>{system_call::write, system_call::sync});
    } else {
        CHECK(made == std::vector<system_call>{system_call::write});
    }
}

TEST_CASE(
    "F03 a new file is synced before it gets the journal's name and its name before it counts") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    std::vector<system_call> made;
    const auto note_calls = [&](system_call called) {
        if (called != system_call::read) {
            made.push_back(called);
        }
        return fate{};
    };
    const std::vector<system_call> replacing{system_call::open,   system_call::unlink,
                                             system_call::open,   system_call::write,
                                             system_call::sync,                      // the rows
                                             system_call::write,  system_call::sync, // the header
                                             system_call::rename, system_call::sync};
    std::vector<system_call> expected{system_call::write, system_call::sync};
    expected.insert(expected.end(), replacing.begin(), replacing.end());

    auto store = journal::open(path, always_compacting).value();
    auto other = journal::open(path).value();
    {
        const system_faults faults{note_calls};
        REQUIRE(put_number(store, "n", 1));
    }
    CHECK(made == expected);

    // Whoever finds another file there makes sure of its name before he commits to it.
    made.clear();
    {
        const system_faults faults{note_calls};
        REQUIRE(put_number(other, "n", 2));
    }
    CHECK(made == std::vector<system_call>{system_call::open, system_call::sync, system_call::write,
                                           system_call::sync});
}

TEST_CASE("F13 a compaction whose name could not be synced ends the handle and keeps the commit") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path, always_compacting).value();
    {
        int syncs = 0;
        const system_faults faults{[&](system_call called) {
            return called == system_call::sync && ++syncs == 4 ? failing(EIO) : fate{};
        }};
        CHECK(put_number(store, "n", 1).has_value());
        CHECK(syncs == 4);
    }
    CHECK(put_number(store, "n", 2).error().category == errc::io);
    CHECK(count_in(path) == 1);
}

namespace {

// A system that says that a new name could not be given, and has given it.
struct denying_files : podscope::system_files {
    static int rename(int folder, const char* from, const char* to) noexcept {
        const int code = podscope::system_files::rename(folder, from, to);
        return code == 0 ? EIO : code;
    }
};

} // namespace

TEST_CASE("F12 a compaction that got its name and was told otherwise loses no commit after it") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto maker = journal::open(path).value();
    REQUIRE(put_number(maker, "n", 1));
    using denied = podscope::basic_journal<test_schema, podscope::durability::power, denying_files>;
    // It relies on the file that it saw last, unless it is told otherwise.
    auto store = denied::open(path, {.compact_above = 0,
                                     .compact_factor = 0,
                                     .examine_every = std::chrono::minutes{10}})
                     .value();
    REQUIRE(put_number(store, "n", 2));
    REQUIRE(put_number(store, "n", 3));
    CHECK(count_in(path) == 3);
}

TEST_CASE("F13 what is written again before it counts is tried anew until that succeeds") {
    bool reached = true;
    int refused = 0;
    for (int number = 0; reached; ++number) {
        CAPTURE(number);
        const scratch_folder folder;
        const std::string path = folder / "store";
        auto store = journal::open(path).value();
        REQUIRE(put_number(store, "n", 1));
        leave_in_doubt(store);
        reached = false;
        {
            const system_faults faults{at_call(number, failing(EIO), &reached)};
            auto next = journal::open(path);
            const auto read = next ? value_of(*next, "n") : podscope::fail(next);
            REQUIRE((read || reached));
            if (!read) {
                ++refused;
                REQUIRE(read.error().category == errc::io);
                REQUIRE(read.error().system == std::errc::io_error);
            } else {
                REQUIRE(*read == backend_test::number{2, {}});
            }
        }
        auto later = journal::open(path).value();
        REQUIRE(value_of(later, "n").value() == backend_test::number{2, {}});
    }
    CHECK(refused > 5);
}

TEST_CASE("F14 a call that writes or reads nothing at all is a bad disk") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    auto store = journal::open(path).value();
    REQUIRE(put_number(store, "n", 1));
    const auto nothing_by = [](system_call which) {
        return [which](system_call called) {
            return called == which ? fate{.what = fate::kind::stops_short, .length = 0} : fate{};
        };
    };
    {
        const system_faults faults{nothing_by(system_call::write)};
        const auto failed = put_number(store, "n", 2);
        REQUIRE_FALSE(failed.has_value());
        CHECK(failed.error().category == errc::io);
        CHECK(failed.error().system == std::errc::io_error);
    }
    {
        const system_faults faults{nothing_by(system_call::read)};
        auto opened = journal::open(path);
        REQUIRE_FALSE(opened.has_value());
        CHECK(opened.error().category == errc::io);
        CHECK(opened.error().system == std::errc::io_error);
    }
    CHECK(count_in(path) == 1);
}

TEST_CASE("F14 a journal of many windows and a torn end is read whole or says what failed") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/journal";
    const std::string large(400'000, 'x');
    {
        auto store = journal::open(path, {.room = 0}).value();
        for (const auto* key : {"a", "b"}) {
            REQUIRE(put<notes>(store, key, {large, {}, {}}));
            REQUIRE(put_number(store, key, 1));
        }
    }
    const std::string torn = bytes_of(file) + large;
    const bool inspects = GENERATE(false, true);
    int refused = 0;
    bool reached = true;
    for (int number = 0; reached; ++number) {
        CAPTURE(inspects, number);
        set_bytes(file, torn);
        reached = false;
        std::optional<podscope::error> why;
        {
            const system_faults faults{at_call(number, failing(EIO), &reached)};
            if (inspects) {
                const auto seen = podscope::inspect_journal(file, [](const auto&) {});
                why = seen ? why : std::optional{seen.error()};
                REQUIRE((why || (seen->frames == 4 && seen->is_torn)));
            } else {
                auto store = journal::open(path);
                why = store ? why : std::optional{store.error()};
                REQUIRE((why || value_of(*store, "b").value() == backend_test::number{1, {}}));
            }
        }
        if (why) {
            ++refused;
            REQUIRE(why->category == errc::io);
            REQUIRE(why->system == std::errc::io_error);
            REQUIRE_FALSE(why->path.empty());
        }
    }
    CHECK(refused > 4);
}
