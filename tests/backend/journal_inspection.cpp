// SPDX-License-Identifier: BSL-1.0
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_inspection.hpp>
#include <podscope/backend/record_text.hpp>
#include <podscope/backend/wire.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace {

using namespace backend_test;
using podscope::errc;

using journal = podscope::basic_journal<test_schema, podscope::durability::process>;
using synced_journal = podscope::basic_journal<test_schema>;

const auto nothing = [](const podscope::inspected_frame&) {};

// A journal in the first version of the format, as it was written then: a snapshot that was made
// while transactions went on, and those behind it.
std::string old_journal() {
    return bytes_of(std::filesystem::path{__FILE__}.parent_path() / "data" / "journal.v1");
}

void place(const std::string& folder, const std::string& bytes) {
    REQUIRE(::mkdir(folder.c_str(), 0700) == 0);
    set_bytes(folder + "/journal", bytes);
    REQUIRE(::chmod((folder + "/journal").c_str(), 0600) == 0);
}

} // namespace

TEST_CASE("a journal of format 1 opens for ever after") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    place(path, old_journal());
    const rows_of<number> numbers_then{
        {"key0", {10, {}}}, {"key1", {11, {}}}, {"key2", {12, {}}}, {"key3", {13, {}}}};
    const rows_of<note> notes_then{{"note0", {std::string(32, 'm'), std::nullopt, {}}},
                                   {"note1", {std::string(33, 'n'), "reply", {}}},
                                   {"note2", {std::string(30, 'k'), std::nullopt, {}}},
                                   {"note3", {std::string(31, 'l'), "reply", {}}}};
    {
        auto store = journal::open(path).value();
        CHECK(rows_from(store).value() == numbers_then);
        CHECK(rows_from<notes>(store).value() == notes_then);
        REQUIRE(put_number(store, "key3", 14));
    }
    CHECK(bytes_of(path + "/journal").starts_with(old_journal()));
    auto store = journal::open(path).value();
    CHECK(value_of(store, "key3").value() == number{14, {}});
}

TEST_CASE("F06 a compacted journal that is cut off before the end it was given is damaged") {
    const scratch_folder folder;
    const auto whole = old_journal();
    // Behind the snapshot stands a transaction that it does not make sense without, and then one
    // that came later.
    constexpr std::size_t snapshot_end = 464;
    constexpr std::size_t whole_end = 518;
    for (std::size_t length = snapshot_end; length < whole_end; ++length) {
        const std::string path = folder / ("cut" + std::to_string(length));
        place(path, whole.substr(0, length));
        CHECK(journal::open(path).error().category == errc::corrupt);
        CHECK(podscope::inspect_journal(path + "/journal", nothing).error().category ==
              errc::corrupt);
        CHECK(bytes_of(path + "/journal") == whole.substr(0, length));
    }
    const std::string path = folder / "last cut off";
    place(path, whole.substr(0, whole_end));
    auto store = journal::open(path).value();
    CHECK(value_of<notes>(store, "note1").value()->text == std::string(29, 'j'));
}

TEST_CASE("an inspection says what is in a journal and changes nothing") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = path + "/journal";
    place(path, old_journal() + std::string(100, '\0') + "x");
    const auto before = bytes_of(file);
    std::vector<std::string> seen;
    const auto found = podscope::inspect_journal(file, [&](const auto& frame) {
        const bool whole = podscope::for_each_operation(
            frame.payload, [&](bool is_put, auto table, auto key, auto record) {
                seen.push_back(std::string{is_put ? "put " : "erase "} + std::string{table} + " " +
                               std::string{key} + " " + podscope::record_to_text(record));
            });
        CHECK(whole);
    });
    REQUIRE(found.has_value());
    CHECK(found->version == 1);
    CHECK(found->frames == 4);
    CHECK(found->operations == 10);
    CHECK(found->snapshot_sequence == 30);
    CHECK(found->sequence == 32);
    CHECK(found->end == old_journal().size());
    CHECK(found->size == before.size());
    CHECK(found->is_torn);
    CHECK(seen.size() == 10);
    CHECK(seen[8] == "put numbers key3 {value: 13}");
    CHECK(seen[9] ==
          R"(put notes note1 {text: ")" + std::string(33, 'n') + R"(", reply: "reply"})");
    CHECK(bytes_of(file) == before);
}

