// SPDX-License-Identifier: BSL-1.0
// Commits that leave their sync to the next one. What a loss of power makes of them is tried at
// random by regimes/powercut.cpp.
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_inspection.hpp>
#include <podscope/verify/recorded_files.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::verify::file_event;

struct here {};

using files = podscope::verify::recorded_files<here>;
using journal = podscope::basic_journal<test_schema, podscope::durability::power, files>;

static_assert(podscope::delays_durability<journal>);

podscope::result<void> put_delayed(journal& store, std::string_view key, std::int64_t value) {
    return store.write_delayed(
        [&](auto& txn) { return txn.template put<numbers>(key, {value, {}}); });
}

// A commit whose sync fails, and which is cut off then, if it can be.
void fail_to_sync(journal& store, bool can_be_cut_off) {
    const system_faults faults{[&](system_call called) {
        const bool fails =
            called == system_call::sync || (called == system_call::cut && !can_be_cut_off);
        return fails ? failing(EIO) : fate{};
    }};
    REQUIRE(put_number(store, "failed", 0).error().category == errc::io);
}

// How many syncs there were since the last call.
auto syncs() {
    return std::ranges::count(files::take(), file_event::kind::synced, &file_event::what);
}

struct place {
    std::uint64_t begin{};
    std::uint64_t end{};
};

// Where the transactions stand in the file.
std::vector<place> places(const std::string& file) {
    std::vector<place> found;
    const auto seen = podscope::inspect_journal(file, [&](const podscope::inspected_frame& frame) {
        found.push_back({frame.offset, frame.offset + 28 + frame.payload.size()});
    });
    REQUIRE(seen.has_value());
    return found;
}

// As if the disk had never got these bytes.
std::string without(std::string bytes, place lost) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(lost.begin),
              bytes.begin() + static_cast<std::ptrdiff_t>(lost.end), '\0');
    return bytes;
}

} // namespace

TEST_CASE("a delayed commit costs no sync and everybody sees it at once") {
    const scratch_folder folder;
    auto store = journal::open(folder / "store").value();
    auto other = journal::open(folder / "store").value();
    const auto before = other.generation();
    (void)files::take();
    REQUIRE(put_delayed(store, "a", 1));
    CHECK(syncs() == 0);
    CHECK(other.generation() != before);
    CHECK(value_of(other, "a").value() == number{1, {}});
    REQUIRE(put_number(other, "b", 2));
    CHECK(syncs() == 1);
    CHECK(value_of(store, "b").value() == number{2, {}});
    auto later = journal::open(folder / "store").value();
    CHECK(value_of(later, "a").value() == number{1, {}});
}

TEST_CASE("a delayed commit syncs itself once too many wait for that") {
    const scratch_folder folder;
    auto store = journal::open(folder / "store").value();
    auto other = journal::open(folder / "store").value();
    (void)files::take();
    for (int round = 0; round < 3; ++round) {
        // Whoever made them: it is counted for all handles together.
        for (int i = 0; i < 64; ++i) {
            REQUIRE(put_delayed(i % 2 == 0 ? store : other, "a", i));
        }
        CHECK(syncs() == 0);
        REQUIRE(put_delayed(store, "a", 64));
        CHECK(syncs() == 1);
    }
}

