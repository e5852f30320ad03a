// SPDX-License-Identifier: BSL-1.0
// What a journal makes of a file that is not as it was left.
#include "backend/scratch_folder.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/file.hpp>
#include <podscope/backend/journal.hpp>
#include <podscope/backend/journal_format.hpp>
#include <podscope/backend/journal_inspection.hpp>
#include <podscope/backend/shared_page.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>

namespace {

using namespace backend_test;
using podscope::errc;
namespace detail = podscope::backend_detail;

// What is damaged here was on the disk: of anything else a loss of power may leave as much.
using synced_journal = podscope::basic_journal<test_schema>;
// It makes no difference to who reads it.
using journal = podscope::basic_journal<test_schema, podscope::durability::process>;

constexpr podscope::journal_options always_examining{.examine_every = std::chrono::milliseconds{0}};

// Where each frame of a journal begins, by its own lengths; the end of the last one at the end.
std::vector<std::size_t> frames_of(std::string_view bytes) {
    std::vector<std::size_t> begins;
    std::size_t at = detail::journal_header::size;
    while (at < bytes.size()) {
        begins.push_back(at);
        const auto length = detail::load_fixed(bytes.data() + at + 4, 4);
        at += detail::frame_header::size + static_cast<std::size_t>(length);
    }
    begins.push_back(at);
    return begins;
}

// A folder with a journal of three transactions: a = 1, b = 2, then both replaced.
class three_transactions {
public:
    three_transactions() {
        auto store = synced_journal::open(path(), {.room = 0}).value();
        CHECK(put_number(store, "a", 1));
        CHECK(put_number(store, "b", 2));
        CHECK(store.write([](auto& txn) -> podscope::result<void> {
            CHECK(txn.template put<numbers>("a", {10, {}}));
            CHECK(txn.template erase<numbers>("b"));
            return txn.template put<notes>("n", {"a note", "with a reply", {}});
        }));
        whole = bytes_of(file());
        begins = frames_of(whole);
        REQUIRE(begins.size() == 4);
        REQUIRE(begins.back() == whole.size());
    }

    [[nodiscard]] std::string path() const { return folder_ / "store"; }

    [[nodiscard]] std::string file() const { return folder_ / "store/journal"; }

    void set(std::string_view bytes) const { set_bytes(file(), bytes); }

    std::string whole;
    std::vector<std::size_t> begins;

private:
    scratch_folder folder_;
};

const rows_of<number> rows_after_two{{"a", {1, {}}}, {"b", {2, {}}}};
const rows_of<number> rows_after_three{{"a", {10, {}}}};

} // namespace

TEST_CASE("a journal that is opened again has the same rows and goes on") {
    const three_transactions made;
    {
        auto store = journal::open(made.path()).value();
        CHECK(rows_from(store).value() == rows_after_three);
        CHECK(value_of<notes>(store, "n").value() == note{"a note", "with a reply", {}});
        REQUIRE(put_number(store, "c", 3));
    }
    auto store = journal::open(made.path()).value();
    CHECK(value_of(store, "c").value() == number{3, {}});
    CHECK(bytes_of(made.file()).starts_with(made.whole));
}

TEST_CASE("F02 a journal cut at any byte of its last transaction goes on from the one before") {
    const three_transactions made;
    for (std::size_t length = made.begins[2]; length < made.whole.size(); ++length) {
        made.set(std::string_view{made.whole}.substr(0, length));
        {
            auto store = journal::open(made.path());
            REQUIRE(store.has_value());
            REQUIRE(rows_from(*store).value() == rows_after_two);
            REQUIRE(rows_from<notes>(*store).value().empty());
            REQUIRE(bytes_of(made.file()).size() == made.begins[2]);
            REQUIRE(put_number(*store, "next", 5));
        }
        auto store = journal::open(made.path()).value();
        REQUIRE(value_of(store, "next").value() == number{5, {}});
        REQUIRE(rows_from(store).value().size() == 3);
    }
}

TEST_CASE("F02 a last transaction with any byte wrong is dropped as torn") {
    const three_transactions made;
    for (std::size_t at = made.begins[2]; at < made.whole.size(); ++at) {
        std::string torn = made.whole;
        torn[at] = static_cast<char>(torn[at] ^ 0x10);
        made.set(torn);
        auto store = journal::open(made.path());
        REQUIRE(store.has_value());
        REQUIRE(rows_from(*store).value() == rows_after_two);
        REQUIRE(put_number(*store, "next", 5));
        REQUIRE(frames_of(bytes_of(made.file())).size() == 4);
    }
}