TEST_CASE("F04 an inspection finds the damage that opening finds") {
    const scratch_folder folder;
    const auto whole = old_journal();
    for (std::size_t at = 0; at < whole.size(); at += 7) {
        const std::string path = folder / std::to_string(at);
        auto damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
        place(path, damaged);
        const auto found = podscope::inspect_journal(path + "/journal", nothing);
        auto store = journal::open(path);
        INFO("byte " << at);
        REQUIRE(found.has_value() == store.has_value());
        if (!found) {
            CHECK(found.error().category == store.error().category);
            CHECK(found.error().offset == store.error().offset);
        }
    }
}

TEST_CASE("an inspection beside others who commit finds no damage where there is none") {
    const bool syncs = GENERATE(true, false);
    const scratch_folder folder;
    const std::string path = folder / "store";
    // More room than is read ahead.
    auto store = synced_journal::open(path, {.room = 1U << 20}).value();
    auto lesser = journal::open(path).value();
    REQUIRE(put_number(store, "n", 1));
    constexpr int later = 10;
    const std::string text(40'000, 'x');
    bool is_first = true;
    const auto found = podscope::inspect_journal(path + "/journal", [&](const auto&) {
        for (int i = 0; is_first && i < later; ++i) {
            const note row{text, {}, {}};
            REQUIRE((syncs ? put<notes>(store, "k", row) : put<notes>(lesser, "k", row)));
        }
        is_first = false;
    });
    REQUIRE(found.has_value());
    CHECK(found->sequence == 1 + later);
    CHECK(found->operations == 1 + later);
    CHECK_FALSE(found->is_torn);
}

TEST_CASE("bytes that are no record are shown as they are") {
    CHECK(podscope::record_to_text("") == "unreadable \"\"");
    CHECK(podscope::record_to_text("\x02rest") == "unreadable \"\\x02rest\"");
    const auto good = podscope::encode_record(note{"quoted \" and \x01", "reply", {}});
    CHECK(podscope::record_to_text(good) == R"({text: "quoted \" and \x01", reply: "reply"})");
    for (std::size_t length = 1; length < good.size(); ++length) {
        CHECK_THAT(podscope::record_to_text(std::string_view{good}.substr(0, length)),
                   Catch::StartsWith("unreadable "));
    }
}

TEST_CASE("a record within records to any depth is shown or is unreadable, and ends no process") {
    // A structure with one field of no name that is a structure or a list, and so on.
    const auto within = [](char kind, int depth) {
        std::string value(1, '\0');
        for (int i = 0; i != depth; ++i) {
            std::string outer;
            if (kind == 7) {
                outer = std::string{"\1\0\7", 3};
            } else {
                outer = std::string{"\6", 1};
            }
            podscope::backend_detail::put_text(outer, value);
            value = std::move(outer);
        }
        std::string record{"\1\1\0", 3};
        record.push_back(kind);
        podscope::backend_detail::put_text(record, value);
        return record;
    };
    for (const char kind : {'\6', '\7'}) {
        CAPTURE(int{kind});
        CHECK_THAT(podscope::record_to_text(within(kind, 5)),
                   Catch::StartsWith(kind == 7 ? "{: {: {: " : "{: [[["));
        CHECK_THAT(podscope::record_to_text(within(kind, 40)), Catch::StartsWith("unreadable"));
        CHECK_THAT(podscope::record_to_text(within(kind, 10'000)), Catch::StartsWith("unreadable"));
    }
}
