// SPDX-License-Identifier: BSL-1.0
// The laws of session_store, for every store that the library has.
#include "session/stores.hpp"

#include <podscope/session/checks.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

using stores = std::tuple<in_memory, in_files>;

std::vector<visited> some_entries(std::size_t count) {
    std::vector<visited> entries;
    for (std::size_t i = 0; i != count; ++i)
        entries.push_back({i, {"kind" + std::to_string(i % 3), "body " + std::to_string(i)}});
    return entries;
}

template <class Sessions>
std::string segment_of(Sessions& sessions, const std::vector<visited>& entries) {
    auto id = value_of(sessions.create({}));
    for (const auto& each : entries)
        REQUIRE(value_of(sessions.append(id, each.entry)) == each.index);
    return id;
}

} // namespace

TEMPLATE_LIST_TEST_CASE("A segment gives back its entries in order from any index on",
                        "[session]",
                        stores) {
    TestType made;
    const auto entries = some_entries(7);
    const auto id = segment_of(made.sessions, entries);
    for (std::size_t from = 0; from <= entries.size() + 2; ++from) {
        const auto start = std::min(from, entries.size());
        const std::vector<visited> rest{entries.begin() + static_cast<std::ptrdiff_t>(start),
                                        entries.end()};
        REQUIRE(value_of(read_all(made.sessions, id, from)) == rest);
    }
    REQUIRE(value_of(read_all(made.sessions, id, UINT64_MAX)).empty());
}

TEMPLATE_LIST_TEST_CASE("A visitor that says stop is not called again", "[session]", stores) {
    TestType made;
    const auto id = segment_of(made.sessions, some_entries(5));
    for (std::uint64_t last = 0; last != 5; ++last) {
        std::vector<std::uint64_t> seen;
        value_of(made.sessions.read(id, 0, [&](std::uint64_t index, const session_entry&) {
            seen.push_back(index);
            return index == last ? scan::stop : scan::next;
        }));
        REQUIRE(seen.size() == last + 1);
        REQUIRE(seen.back() == last);
    }
}

TEMPLATE_LIST_TEST_CASE("A fresh segment has its lineage and no entry", "[session]", stores) {
    TestType made;
    const std::vector<lineage> all{
        {},
        {.forked_from = "8d3f", .at = 17},
        {.compacted_from = "a \"quoted\"\nname \xC3\xA9", .at = UINT64_MAX},
        {.forked_from = "x", .compacted_from = "y", .at = 1},
        {.at = 3},
    };
    for (const auto& from : all) {
        const auto id = value_of(made.sessions.create(from));
        const auto info = value_of(made.sessions.info(id));
        REQUIRE(info.comes_from == from);
        REQUIRE(info.entries == 0);
        REQUIRE_FALSE(info.torn_tail);
        REQUIRE(value_of(read_all(made.sessions, id)).empty());
        REQUIRE(value_of(made.sessions.append(id, {"k", "b"})) == 0);
        const auto later = value_of(made.sessions.info(id));
        REQUIRE(later.comes_from == from);
        REQUIRE(later.entries == 1);
    }
}

TEMPLATE_LIST_TEST_CASE("Segments have ids of their own and are listed", "[session]", stores) {
    TestType made;
    REQUIRE(value_of(made.sessions.list()).empty());
    std::set<std::string> ids;
    for (int i = 0; i != 20; ++i) {
        auto id = value_of(made.sessions.create({}));
        REQUIRE(is_segment_id(id));
        REQUIRE(ids.insert(std::move(id)).second);
    }
    const auto listed = value_of(made.sessions.list());
    REQUIRE(listed.size() == ids.size());
    REQUIRE(std::set<std::string>{listed.begin(), listed.end()} == ids);
}

TEMPLATE_LIST_TEST_CASE("What one segment gets does not reach another", "[session]", stores) {
    TestType made;
    const auto one = segment_of(made.sessions, some_entries(3));
    const auto other = value_of(made.sessions.create({}));
    REQUIRE(value_of(made.sessions.info(one)).entries == 3);
    REQUIRE(value_of(made.sessions.append(other, {"k", "b"})) == 0);
    REQUIRE(value_of(made.sessions.info(one)).entries == 3);
}