TEST_CASE("F03 a delayed commit that a loss of power took from under a later one is cut off") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/journal";
    auto store = journal::open(path).value();
    REQUIRE(put_number(store, "a", 1));
    REQUIRE(put_delayed(store, "b", 2));
    REQUIRE(put_delayed(store, "c", 3));
    REQUIRE(put_number(store, "d", 4));
    const auto at = places(file);
    REQUIRE(at.size() == 4);
    const auto whole = bytes_of(file);
    const auto find = [&](const std::string& bytes) {
        const scratch_folder left;
        REQUIRE(::mkdir((left / "store").c_str(), 0700) == 0);
        set_bytes(left / "store/journal", bytes);
        REQUIRE(::chmod((left / "store/journal").c_str(), 0600) == 0);
        auto opened = journal::open(left / "store");
        return opened ? rows_from(*opened)
                      : podscope::result<rows_of<number>>{podscope::fail(opened.error())};
    };
    // The sync of the last one had not ended, or else the two before it would be there.
    CHECK(find(without(whole, at[1])).value() == rows_of<number>{{"a", {1, {}}}});
    CHECK(find(without(whole, at[2])).value() == rows_of<number>{{"a", {1, {}}}, {"b", {2, {}}}});
    // The first one was on the disk before any of them was written.
    CHECK(find(without(whole, at[0])).error().category == errc::corrupt);

    SECTION("a later commit says that they were on the disk") {
        REQUIRE(put_number(store, "e", 5));
        const auto longer = bytes_of(file);
        for (std::size_t lost = 0; lost < 4; ++lost) {
            CHECK(find(without(longer, at[lost])).error().category == errc::corrupt);
        }
    }
    SECTION("a compaction does so too") {
        store = journal::open(path, {.compact_above = 1, .compact_factor = 1}).value();
        REQUIRE(put_delayed(store, "e", 5));
        REQUIRE(put_number(store, "f", 6));
        REQUIRE(put_number(store, "g", 7));
        const auto frames = places(file);
        const auto compacted = bytes_of(file);
        CHECK(find(without(compacted, frames.front())).error().category == errc::corrupt);
    }
}

TEST_CASE("F13 what waited for a sync that failed is written again before another sync counts") {
    const bool can_be_cut_off = GENERATE(true, false);
    const bool is_noticed_by_a_new_handle = GENERATE(true, false);
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/journal";
    auto store = journal::open(path).value();
    auto other = journal::open(path).value();
    REQUIRE(put_number(store, "a", 1));
    REQUIRE(put_delayed(store, "b", 2));
    REQUIRE(put_delayed(store, "c", 3));
    fail_to_sync(store, can_be_cut_off);
    const auto at = places(file);
    (void)files::take();
    auto heir = is_noticed_by_a_new_handle ? journal::open(path).value() : std::move(other);
    REQUIRE(put_number(heir, "e", 5));

    // The kernel may have taken "b" and "c" for written when the sync failed.
    const auto events = files::take();
    const auto written = std::ranges::find_if(events, [&](const file_event& event) {
        return event.what == file_event::kind::written && event.at == at[1].begin &&
               event.bytes.size() >= at[2].end - at[1].begin;
    });
    REQUIRE(written != events.end());
    const auto synced = std::ranges::find_if(written, events.end(), [&](const file_event& event) {
        return event.what == file_event::kind::synced && event.file == written->file;
    });
    CHECK(synced != events.end());
    CHECK(at.size() == (can_be_cut_off ? 3 : 4));
    CHECK(value_of(heir, "c").value() == number{3, {}});

    // And once it is, nothing is written twice.
    REQUIRE(put_number(heir, "f", 6));
    CHECK(std::ranges::count(files::take(), file_event::kind::written, &file_event::what) == 1);
}

TEST_CASE("F13 what the system has dropped after a failed sync is not made to last as it is now") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/journal";
    auto store = journal::open(path).value();
    auto other = journal::open(path).value();
    REQUIRE(put_number(store, "a", 1));
    REQUIRE(put_delayed(store, "b", 2));
    REQUIRE(value_of(other, "b").value() == number{2, {}}); // at the end from here on
    fail_to_sync(store, true);
    set_bytes(file, without(bytes_of(file), places(file)[1]));
    CHECK(put_number(other, "d", 4).error().category == errc::io);

    auto heir = journal::open(path).value();
    CHECK(rows_from(heir).value() == rows_of<number>{{"a", {1, {}}}});
    REQUIRE(put_number(heir, "e", 5));
    auto later = journal::open(path).value();
    CHECK(rows_from(later).value() == rows_of<number>{{"a", {1, {}}}, {"e", {5, {}}}});
}

TEST_CASE("a journal of a format that cannot say what was not synced has each commit synced") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    set_bytes(path + "/journal",
              bytes_of(std::filesystem::path{__FILE__}.parent_path() / "data" / "journal.v1"));
    REQUIRE(::chmod((path + "/journal").c_str(), 0600) == 0);
    auto store = journal::open(path).value();
    (void)files::take();
    REQUIRE(put_delayed(store, "a", 1));
    CHECK(syncs() == 1);
}