TEST_CASE("F02 zeros behind the last transaction are room for the next") {
    const three_transactions made;
    for (const std::size_t zeros : {1U, 23U, 24U, 5000U, 600000U}) {
        made.set(made.whole + std::string(zeros, '\0'));
        {
            auto store = journal::open(made.path()).value();
            CHECK(rows_from(store).value() == rows_after_three);
            CHECK(bytes_of(made.file()) == made.whole + std::string(zeros, '\0'));
            REQUIRE(put_number(store, "next", 5));
        }
        CHECK(bytes_of(made.file()).starts_with(made.whole));
        auto store = journal::open(made.path()).value();
        CHECK(value_of(store, "next").value() == number{5, {}});
    }
}

TEST_CASE("F02 what is neither zeros nor a transaction behind the last one is cut off") {
    const three_transactions made;
    for (const std::size_t zeros : {1U, 28U, 5000U, 600000U}) {
        made.set(made.whole + std::string(zeros, '\0') + "x");
        auto store = journal::open(made.path()).value();
        CHECK(rows_from(store).value() == rows_after_three);
        CHECK(bytes_of(made.file()) == made.whole);
    }
}

TEST_CASE("F02 a torn transaction that holds the bytes of a journal is not taken for damage") {
    const three_transactions made;
    std::size_t begin = 0;
    {
        auto store = journal::open(made.path()).value();
        REQUIRE(put<notes>(store, "copy", {made.whole + made.whole, {}, {}}));
        begin = made.whole.size();
    }
    const auto bytes = bytes_of(made.file());
    for (const std::size_t missing : {std::size_t{1}, std::size_t{40}, bytes.size() - begin - 30}) {
        made.set(std::string_view{bytes}.substr(0, bytes.size() - missing));
        auto store = journal::open(made.path());
        REQUIRE(store.has_value());
        CHECK(rows_from(*store).value() == rows_after_three);
        CHECK(bytes_of(made.file()) == made.whole);
    }
}

TEST_CASE("F04 a wrong byte anywhere before the last transaction is named and nothing is changed") {
    const three_transactions made;
    for (std::size_t at = 0; at < made.begins[2]; ++at) {
        std::size_t begin = 0;
        for (const auto each : made.begins) {
            begin = each <= at ? each : begin;
        }
        for (const int change : {0x01, 0x80, 0xFF}) {
            std::string damaged = made.whole;
            damaged[at] = static_cast<char>(damaged[at] ^ change);
            made.set(damaged);
            const auto store = journal::open(made.path());
            REQUIRE_FALSE(store.has_value());
            REQUIRE(store.error().category == errc::corrupt);
            REQUIRE(store.error().offset == begin);
            REQUIRE(store.error().path == made.file());
            REQUIRE(bytes_of(made.file()) == damaged);
        }
    }
}

TEST_CASE("F04 a byte too few or too many before the last transaction is damage") {
    const three_transactions made;
    for (std::size_t at = 0; at < made.begins[2]; ++at) {
        for (const bool added : {false, true}) {
            std::string damaged = made.whole;
            if (added) {
                damaged.insert(at, 1, '\0');
            } else {
                damaged.erase(at, 1);
            }
            made.set(damaged);
            const auto store = journal::open(made.path());
            REQUIRE_FALSE(store.has_value());
            REQUIRE(store.error().category == errc::corrupt);
            REQUIRE(bytes_of(made.file()) == damaged);
        }
    }
}

TEST_CASE("F04 a transaction that is missing whole is damage") {
    const three_transactions made;
    std::string damaged = made.whole;
    damaged.erase(made.begins[1], made.begins[2] - made.begins[1]);
    made.set(damaged);
    const auto store = journal::open(made.path());
    REQUIRE_FALSE(store.has_value());
    CHECK(store.error().category == errc::corrupt);
    CHECK(store.error().offset == made.begins[1]);
    CHECK(bytes_of(made.file()) == damaged);
}