TEMPLATE_LIST_TEST_CASE("Kind and body come back byte by byte", "[session]", stores) {
    TestType made;
    std::string all_ascii;
    for (int c = 0; c != 128; ++c)
        all_ascii += static_cast<char>(c);
    const std::vector<session_entry> entries{
        {"", ""},
        {"a", all_ascii},
        {"newlines", "\n\r\n\n"},
        {"json", R"({"i":0,"kind":"k","body":"b"})"},
        {"beyond ASCII",
         "\xC2\x80\xC2\x9B\xC2\xA0\xDF\xBF\xE2\x82\xAC\xEF\xBF\xBF\xF0\x9F\x98\x80"},
        {"long", std::string(300'000, 'x') + '\n' + std::string(300'000, '\\')},
    };
    const auto id = value_of(made.sessions.create({}));
    for (const auto& each : entries)
        value_of(made.sessions.append(id, each));
    const auto back = value_of(read_all(made.sessions, id));
    REQUIRE(back.size() == entries.size());
    for (std::size_t i = 0; i != entries.size(); ++i)
        REQUIRE((back[i].entry == entries[i]));
}

TEMPLATE_LIST_TEST_CASE("Text that is not UTF-8 is refused and nothing is kept of it",
                        "[session]",
                        stores) {
    TestType made;
    const auto id = segment_of(made.sessions, some_entries(2));
    for (const std::string bad :
         {"\x80", "a\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
        REQUIRE(error_of(made.sessions.append(id, {"k", bad})).category == errc::invalid_entry);
        REQUIRE(error_of(made.sessions.append(id, {bad, "b"})).category == errc::invalid_entry);
        REQUIRE(error_of(made.sessions.create({.forked_from = bad})).category ==
                errc::invalid_entry);
        REQUIRE(error_of(made.sessions.create({.compacted_from = bad})).category ==
                errc::invalid_entry);
    }
    REQUIRE(value_of(made.sessions.list()).size() == 1);
    REQUIRE(value_of(read_all(made.sessions, id)) == some_entries(2));
}

TEMPLATE_LIST_TEST_CASE("F40 a segment that is not there is unknown", "[session]", stores) {
    TestType made;
    value_of(made.sessions.create({}));
    const std::string well_formed(32, '0');
    for (const std::string& id :
         {well_formed, std::string{}, std::string{"."}, std::string{".."},
          std::string{"../sessions"}, std::string{"/etc/passwd"}, well_formed + ".jsonl",
          std::string(31, '0') + '\0', std::string(32, 'A'), std::string(100'000, 'a')}) {
        const auto missed = [&](error found) {
            REQUIRE(found.category == errc::unknown_segment);
            REQUIRE(found.subject == id);
        };
        missed(error_of(made.sessions.append(id, {"k", "b"})));
        missed(error_of(made.sessions.info(id)));
        missed(error_of(read_all(made.sessions, id)));
    }
    REQUIRE(value_of(made.sessions.list()).size() == 1);
}

TEMPLATE_LIST_TEST_CASE("A read sees what stood when it began though its visitor appends",
                        "[session]",
                        stores) {
    TestType made;
    const auto id = segment_of(made.sessions, some_entries(4));
    std::uint64_t seen = 0;
    value_of(made.sessions.read(id, 0, [&](std::uint64_t, const session_entry&) {
        ++seen;
        value_of(made.sessions.append(id, {"added", std::string(50'000, 'y')}));
        return scan::next;
    }));
    REQUIRE(seen == 4);
    REQUIRE(value_of(made.sessions.info(id)).entries == 8);
}

TEMPLATE_LIST_TEST_CASE("What a visitor throws comes out as an error", "[session]", stores) {
    TestType made;
    const auto id = segment_of(made.sessions, some_entries(2));
    const auto thrown =
        error_of(made.sessions.read(id, 0, [](std::uint64_t, const session_entry&) -> scan {
            throw std::runtime_error{"why"};
        }));
    REQUIRE(thrown.category == errc::unavailable);
    REQUIRE(thrown.message == "why");
    REQUIRE(value_of(made.sessions.append(id, {"k", "b"})) == 2);
}

TEMPLATE_LIST_TEST_CASE("Copies of a store share its segments", "[session]", stores) {
    TestType made;
    auto copy = made.sessions;
    const auto id = value_of(copy.create({}));
    REQUIRE(value_of(made.sessions.append(id, {"k", "b"})) == 0);
    REQUIRE(value_of(copy.append(id, {"k", "b"})) == 1);
    REQUIRE(value_of(made.sessions.info(id)).entries == 2);
}

TEMPLATE_LIST_TEST_CASE("Readers beside one writer see a growing history without a gap",
                        "[session][concurrent]",
                        stores) {
    TestType made;
    const auto id = value_of(made.sessions.create({}));
    constexpr std::uint64_t count = 600;
    // Of many lengths, some beyond what a reader reads at a time.
    const auto entry = [](std::uint64_t i) {
        return session_entry{"k" + std::to_string(i),
                             std::string(i % 50 == 49 ? 80'000 : i % 97, 'b') + std::to_string(i)};
    };
    std::atomic<std::uint64_t> acknowledged{0};
    std::atomic<int> wrong{0};
    const auto reader = [&] {
        std::uint64_t before = 0;
        while (before != count) {
            const auto at_least = acknowledged.load();
            std::uint64_t seen = 0;
            const auto done =
                made.sessions.read(id, 0, [&](std::uint64_t index, const session_entry& found) {
                    wrong += index != seen || found != entry(index);
                    ++seen;
                    return scan::next;
                });
            const auto info = made.sessions.info(id);
            wrong += !done || !info || seen < at_least || seen < before || info->entries < seen;
            before = seen;
            if (wrong != 0)
                break;
        }
    };
    std::thread one{reader};
    std::thread other{reader};
    for (std::uint64_t i = 0; i != count && wrong == 0; ++i) {
        const auto index = made.sessions.append(id, entry(i));
        wrong += !index || *index != i;
        acknowledged = i + 1;
    }
    one.join();
    other.join();
    REQUIRE(wrong == 0);
}

TEMPLATE_LIST_TEST_CASE("Threads that append to one segment get an index each",
                        "[session][concurrent]",
                        stores) {
    TestType made;
    const auto id = value_of(made.sessions.create({}));
    constexpr std::uint64_t each = 150;
    std::vector<std::vector<std::uint64_t>> indices(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t != indices.size(); ++t)
        threads.emplace_back([&, t] {
            auto copy = made.sessions;
            for (std::uint64_t i = 0; i != each; ++i)
                if (const auto index = copy.append(id, {std::to_string(t), std::to_string(i)}))
                    indices[t].push_back(*index);
        });
    for (auto& thread : threads)
        thread.join();
    const auto all = value_of(read_all(made.sessions, id));
    REQUIRE(all.size() == each * indices.size());
    for (std::size_t t = 0; t != indices.size(); ++t) {
        REQUIRE(indices[t].size() == each);
        for (std::uint64_t i = 0; i != each; ++i)
            REQUIRE(
                (all[indices[t][i]].entry == session_entry{std::to_string(t), std::to_string(i)}));
    }
}

TEMPLATE_LIST_TEST_CASE("Segments made by several threads at once are all there",
                        "[session][concurrent]",
                        stores) {
    TestType made;
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i != 50; ++i) {
                const auto id = made.sessions.create({.at = 5});
                failed += !id || !made.sessions.append(*id, {"k", "b"}) || !made.sessions.list();
            }
        });
    for (auto& thread : threads)
        thread.join();
    REQUIRE(failed == 0);
    const auto ids = value_of(made.sessions.list());
    REQUIRE(ids.size() == 200);
    for (const auto& id : ids)
        REQUIRE(value_of(made.sessions.info(id)).entries == 1);
}
