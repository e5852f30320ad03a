// SPDX-License-Identifier: BSL-1.0
// A journal that is written anew while transactions go on.
#include "backend/other_process.hpp"
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/effort.hpp"

#include <podscope/backend/journal.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace {

using namespace backend_test;
using podscope::errc;

using journal = podscope::basic_journal<test_schema, podscope::durability::process>;

std::uint64_t inode_of(const std::string& path) {
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_ino;
}

std::string key_of(std::size_t number) {
    return "key" + std::to_string(number);
}

// A store with as many rows, and the size of its file.
std::size_t fill(const std::string& path, std::size_t rows) {
    auto store = journal::open(path, {.compact_above = std::uint64_t{1} << 40}).value();
    REQUIRE(store.write([&](auto& txn) -> podscope::result<void> {
        for (std::size_t i = 0; i < rows; ++i) {
            if (auto done = txn.template put<notes>(key_of(i), {std::string(100, 'x'), {}, {}});
                !done) {
                return done;
            }
        }
        return {};
    }));
    return static_cast<std::size_t>(std::filesystem::file_size(path + "/journal"));
}

} // namespace

TEST_CASE("no commit does more of a compaction than a piece") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    constexpr std::size_t rows = 2'000;
    const auto size = fill(path, rows);
    constexpr std::size_t piece = 4'096;
    // Due, but not so long overdue that the pieces grow.
    auto store = journal::open(
                     path, {.compact_above = size - 1, .compact_factor = 0, .compact_piece = piece})
                     .value();
    auto other = journal::open(path, {.compact_above = std::uint64_t{1} << 40}).value();
    const auto file = inode_of(path + "/journal");
    std::size_t commits = 0;
    std::size_t most = 0;
    for (; inode_of(path + "/journal") == file && commits < 10'000; ++commits) {
        system_trace trace;
        REQUIRE(put_number(store, "n", static_cast<std::int64_t>(commits)));
        std::size_t written = 0;
        for (const auto& event : trace.events()) {
            written += event.bytes.size();
        }
        most = std::max(most, written);
        // Others go on meanwhile.
        REQUIRE(put<notes>(other, key_of(commits % rows), {"changed", {}, {}}));
        REQUIRE(value_of(store, "n").value()->value == static_cast<std::int64_t>(commits));
    }
    CHECK(commits > size / piece / 2);
    CHECK(commits < 10'000);
    // A row and a frame more at most, the commit itself, and the header of the new file.
    CHECK(most < piece + 1'000);
    for (auto* each : {&store, &other}) {
        const auto found = rows_from<notes>(*each).value();
        CHECK(found.size() == rows);
        CHECK(std::ranges::count_if(found, [](const auto& row) {
                  return row.second.text == "changed";
              }) == static_cast<std::ptrdiff_t>(std::min(commits, rows)));
    }
    CHECK_FALSE(std::filesystem::exists(path + "/journal.new"));
}

TEST_CASE("whatever happens while a journal is written anew it holds what was committed",
          "[random]") {
    const auto first = podscope_test::number_from_environment("PODSCOPE_SEED", 1);
    const auto count = podscope_test::rounds("PODSCOPE_COMPACTIONS", 60);
    for (auto seed = first; seed < first + count; ++seed) {
        std::mt19937_64 random{seed};
        const scratch_folder folder;
        const std::string path = folder / "store";
        const auto open = [&] {
            return journal::open(path, {.compact_above = 200 + random() % 2'000,
                                        .compact_factor = random() % 2,
                                        .compact_piece = 1 + random() % 300})
                .value();
        };
        std::vector<std::optional<journal>> handles(3);
        std::map<std::string, std::int64_t> expected;
        std::size_t installed = 0;
        std::uint64_t file = 0;
        for (int step = 0; step < 300; ++step) {
            auto& one = handles[random() % handles.size()];
            if (!one || random() % 20 == 0) {
                one.reset(); // perhaps in the middle of a compaction
                one.emplace(open());
            }
            const auto key = key_of(random() % 30);
            if (random() % 4 == 0) {
                REQUIRE(erase(*one, key));
                expected.erase(key);
            } else {
                REQUIRE(put_number(*one, key, step));
                expected[key] = step;
            }
            if (const auto now = inode_of(path + "/journal"); now != file) {
                file = now;
                ++installed;
            }
            if (step % 10 == 0) {
                INFO("PODSCOPE_SEED=" << seed << ", step " << step);
                auto& reader = handles[random() % handles.size()];
                if (!reader) {
                    reader.emplace(open());
                }
                rows_of<number> wanted;
                for (const auto& [name, value] : expected) {
                    wanted.emplace_back(name, number{value, {}});
                }
                REQUIRE(rows_from(*reader).value() == wanted);
            }
        }
        REQUIRE(installed > 2);
        handles.clear();
        REQUIRE_FALSE(std::filesystem::exists(path + "/journal.new"));
    }
}

TEST_CASE("F06 a compaction whose process does no more of it is taken over by another") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const auto size = fill(path, 500);
    const podscope::journal_options options{
        .compact_above = size - 1, .compact_factor = 0, .compact_piece = 1'000};
    auto idle = journal::open(path, options).value();
    REQUIRE(put_number(idle, "n", 0));
    REQUIRE(std::filesystem::exists(path + "/journal.new"));
    const auto begun = inode_of(path + "/journal.new");
    const auto file = inode_of(path + "/journal");
    auto busy = journal::open(path, options).value();
    REQUIRE(inode_of(path + "/journal.new") == begun);
    std::int64_t commits = 0;
    for (; inode_of(path + "/journal") == file && commits < 10'000; ++commits) {
        REQUIRE(put<notes>(busy, "more", {std::string(400, 'y'), {}, {}}));
    }
    CHECK(commits > 10);
    CHECK(commits < 10'000);
    // The first one notices.
    REQUIRE(put_number(idle, "n", 1));
    CHECK(value_of(busy, "n").value() == number{1, {}});
    CHECK(rows_from<notes>(idle).value().size() == 501);
}

TEST_CASE("F06 what a dead process has left of a compaction goes when the journal is next opened") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const auto size = fill(path, 500);
    other_process child{[&](const auto& parent) {
        auto mine =
            journal::open(path,
                          {.compact_above = size - 1, .compact_factor = 0, .compact_piece = 1'000})
                .value();
        const bool done = put_number(mine, "n", 5).has_value();
        parent.tell();
        parent.wait();
        return done ? 0 : 1;
    }};
    REQUIRE(child.wait());
    REQUIRE(std::filesystem::exists(path + "/journal.new"));
    {
        auto beside = journal::open(path).value();
        CHECK(std::filesystem::exists(path + "/journal.new"));
    }
    child.kill();
    auto later = journal::open(path).value();
    CHECK_FALSE(std::filesystem::exists(path + "/journal.new"));
    CHECK(value_of(later, "n").value() == number{5, {}});
    CHECK(rows_from<notes>(later).value().size() == 500);
}

TEST_CASE("a handle that has read nothing yet follows a journal that was compacted meanwhile") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    using quick_journal = podscope::basic_journal<test_schema, podscope::durability::process>;
    constexpr podscope::journal_options at_once{.compact_above = 0, .compact_factor = 0};
    auto writer = quick_journal::open(path, at_once).value();
    REQUIRE(put_number(writer, "a", 1));
    REQUIRE(put_number(writer, "b", 1));
    auto store = quick_journal::open(path).value();
    REQUIRE(put_number(writer, "b", 2));
    CHECK(rows_from(store).value() == rows_of<number>{{"a", {1, {}}}, {"b", {2, {}}}});
    REQUIRE(put_number(store, "c", 3));
    CHECK(value_of(writer, "c").value() == number{3, {}});
}

namespace {

// Written anew by many commits.
constexpr podscope::journal_options by_pieces{
    .compact_above = 400, .compact_factor = 0, .compact_piece = 1, .room = 0};

// What is damaged in it was on the disk.
using durable_journal = podscope::basic_journal<test_schema>;

// A journal with rows of which some were copied to the new file, and others were not.
template <class Journal>
Journal half_compacted(const std::string& path) {
    auto store = Journal::open(path, by_pieces).value();
    for (int i = 0; !std::filesystem::exists(path + "/journal.new"); ++i) {
        REQUIRE(i < 100);
        REQUIRE(put_number(store, std::to_string(i), i));
    }
    REQUIRE(put_number(store, "n", 0));
    REQUIRE(std::filesystem::exists(path + "/journal.new"));
    return store;
}

std::string file_id(const std::string& path) {
    return bytes_of(path + "/journal").substr(32, 8);
}

} // namespace

TEST_CASE("F04 what has gone bad while a journal is written anew is not made good by that") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/journal";
    auto store = half_compacted<durable_journal>(path);
    const auto before = file_id(path);
    auto bytes = bytes_of(file);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    const auto damaged_at = bytes.size() - 1;
    {
        // In place, as by a disk: it is the same file.
        std::fstream out{file, std::ios::in | std::ios::out | std::ios::binary};
        out.seekp(static_cast<std::streamoff>(damaged_at));
        out.put(bytes.back());
    }
    for (int i = 0; i != 100; ++i) {
        (void)put_number(store, "later", i);
    }
    CHECK(file_id(path) == before);
    const auto refused = durable_journal::open(path);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().category == errc::corrupt);
    CHECK(refused.error().offset < damaged_at);
}

TEST_CASE("F12 a journal that is written anew by pieces bears the failure of any call", "[slow]") {
    const int code = GENERATE(EIO, ENOSPC);
    bool reached = true;
    int number = 0;
    for (; reached; ++number) {
        CAPTURE(code, number);
        const scratch_folder folder;
        const std::string path = folder / "store";
        auto store = half_compacted<journal>(path);
        const auto before = file_id(path);
        reached = false;
        std::int64_t told = 0;
        {
            const system_faults faults{at_call(number, failing(code), &reached)};
            for (int i = 0; i != 16 && file_id(path) == before; ++i) {
                told += put_number(store, "n", told + 1) ? 1 : 0;
            }
        }
        auto again = journal::open(path).value();
        const auto found = value_of(again, "n").value().value().value;
        REQUIRE((found == told || found == told + 1));
        REQUIRE(value_of(again, "0").value().has_value());
        REQUIRE(put_number(again, "n", 100));
    }
    CHECK(number > 20);
}
