// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/verify/conformance/session_view.hpp>
#include <podscope/verify/conformance/trial.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What a session store promises of its segments.
namespace podscope::verify::conformance {

[[nodiscard]] inline session_entry some_entry(std::uint64_t index) {
    return {"kind" + std::to_string(index % 3), "body " + std::to_string(index)};
}

/// A new segment with so many entries, which are steps of the trial.
[[nodiscard]] inline std::string segment_of(trial& t, any_sessions& store, std::uint64_t entries) {
    t.step("create a segment, append " + std::to_string(entries) + " entries");
    auto id = t.must(store.create({}), "creating it");
    for (std::uint64_t i = 0; i < entries; ++i) {
        t.equal(t.must(store.append(id, some_entry(i)), "appending"), i, "appending");
    }
    return id;
}

/// The entries from an index on; fails the trial unless each comes with its own index.
[[nodiscard]] inline std::vector<session_entry>
entries_of(trial& t, any_sessions& store, std::string_view id, std::uint64_t from = 0) {
    std::vector<session_entry> seen;
    std::uint64_t next = from;
    bool in_order = true;
    t.must(store.read(id, from,
                      [&](std::uint64_t index, const session_entry& entry) {
                          in_order = in_order && index == next++;
                          seen.push_back(entry);
                          return scan::next;
                      }),
           "reading it");
    t.expect(in_order, "an entry came with another index than its own");
    return seen;
}

inline void gives_entries_in_order(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    constexpr std::uint64_t count = 7;
    const auto id = segment_of(t, *store.store, count);
    for (const std::uint64_t from : {std::uint64_t{0}, std::uint64_t{3}, count - 1, count,
                                     count + 2, std::numeric_limits<std::uint64_t>::max()}) {
        t.step("read it from index " + std::to_string(from));
        const auto found = entries_of(t, *store.store, id, from);
        t.equal(found.size(), count - std::min(from, count), "the number of entries");
        for (std::size_t i = 0; i < found.size(); ++i) {
            t.expect(found[i] == some_entry(from + i), "an entry is not what was appended");
        }
    }
}

inline void stops_when_told(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const auto id = segment_of(t, *store.store, 5);
    t.step("read until the visitor says stop at index 2");
    std::uint64_t seen = 0;
    t.must(store->read(id, 0,
                       [&](std::uint64_t index, const session_entry&) {
                           ++seen;
                           return index == 2 ? scan::stop : scan::next;
                       }),
           "that");
    t.equal(seen, 3U, "the number of entries");
}

inline void keeps_lineage(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const std::vector<lineage> all{
        {},
        {.forked_from = "8d3f", .at = 17},
        {.compacted_from = "a \"quoted\"\nname \xC3\xA9",
         .at = std::numeric_limits<std::uint64_t>::max()},
        {.forked_from = "x", .compacted_from = "y", .at = 1},
        {.at = 3},
    };
    for (const auto& from : all) {
        t.step("create a segment forked from " + in_quotes(from.forked_from) + ", compacted from " +
               in_quotes(from.compacted_from) + ", at " + std::to_string(from.at));
        const auto id = t.must(store->create(from), "that");
        for (const std::uint64_t entries : {0U, 1U}) {
            const auto info = t.must(store->info(id), "its info");
            t.expect(info.comes_from == from, "its lineage is another one");
            t.equal(info.entries, entries, "its number of entries");
            t.expect(!info.torn_tail, "its last entry is said to be torn");
            if (entries == 0) {
                t.step("append an entry");
                t.equal(t.must(store->append(id, some_entry(0)), "that"), 0U, "that");
            }
        }
    }
}

inline void lists_segments(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    t.equal(t.must(store->list(), "the list of a new store"), {}, "the list of a new store");
    std::vector<std::string> ids;
    t.step("create 20 segments");
    for (int i = 0; i < 20; ++i) {
        ids.push_back(t.must(store->create({}), "that"));
    }
    std::ranges::sort(ids);
    t.expect(std::ranges::adjacent_find(ids) == ids.end(), "two have the same id");
    auto listed = t.must(store->list(), "the list");
    std::ranges::sort(listed);
    t.equal(listed, ids, "the list");
}

inline void keeps_segments_apart(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const auto one = segment_of(t, *store.store, 3);
    const auto other = segment_of(t, *store.store, 1);
    t.equal(t.must(store->info(one), "the first's info").entries, 3U, "the first's entries");
    t.equal(t.must(store->info(other), "the second's info").entries, 1U, "the second's entries");
    t.equal(entries_of(t, *store.store, one).size(), 3U, "reading the first");
}

inline void keeps_bytes(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    std::string all_ascii;
    for (int c = 0; c != 128; ++c) {
        all_ascii += static_cast<char>(c);
    }
    const std::vector<session_entry> entries{
        {"", ""},
        {"a", all_ascii},
        {"newlines", "\n\r\n\n"},
        {"json", R"({"i":0,"kind":"k","body":"b"})"},
        {"beyond ASCII",
         "\xC2\x80\xC2\x9B\xC2\xA0\xDF\xBF\xE2\x82\xAC\xEF\xBF\xBF\xF0\x9F\x98\x80"},
        {"long", std::string(300'000, 'x') + '\n' + std::string(300'000, '\\')},
    };
    const auto id = t.must(store->create({}), "creating a segment");
    for (const auto& each : entries) {
        t.step("append " + to_text(each));
        t.must(store->append(id, each), "that");
    }
    const auto back = entries_of(t, *store.store, id);
    t.equal(back.size(), entries.size(), "the number of entries");
    for (std::size_t i = 0; i != entries.size(); ++i) {
        t.expect(back[i] == entries[i],
                 "entry " + std::to_string(i) + " came back as " + to_text(back[i]));
    }
}

inline void refuses_bytes(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const auto id = segment_of(t, *store.store, 2);
    const auto refused = [&](const auto& given, std::string_view what) {
        t.expect(!given, std::string{what} + " was taken");
        t.expect(given.error().category == errc::invalid_entry,
                 std::string{what} + " failed: " + to_string(given.error()));
    };
    for (const std::string bad :
         {"\x80", "a\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
        t.step("append, and create with, text that is not UTF-8");
        refused(store->append(id, {"k", bad}), "the body");
        refused(store->append(id, {bad, "b"}), "the kind");
        refused(store->create({.forked_from = bad}), "the lineage");
        refused(store->create({.compacted_from = bad}), "the lineage");
    }
    t.equal(t.must(store->list(), "the list").size(), 1U, "the number of segments");
    t.equal(entries_of(t, *store.store, id).size(), 2U, "the number of entries");
}

inline void knows_what_is_not_there(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const auto there = segment_of(t, *store.store, 1);
    std::string changed = there;
    changed.front() = changed.front() == '0' ? '1' : '0';
    for (const std::string& id : {changed, std::string{}, std::string{"."}, std::string{".."},
                                  "../" + there, std::string{"/etc/passwd"}, there + ".jsonl",
                                  there.substr(1) + '\0', std::string(100'000, 'a')}) {
        t.step("append to, read and ask for the segment " + in_quotes(id));
        const auto missed = [&](const auto& given, std::string_view what) {
            t.expect(!given, std::string{what} + " succeeded");
            t.expect(given.error().category == errc::unknown_segment,
                     std::string{what} + " failed: " + to_string(given.error()));
        };
        missed(store->append(id, some_entry(0)), "append");
        missed(store->info(id), "info");
        missed(store->read(id, 0, [](auto, const auto&) { return scan::next; }), "read");
    }
    t.equal(t.must(store->list(), "the list"), {there}, "the list");
}

inline void reads_what_stood(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const auto id = segment_of(t, *store.store, 4);
    t.step("read it, and append an entry in each call of the visitor");
    std::uint64_t seen = 0;
    result<std::uint64_t> index = 0;
    t.must(store->read(id, 0,
                       [&](std::uint64_t, const session_entry&) {
                           index = store->append(id, {"k", std::string(50'000, 'y')});
                           return index && ++seen < 100 ? scan::next : scan::stop;
                       }),
           "that");
    t.must(std::move(index), "an append");
    t.equal(seen, 4U, "the number of entries");
    t.equal(t.must(store->info(id), "its info").entries, 8U, "its number of entries then");
}

inline void shares_segments(trial& t, const session_place_maker& make) {
    const opened_sessions store{t, make};
    const auto second = t.must(store.at->open(), "opening it again");
    const auto id = segment_of(t, *store.store, 2);
    t.step("append an entry by another handle");
    t.equal(t.must(second->append(id, some_entry(2)), "that"), 2U, "that");
    t.equal(entries_of(t, *store.store, id).size(), 3U, "the number of entries");
    t.equal(t.must(second->list(), "its list"), {id}, "its list");
}

/// Nobody has it open meanwhile.
inline void goes_on_when_opened_again(trial& t, const session_place_maker& make) {
    opened_sessions store{t, make};
    const lineage from{.forked_from = "8d3f", .at = 17};
    const auto id = t.must(store->create(from), "creating a segment");
    for (std::uint64_t i = 0; i != 3; ++i) {
        t.step("append an entry, and close it");
        t.equal(t.must(store->append(id, some_entry(i)), "that"), i, "that");
        store.store.reset();
        store.store = t.must(store.at->open(), "opening it again");
    }
    const auto info = t.must(store->info(id), "its info");
    t.expect(info.comes_from == from, "its lineage is another one");
    t.equal(info.entries, 3U, "its number of entries");
    const auto found = entries_of(t, *store.store, id);
    t.equal(found.size(), 3U, "reading it");
    for (std::size_t i = 0; i != found.size(); ++i) {
        t.expect(found[i] == some_entry(i), "an entry is not what was appended");
    }
    t.equal(t.must(store->list(), "the list"), {id}, "the list");
}

} // namespace podscope::verify::conformance
