// SPDX-License-Identifier: BSL-1.0
// Rows that this program cannot read: of tables of a newer version, and with a damaged record.
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/journal.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::scan;

// A later version of the program: one table more, and another idea of what `numbers` holds.
struct later_things {
    static constexpr const char* name = "later";
    using record = note;
};

struct numbers_as_notes {
    static constexpr const char* name = "numbers";
    using record = note;
};

template <class... Tables>
using journal_of =
    podscope::basic_journal<podscope::schema<Tables...>, podscope::durability::process>;

using journal = journal_of<numbers, notes>;
using later_journal = journal_of<numbers, notes, later_things>;
using other_journal = journal_of<numbers_as_notes, notes>;

// Every commit compacts.
constexpr podscope::journal_options always_compacting{.compact_above = 0, .compact_factor = 0};

struct folder_with_bad_row {
    scratch_folder folder;
    std::string path = folder / "store";

    folder_with_bad_row() {
        auto good = journal::open(path).value();
        REQUIRE(put_number(good, "a1", 1));
        REQUIRE(put_number(good, "b1", 2));
        auto bad = other_journal::open(path).value();
        REQUIRE(put<numbers_as_notes>(bad, std::string("a\0002", 3), {"no number", {}, {}}));
    }
};

const std::string bad_key("a\0002", 3);

} // namespace

TEST_CASE("rows of a table that this version does not know are kept") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const note written{"from the future", {}, {}};
    {
        auto later = later_journal::open(path).value();
        REQUIRE(put<later_things>(later, "kept", written));
        REQUIRE(put<later_things>(later, "erased", written));
        REQUIRE(put_number(later, "n", 1));
    }
    SECTION("through changes by this version") {
        auto store = journal::open(path).value();
        REQUIRE(put_number(store, "n", 2));
    }
    SECTION("through compaction by this version") {
        auto store = journal::open(path, always_compacting).value();
        REQUIRE(put_number(store, "n", 1));
        REQUIRE(put_number(store, "n", 2));
    }
    auto later = later_journal::open(path).value();
    REQUIRE(erase<later_things>(later, "erased"));
    {
        auto store = journal::open(path, always_compacting).value();
        CHECK(value_of(store, "n").value() == number{2, {}});
        REQUIRE(put_number(store, "n", 3));
    }
    CHECK(rows_from<later_things>(later).value() == rows_of<note>{{"kept", written}});
    auto again = later_journal::open(path).value();
    CHECK(rows_from<later_things>(again).value() == rows_of<note>{{"kept", written}});
}

TEST_CASE("F39 a record that cannot be read is named and hides no other") {
    const folder_with_bad_row made;
    auto store = journal::open(made.path).value();
    CHECK(value_of(store, "a1").value() == number{1, {}});
    CHECK(value_of(store, "b1").value() == number{2, {}});
    CHECK(value_of(store, "absent").value() == std::nullopt);

    const auto got = value_of(store, bad_key);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().category == errc::corrupt);
    CHECK(got.error().subject == bad_key);
    CHECK_THAT(got.error().message, Catch::Contains("a\\x002") && Catch::Contains("numbers") &&
                                        Catch::Contains("'value'"));

    std::vector<std::string> seen;
    const auto scanned = store.read([&](auto& txn) {
        return txn.template scan<numbers>("", [&](std::string_view key, const number&) {
            seen.emplace_back(key);
            return scan::next;
        });
    });
    REQUIRE_FALSE(scanned.has_value());
    CHECK(scanned.error().subject == bad_key);
    CHECK(seen == std::vector<std::string>{"a1", "b1"});
}

TEST_CASE("F39 a scan that stops before a damaged record or begins behind it does not meet it") {
    const folder_with_bad_row made;
    auto store = journal::open(made.path).value();
    REQUIRE(store.write([](auto& txn) { return txn.template put<numbers>("A", {0, {}}); }));
    const auto scan_to = [&](std::string_view from, std::string_view last) {
        return store.read([&](auto& txn) {
            return txn.template scan<numbers>(from, [&](std::string_view key, const number&) {
                return key == last ? scan::stop : scan::next;
            });
        });
    };
    CHECK(scan_to("", "A").has_value());
    CHECK_FALSE(scan_to("", "a1").has_value());
    CHECK(scan_to("a1", "").has_value());
    CHECK(rows_from<notes>(store).value().empty());

    const auto scan_prefix = [&](std::string_view prefix) {
        return store.read([&](auto& txn) {
            return podscope::scan_prefix<numbers>(
                txn, prefix, [](std::string_view, const number&) { return scan::next; });
        });
    };
    CHECK(scan_prefix("A").has_value());
    CHECK(scan_prefix("b").has_value());
    CHECK_FALSE(scan_prefix("a").has_value());
}