TEST_CASE("F04 damage is told from a torn end across any distance") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = folder / "store/journal";
    {
        auto store = synced_journal::open(path, {.room = 0}).value();
        REQUIRE(put<notes>(store, "long", {std::string(700'001, 'x'), {}, {}}));
        REQUIRE(put_number(store, "after", 1));
    }
    const auto whole = bytes_of(file);
    const auto begins = frames_of(whole);
    for (const auto at : {begins[0] + 4, begins[0] + 7, begins[0] + 300'000, begins[1] - 1}) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
        set_bytes(file, damaged);
        const auto store = journal::open(path);
        REQUIRE_FALSE(store.has_value());
        CHECK(store.error().category == errc::corrupt);
        CHECK(store.error().offset == begins[0]);
        CHECK(bytes_of(file) == damaged);
    }
}

TEST_CASE("F04 a transaction behind damage is found wherever it begins") {
    const scratch_folder folder;
    const auto bytes_with_text = [&](std::size_t length) {
        const std::string path = folder / ("store" + std::to_string(length));
        auto store = synced_journal::open(path, {.room = 0}).value();
        REQUIRE(put<notes>(store, "long", {std::string(length, 'x'), {}, {}}));
        REQUIRE(put_number(store, "after", 1));
        return bytes_of(path + "/journal");
    };
    // The search goes in steps of 4096 bytes from the damage on.
    constexpr std::size_t second_step = detail::journal_header::size + 1 + 4096;
    constexpr std::size_t some_length = 4000;
    const auto overhead = frames_of(bytes_with_text(some_length))[1] - some_length;
    for (std::size_t begin = second_step - detail::frame_header::size; begin < second_step + 2;
         ++begin) {
        const auto length = begin - overhead;
        std::string bytes = bytes_with_text(length);
        REQUIRE(frames_of(bytes)[1] == begin);
        bytes[100] = '!';
        const std::string path = folder / ("store" + std::to_string(length));
        set_bytes(path + "/journal", bytes);
        const auto store = journal::open(path);
        REQUIRE_FALSE(store.has_value());
        REQUIRE(store.error().category == errc::corrupt);
    }
}

TEST_CASE("F04 an open handle serves nothing from a damaged place on") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = folder / "store/journal";
    auto reading = journal::open(path).value();
    auto writing = journal::open(path).value();
    REQUIRE(put_number(writing, "a", 1));
    REQUIRE(value_of(reading, "a").value() == number{1, {}});
    const auto good = bytes_of(file).size();
    REQUIRE(put_number(writing, "a", 2));
    REQUIRE(put_number(writing, "a", 3));
    std::string damaged = bytes_of(file);
    damaged[good + 30] = static_cast<char>(damaged[good + 30] ^ 1);
    set_bytes(file, damaged);

    for (int again = 0; again < 2; ++again) {
        const auto read = value_of(reading, "a");
        REQUIRE_FALSE(read.has_value());
        CHECK(read.error().category == errc::corrupt);
        CHECK(read.error().offset == good);
        const auto written = put_number(reading, "a", 4);
        REQUIRE_FALSE(written.has_value());
        CHECK(written.error().category == errc::corrupt);
    }
    CHECK(bytes_of(file) == damaged);
}

TEST_CASE(
    "F04 an open handle tells damage from what a loss of power takes, which it would not see") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = folder / "store/journal";
    auto reading = journal::open(path).value();
    auto writing = journal::open(path).value();
    const auto begin = bytes_of(file).size();
    REQUIRE(put_number(writing, "a", 1));
    REQUIRE(put_number(writing, "b", 2));
    const auto damaged = [&] {
        std::string bytes = bytes_of(file);
        bytes[begin + 30] = static_cast<char>(bytes[begin + 30] ^ 1);
        return bytes;
    }();
    set_bytes(file, damaged);
    CHECK(value_of(reading, "b").error().category == errc::corrupt);
    CHECK(bytes_of(file) == damaged);
    // Who comes later cannot tell: neither of the two was known to be on the disk.
    auto later = journal::open(path).value();
    CHECK(rows_from(later).value().empty());
    CHECK(bytes_of(file).size() == begin);
}

TEST_CASE("F04 a journal that shrinks under an open handle is damage") {
    const three_transactions made;
    auto store = journal::open(made.path(), always_examining).value();
    made.set(std::string_view{made.whole}.substr(0, made.begins[1]));
    const auto written = put_number(store, "a", 4);
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().category == errc::corrupt);
    CHECK(written.error().offset == made.begins[1]);
}

TEST_CASE("F04 damage in a snapshot is no torn end even in its last byte") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = folder / "store/journal";
    {
        auto store = journal::open(path, {.compact_above = 0, .compact_factor = 0}).value();
        REQUIRE(put_number(store, "a", 1));
        REQUIRE(put<notes>(store, "n", {"text", {}, {}}));
    }
    // With nothing behind the snapshot, and with a transaction there.
    for (const bool goes_on : {false, true}) {
        const auto snapshot_end = bytes_of(file).size();
        if (goes_on) {
            auto store = journal::open(path).value();
            REQUIRE(put_number(store, "b", 2));
        }
        const auto whole = bytes_of(file);
        for (std::size_t at = 0; at < snapshot_end; ++at) {
            std::string damaged = whole;
            damaged[at] = static_cast<char>(damaged[at] ^ 4);
            set_bytes(file, damaged);
            const auto store = journal::open(path);
            REQUIRE_FALSE(store.has_value());
            REQUIRE(store.error().category == errc::corrupt);
            REQUIRE(bytes_of(file) == damaged);
        }
        for (std::size_t length = 1; length < snapshot_end; ++length) {
            set_bytes(file, std::string_view{whole}.substr(0, length));
            const auto store = journal::open(path);
            REQUIRE_FALSE(store.has_value());
            REQUIRE(store.error().category == errc::corrupt);
        }
        set_bytes(file, whole);
        auto store = journal::open(path).value();
        REQUIRE(value_of(store, "a").value() == number{1, {}});
        REQUIRE(value_of(store, "b").value().has_value() == goes_on);
    }
}

