// SPDX-License-Identifier: BSL-1.0
// F03: what a loss of power may leave of the writes since the last sync, in a life of a journal in
// which calls fail and only half of a write fits. verify/power_cut.hpp has the model of the disk.
#include "backend/scratch_folder.hpp"
#include "backend/system_faults.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"

#include <podscope/backend/journal.hpp>
#include <podscope/verify/power_cut.hpp>
#include <podscope/verify/recorded_files.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include <sys/stat.h>

namespace {

using namespace backend_test;
using podscope::verify::chance;
using podscope::verify::file_event;

using journal = podscope::basic_journal<test_schema>;
using lesser_journal = podscope::basic_journal<test_schema, podscope::durability::process>;

ino_t inode_of(const std::string& path) {
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_ino;
}

// Every transaction writes its number and a row that is longer than a sector.
std::string text_of(std::int64_t number) {
    return std::string(static_cast<std::size_t>(600 + 10 * number),
                       static_cast<char>('a' + number % 26));
}

template <class Store>
bool commit(Store& store, std::int64_t i) {
    return store
        .write([&](auto& txn) -> podscope::result<void> {
            auto put = txn.template put<numbers>("n", {i, {}});
            return put ? txn.template put<notes>(std::to_string(i), {text_of(i), {}, {}}) : put;
        })
        .has_value();
}

// What a journal goes through in its life, with all that a disk is told meanwhile: commits by two
// handles of which one compacts, a commit that only half fits, a compaction that dies between the
// new name and its sync, opening again.
std::vector<file_event> trace_of_a_life(const std::string& path) {
    constexpr podscope::journal_options compacting{.compact_above = 1500, .compact_factor = 1};
    system_trace trace;
    std::int64_t next = 1;
    const auto commit_by = [&](auto& store) {
        REQUIRE(commit(store, next));
        trace.mark(static_cast<std::uint64_t>(next++));
    };
    auto one = std::make_optional(journal::open(path, compacting).value());
    auto two = journal::open(path, {.compact_above = 1U << 30}).value();
    for (int i = 0; i < 2; ++i) {
        commit_by(*one);
        commit_by(two);
    }
    {
        int writes = 0;
        const system_faults faults{[&](system_call called) {
            const bool is_write = called == system_call::write;
            return is_write && ++writes == 1 ? fate{.what = fate::kind::stops_short, .length = 700}
                   : is_write                ? failing(ENOSPC)
                                             : fate{};
        }};
        REQUIRE_FALSE(commit(two, next));
    }
    commit_by(two);
    commit_by(two);
    {
        // The first sync is the commit's, two are the new file's, the fourth the folder's.
        int syncs = 0;
        const system_faults faults{[&](system_call called) {
            return called == system_call::sync && ++syncs == 4 ? failing(EIO) : fate{};
        }};
        commit_by(*one);
        REQUIRE(syncs == 4);
    }
    REQUIRE_FALSE(commit(*one, next));
    commit_by(two);
    one.emplace(journal::open(path, compacting).value());
    for (int i = 0; i < 3; ++i) {
        commit_by(*one);
        commit_by(two);
    }
    return trace.events();
}

// A life in which others that promise no more than `process` commit between those of `power`, take
// over what somebody left whose sync had failed, and compact.
std::vector<file_event> trace_of_a_mixed_life(const std::string& path) {
    system_trace trace;
    std::int64_t next = 1;
    const auto commit_by = [&](auto& store, int times) {
        for (int i = 0; i < times; ++i) {
            REQUIRE(commit(store, next));
            if (std::decay_t<decltype(store)>::durable == podscope::durability::power) {
                trace.mark(static_cast<std::uint64_t>(next));
            }
            ++next;
        }
    };
    const auto fail_and_leave = [&](journal& store) {
        const system_faults faults{[&](system_call called) {
            const bool fails = called == system_call::sync || called == system_call::cut;
            return fails ? failing(EIO) : fate{};
        }};
        REQUIRE_FALSE(commit(store, next++));
    };
    auto power = std::make_optional(journal::open(path).value());
    auto process = std::make_optional(lesser_journal::open(path).value());
    commit_by(*process, 2);
    commit_by(*power, 2);
    commit_by(*process, 3);
    commit_by(*power, 1);
    fail_and_leave(*power);
    commit_by(*process, 1);
    power.emplace(journal::open(path).value());
    commit_by(*power, 1);
    commit_by(*process, 1);
    process.emplace(
        lesser_journal::open(path, {.compact_above = 1500, .compact_factor = 1}).value());
    commit_by(*process, 1);
    commit_by(*power, 1);
    return trace.events();
}

// Opens what is left and says what is wrong with it. There may be more than was acknowledged, up to
// so many.
std::string finding_of(const std::string& path, std::int64_t acknowledged, std::int64_t more) {
    auto store = lesser_journal::open(path);
    if (!store) {
        return to_string(store.error());
    }
    const auto count = value_of(*store, "n").value().value_or(number{}).value;
    if (count < acknowledged || count > acknowledged + more) {
        return std::to_string(acknowledged) + " were acknowledged and " + std::to_string(count) +
               " are there";
    }
    const auto rows = rows_from<notes>(*store).value();
    if (rows.size() != static_cast<std::size_t>(count)) {
        return "a part of a transaction is missing";
    }
    for (const auto& [key, row] : rows) {
        if (row.text != text_of(std::stoll(key))) {
            return "a row is not what was written";
        }
    }
    return commit(*store, count + 1) ? "" : "it cannot go on";
}

// Cuts the power after each event, in many ways. What each has left is to be without fault.
int cut_power_everywhere(const std::string& path,
                         const std::vector<file_event>& events,
                         std::int64_t more) {
    const scratch_folder folder;
    const auto last_page = bytes_of(path + "/journal.lock");
    std::mt19937 random{11};
    int cuts = 0;

    podscope::verify::power_cut disk{inode_of(path)};
    const auto cut_power = [&](auto luck) {
        const std::string left = folder / "left";
        std::filesystem::remove_all(left);
        REQUIRE(::mkdir(left.c_str(), 0700) == 0);
        for (const auto& [name, content] : disk.left(luck)) {
            set_bytes(left + "/" + name, content);
            REQUIRE(::chmod((left + "/" + name).c_str(), 0600) == 0);
        }
        if (random() % 2 == 0) {
            // The page is written back when the system likes, so it may be of any time.
            set_bytes(left + "/journal.lock", last_page);
            REQUIRE(::chmod((left + "/journal.lock").c_str(), 0600) == 0);
        }
        ++cuts;
        return finding_of(left, static_cast<std::int64_t>(disk.acknowledged()), more);
    };
    for (std::size_t i = 0; i < events.size(); ++i) {
        disk.happen(events[i]);
        CAPTURE(i, cuts);
        REQUIRE(cut_power([] { return chance::kept; }) == "");
        REQUIRE(cut_power([] { return chance::dropped; }) == "");
        if (disk.questions() == 0) {
            continue;
        }
        REQUIRE(cut_power([] { return chance::zeros; }) == "");
        for (int again = 0; again < 12; ++again) {
            const auto luck = [&] { return static_cast<chance>(random() % 3); };
            REQUIRE(cut_power(luck) == "");
        }
    }
    return cuts;
}

} // namespace

TEST_CASE("F03 whatever a loss of power keeps of the writes since the last sync all that was "
          "acknowledged is there") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    const auto events = trace_of_a_life(path);
    CHECK(std::ranges::count(events, file_event::kind::renamed, &file_event::what) >= 4);
    CHECK(cut_power_everywhere(path, events, 1) > 500);
}

TEST_CASE("F03 what handles of less durability write takes nothing away that was acknowledged") {
    const scratch_folder folder;
    const std::string path = folder / "store";
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    const auto events = trace_of_a_mixed_life(path);
    CHECK(cut_power_everywhere(path, events, 4) > 200);
}