TEST_CASE("F39 a damaged record is kept through compaction until it is replaced or erased") {
    const folder_with_bad_row made;
    {
        auto store = journal::open(made.path, always_compacting).value();
        REQUIRE(put_number(store, "c", 3));
    }
    const auto is_bad = [&] {
        auto store = journal::open(made.path).value();
        return !value_of(store, bad_key).has_value();
    };
    CHECK(is_bad());
    auto store = journal::open(made.path).value();

    // A transaction that fails leaves it as it is.
    for (const bool replaces : {false, true}) {
        const auto failed = store.write([&](auto& txn) -> podscope::result<void> {
            auto done = replaces ? txn.template put<numbers>(bad_key, {7, {}})
                                 : txn.template erase<numbers>(bad_key);
            CHECK(done);
            CHECK(txn.template get<numbers>(bad_key).has_value());
            return podscope::fail({.category = errc::conflict});
        });
        REQUIRE_FALSE(failed);
        CHECK_FALSE(value_of(store, bad_key).has_value());
    }

    SECTION("replaced") {
        REQUIRE(put_number(store, bad_key, 7));
        CHECK(value_of(store, bad_key).value() == number{7, {}});
        CHECK(rows_from(store).value().size() == 4);
        CHECK_FALSE(is_bad());
        auto again = journal::open(made.path).value();
        CHECK(value_of(again, bad_key).value() == number{7, {}});
    }
    SECTION("erased") {
        REQUIRE(erase(store, bad_key));
        CHECK(value_of(store, bad_key).value() == std::nullopt);
        CHECK_FALSE(is_bad());
        CHECK(rows_from(store).has_value());
    }
    SECTION("erased and replaced in one transaction") {
        REQUIRE(store.write([&](auto& txn) -> podscope::result<void> {
            auto erased = txn.template erase<numbers>(bad_key);
            return erased ? txn.template put<numbers>(bad_key, {8, {}}) : erased;
        }));
        auto again = journal::open(made.path).value();
        CHECK(value_of(again, bad_key).value() == number{8, {}});
    }
}

TEST_CASE("F39 a good record that is replaced by a damaged one is not served any more") {
    const folder_with_bad_row made;
    auto store = journal::open(made.path).value();
    auto bad = other_journal::open(made.path).value();
    REQUIRE(put<numbers_as_notes>(bad, "a1", {"no number", {}, {}}));
    const auto got = value_of(store, "a1");
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().subject == "a1");
}

TEST_CASE("F39 fields of a newer version survive a journal and its compaction") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const number written{4, {{{"later", std::string("\4new", 4)}}}};
    {
        auto store = journal::open(path, always_compacting).value();
        REQUIRE(put(store, "n", written));
        REQUIRE(put_number(store, "other", 1));
    }
    auto store = journal::open(path).value();
    CHECK(value_of(store, "n").value() == written);
}

TEST_CASE("F39 a compaction by pieces of a row keeps all rows, read and unread, of all tables") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const note text{"text", {}, {}};
    {
        auto later = later_journal::open(path).value();
        for (const std::string key : {"a", "b", "c"}) {
            REQUIRE(put_number(later, key, 1));
            REQUIRE(put<notes>(later, key, text));
            REQUIRE(put<later_things>(later, key, text));
        }
    }
    {
        auto store =
            journal::open(path, {.compact_above = 400, .compact_factor = 0, .compact_piece = 1})
                .value();
        const auto which_file = [&] { return bytes_of(path + "/journal").substr(32, 8); };
        const auto before = which_file();
        std::int64_t commits = 0;
        while (which_file() == before) {
            REQUIRE(++commits < 1'000);
            REQUIRE(put_number(store, "n", commits));
        }
        CHECK(commits > 8);
    }
    auto later = later_journal::open(path).value();
    const rows_of<note> texts{{"a", text}, {"b", text}, {"c", text}};
    CHECK(rows_from<notes>(later).value() == texts);
    CHECK(rows_from<later_things>(later).value() == texts);
    CHECK(rows_from(later).value().size() == 4);
}