TEST_CASE("F05 an empty file is a new journal and so is a header alone") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    const std::string file = folder / "store/journal";
    std::filesystem::create_directory(path);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    set_bytes(file, "");
    std::filesystem::permissions(file, std::filesystem::perms::owner_read |
                                           std::filesystem::perms::owner_write);
    {
        auto store = journal::open(path).value();
        CHECK(rows_from(store).value().empty());
    }
    CHECK(bytes_of(file).size() == detail::journal_header::size);
    {
        auto store = journal::open(path).value();
        CHECK(rows_from(store).value().empty());
        REQUIRE(put_number(store, "a", 1));
    }
    auto store = journal::open(path).value();
    CHECK(value_of(store, "a").value() == number{1, {}});
}

TEST_CASE("F05 half a header or garbage or another magic is corrupt and left as it is") {
    const three_transactions made;
    std::vector<std::string> wrong;
    for (std::size_t length = 1; length < detail::journal_header::size; ++length) {
        wrong.push_back(made.whole.substr(0, length));
    }
    wrong.push_back("SQLite format 3" + made.whole.substr(15));
    wrong.emplace_back(4096, '\0');
    wrong.emplace_back(4096, 'g');
    for (const auto& bytes : wrong) {
        made.set(bytes);
        const auto store = journal::open(made.path());
        REQUIRE_FALSE(store.has_value());
        REQUIRE(store.error().category == errc::corrupt);
        REQUIRE(store.error().path == made.file());
        REQUIRE(store.error().offset == 0U);
        REQUIRE(bytes_of(made.file()) == bytes);
    }
}

TEST_CASE("F05 a journal of a newer version of the format is refused as that") {
    const three_transactions made;
    detail::journal_header header{.version = 3, .store = 1, .file = 2, .sequence = 3};
    const auto bytes = detail::encode_header(header);
    const std::string newer = std::string{bytes.data(), bytes.size()} + "whatever comes";
    made.set(newer);
    const auto store = journal::open(made.path());
    REQUIRE_FALSE(store.has_value());
    CHECK(store.error().category == errc::unsupported_version);
    CHECK(store.error().path == made.file());
    CHECK(bytes_of(made.file()) == newer);
}

TEST_CASE("F05 a lock file of any content is put right and one of a newer version is refused") {
    const three_transactions made;
    const std::string lock = made.path() + "/journal.lock";
    for (const auto& content : {std::string{}, std::string(100, 'g'), std::string(4096, '\xFF')}) {
        set_bytes(lock, content);
        auto store = journal::open(made.path()).value();
        CHECK(rows_from(store).value() == rows_after_three);
        CHECK(bytes_of(lock).size() == 4096);
        auto other = journal::open(made.path()).value();
        REQUIRE(put_number(other, "seen", 1));
        CHECK(value_of(store, "seen").value().has_value());
        REQUIRE(erase(store, "seen"));
    }
    std::string newer = bytes_of(lock);
    newer[16] = '\3';
    set_bytes(lock, newer);
    const auto store = journal::open(made.path());
    REQUIRE_FALSE(store.has_value());
    CHECK(store.error().category == errc::unsupported_version);
}

TEST_CASE("a journal that is removed or exchanged under an open handle is an error") {
    const three_transactions made;
    auto store = journal::open(made.path(), always_examining).value();
    SECTION("removed") {
        std::filesystem::remove(made.file());
    }
    SECTION("exchanged for a new one") {
        std::filesystem::remove(made.file());
        auto other = journal::open(made.path()).value();
        for (int i = 0; i < 5; ++i) {
            REQUIRE(put_number(other, "a", i));
        }
    }
    SECTION("exchanged for an older copy of itself") {
        set_bytes(made.file() + ".copy", std::string_view{made.whole}.substr(0, made.begins[1]));
        std::filesystem::permissions(made.file() + ".copy",
                                     std::filesystem::perms::owner_read |
                                         std::filesystem::perms::owner_write);
        std::filesystem::rename(made.file() + ".copy", made.file());
    }
    const auto written = put_number(store, "a", 4);
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().category == errc::corrupt);
}

TEST_CASE("a lock file that is removed under an open handle is an error") {
    const three_transactions made;
    auto store = journal::open(made.path(), always_examining).value();
    std::filesystem::remove(made.path() + "/journal.lock");
    const auto written = put_number(store, "a", 4);
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().category == errc::io);
    CHECK(journal::open(made.path()).has_value());
}

TEST_CASE("a lock file that is removed while a commit waits for the lock is an error") {
    using clock = std::chrono::steady_clock;
    const three_transactions made;
    constexpr std::chrono::milliseconds every{200};
    auto holder = journal::open(made.path()).value();
    auto store = journal::open(made.path(), {.examine_every = every}).value();
    std::optional<podscope::result<void>> written;
    std::jthread waiting;
    const auto held = holder.write([&](auto&) -> podscope::result<void> {
        waiting = std::jthread{[&] { written = put_number(store, "a", 4); }};
        // Until what the other one saw when it was opened is too old.
        for (const auto until = clock::now() + 2 * every; clock::now() < until;) {
            std::this_thread::yield();
        }
        std::filesystem::remove(made.path() + "/journal.lock");
        return {};
    });
    waiting.join();
    CHECK(held.has_value());
    REQUIRE(written);
    REQUIRE_FALSE(written->has_value());
    CHECK(written->error().category == errc::io);
}

TEST_CASE("F05 a journal with a header or a transaction that makes no sense is refused") {
    const three_transactions made;
    detail::journal_header header{.store = 1, .file = 2};
    const auto frame = [&](std::uint64_t sequence, std::uint16_t transactions) {
        std::string bytes(detail::frame_header::size, '\0');
        detail::seal_frame(bytes, header.file, sequence, transactions);
        return bytes;
    };
    std::string frames;
    SECTION("a snapshot that ends before it begins") {
        header.snapshot_end = detail::journal_header::size - 1;
    }
    SECTION("a version that never was") {
        header.version = 0;
    }
    SECTION("no transaction where there are only transactions") {
        frames = frame(1, 1) + frame(1, 0);
    }
    SECTION("a transaction in the snapshot") {
        header.snapshot_end += detail::frame_header::size;
        frames = frame(1, 1);
    }
    const auto bytes = detail::encode_header(header);
    const std::string senseless = std::string{bytes.data(), bytes.size()} + frames;
    made.set(senseless);
    auto store = journal::open(made.path());
    const auto refused = store ? value_of(*store, "a").error() : store.error();
    CHECK(refused.category == errc::corrupt);
    CHECK(refused.path == made.file());
    CHECK(bytes_of(made.file()) == senseless);
    if (!frames.empty()) {
        const auto seen = podscope::inspect_journal(made.file(), [](const auto&) {});
        REQUIRE_FALSE(seen.has_value());
        CHECK(seen.error().category == errc::corrupt);
        CHECK(seen.error().offset == refused.offset);
    }
}

TEST_CASE("F04 whatever the page of a journal says, its file is what counts") {
    const three_transactions made;
    auto store = journal::open(made.path()).value();
    auto other = journal::open(made.path()).value();
    REQUIRE(value_of(store, "a").value() == number{10, {}});
    REQUIRE(put_number(other, "a", 11));
    detail::file_descriptor lock;
    REQUIRE(detail::open_at(AT_FDCWD, (made.path() + "/journal.lock").c_str(), O_RDWR, lock) == 0);
    auto page = detail::shared_page::open(lock.get(), "page").value();
    const auto right = page.published();
    SECTION("the end of another file") {
        page.publish({right.file + 1, right.end});
    }
    SECTION("an end before the first transaction") {
        page.publish({right.file, 1});
    }
    SECTION("an end behind the last one") {
        page.publish({right.file, right.end + 1'000'000});
    }
    SECTION("somebody at work who began nowhere") {
        page.publish({right.file, 1});
        page.set_unsynced(2, 1);
        page.set_appending(true);
    }
    SECTION("somebody at work who began behind the end") {
        page.set_unsynced(2, right.end + 1'000'000);
        page.set_appending(true);
    }
    CHECK(value_of(store, "a").value() == number{11, {}});
    REQUIRE(put_number(store, "a", 12));
    CHECK(value_of(other, "a").value() == number{12, {}});
    CHECK(page.published().file == right.file);
    CHECK(page.published().end > right.end);
    auto again = journal::open(made.path()).value();
    CHECK(value_of(again, "a").value() == number{12, {}});
}
