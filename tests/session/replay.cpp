// SPDX-License-Identifier: BSL-1.0
#include "session/stores.hpp"

#include <podscope/session/replay.hpp>

#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

using stores = std::tuple<in_memory, in_files>;

template <class Sessions>
std::string
segment(Sessions& sessions, const lineage& from, const std::vector<std::string>& bodies) {
    auto id = value_of(sessions.create(from));
    for (const auto& body : bodies)
        value_of(sessions.append(id, {"k", body}));
    return id;
}

/// What a replay visits: the bodies, one after the other.
template <class Sessions>
result<std::string> replayed(Sessions& sessions, std::string_view id) {
    std::string text;
    auto done = replay(sessions, id, [&](std::string_view, std::uint64_t, const session_entry& e) {
        text += e.body;
        return scan::next;
    });
    if (!done)
        return fail(done);
    return text;
}

/// A store of segments that hold no entries and whose lineage can be anything.
struct lineages {
    std::map<std::string, lineage, std::less<>> of;
    int reads{};

    result<std::string> create(const lineage&) { return fail({.category = errc::unavailable}); }

    result<std::uint64_t> append(std::string_view, const session_entry&) {
        return fail({.category = errc::unavailable});
    }

    result<void> read(std::string_view, std::uint64_t, auto&&) {
        ++reads;
        return {};
    }

    result<segment_info> info(std::string_view id) {
        const auto found = of.find(id);
        if (found == of.end())
            return fail({.category = errc::unknown_segment, .subject = std::string{id}});
        return segment_info{.comes_from = found->second};
    }

    result<std::vector<std::string>> list() { return std::vector<std::string>{}; }
};

} // namespace

TEMPLATE_LIST_TEST_CASE("A replay visits what came before a fork and then the segment",
                        "[session]",
                        stores) {
    TestType made;
    auto& sessions = made.sessions;
    const auto first = segment(sessions, {}, {"a", "b", "c"});
    const auto second = segment(sessions, {.forked_from = first, .at = 2}, {"d", "e"});
    const auto third = segment(sessions, {.forked_from = second, .at = 1}, {"f"});
    REQUIRE(value_of(replayed(sessions, first)) == "abc");
    REQUIRE(value_of(replayed(sessions, second)) == "abde");
    REQUIRE(value_of(replayed(sessions, third)) == "abdf");

    std::vector<std::string> places;
    value_of(replay(sessions, third,
                    [&](std::string_view id, std::uint64_t index, const session_entry&) {
                        const auto* name = id == first ? "1." : id == second ? "2." : "3.";
                        places.push_back(name + std::to_string(index));
                        return scan::next;
                    }));
    REQUIRE(places == std::vector<std::string>{"1.0", "1.1", "2.0", "3.0"});

    value_of(sessions.append(first, {"k", "later"}));
    REQUIRE(value_of(replayed(sessions, second)) == "abde");
}

TEMPLATE_LIST_TEST_CASE("A fork may be made at either end of a segment", "[session]", stores) {
    TestType made;
    auto& sessions = made.sessions;
    const auto first = segment(sessions, {}, {"a", "b"});
    REQUIRE(value_of(replayed(sessions,
                              segment(sessions, {.forked_from = first, .at = 0}, {"x"}))) == "x");
    REQUIRE(value_of(replayed(sessions,
                              segment(sessions, {.forked_from = first, .at = 2}, {"x"}))) == "abx");
    REQUIRE(value_of(replayed(sessions, segment(sessions, {.forked_from = first, .at = 2}, {}))) ==
            "ab");
}

TEST_CASE("F40 what is damaged behind a fork is no part of its history", "[session]") {
    in_files made;
    auto& sessions = made.sessions;
    const auto first = segment(sessions, {}, {"a", "b"});
    std::ofstream{made.root / ("sessions/" + first + ".jsonl"), std::ios::app} << "damaged\n";
    CHECK(error_of(replayed(sessions, first)).category == errc::corrupt);
    for (const auto& [at, history] : {std::pair{0U, "x"}, {1U, "ax"}, {2U, "abx"}}) {
        const auto forked = segment(sessions, {.forked_from = first, .at = at}, {"x"});
        CHECK(value_of(replayed(sessions, forked)) == history);
    }
}

TEMPLATE_LIST_TEST_CASE("A compacted segment begins its own history", "[session]", stores) {
    TestType made;
    auto& sessions = made.sessions;
    const auto first = segment(sessions, {}, {"a", "b"});
    const auto summary = segment(sessions, {.compacted_from = first, .at = 2}, {"ab in short"});
    REQUIRE(value_of(replayed(sessions, summary)) == "ab in short");
    REQUIRE(value_of(replayed(sessions, segment(sessions, {.forked_from = summary, .at = 1},
                                                {"!"}))) == "ab in short!");
}

TEMPLATE_LIST_TEST_CASE("A visitor stops a replay wherever it is", "[session]", stores) {
    TestType made;
    auto& sessions = made.sessions;
    const auto first = segment(sessions, {}, {"a", "b", "c"});
    const auto second = segment(sessions, {.forked_from = first, .at = 3}, {"d", "e"});
    for (std::size_t length = 1; length <= 5; ++length) {
        std::string text;
        value_of(replay(sessions, second,
                        [&](std::string_view, std::uint64_t, const session_entry& entry) {
                            text += entry.body;
                            return text.size() == length ? scan::stop : scan::next;
                        }));
        REQUIRE(text == std::string{"abcde"}.substr(0, length));
    }
}

TEMPLATE_LIST_TEST_CASE("A replay that needs what its ancestor does not have is corrupt",
                        "[session]",
                        stores) {
    TestType made;
    auto& sessions = made.sessions;
    const auto first = segment(sessions, {}, {"a", "b"});
    const auto broken =
        error_of(replayed(sessions, segment(sessions, {.forked_from = first, .at = 3}, {"x"})));
    REQUIRE(broken.category == errc::corrupt);
    REQUIRE(broken.subject == first);
}

TEMPLATE_LIST_TEST_CASE("A replay of a missing segment or ancestor names what is missing",
                        "[session]",
                        stores) {
    TestType made;
    const std::string nobody(32, '0');
    for (const auto& id : {nobody, segment(made.sessions, {.forked_from = nobody}, {"x"})}) {
        const auto missing = error_of(replayed(made.sessions, id));
        REQUIRE(missing.category == errc::unknown_segment);
        REQUIRE(missing.subject == nobody);
    }
}

TEST_CASE("A lineage that leads back to itself is refused before any visit", "[session]") {
    lineages sessions{.of = {{"self", {.forked_from = "self"}},
                             {"a", {.forked_from = "b"}},
                             {"b", {.forked_from = "c"}},
                             {"c", {.forked_from = "b"}}}};
    for (const auto* id : {"self", "a", "b", "c"}) {
        const auto cycle = error_of(replayed(sessions, id));
        REQUIRE(cycle.category == errc::corrupt);
        REQUIRE((cycle.subject == "self" || cycle.subject == "b" || cycle.subject == "c"));
    }
    REQUIRE(sessions.reads == 0);
}

TEST_CASE("A segment that is both forked and compacted is refused", "[session]") {
    lineages sessions{.of = {{"a", {.forked_from = "b", .compacted_from = "b"}}, {"b", {}}}};
    const auto both = error_of(replayed(sessions, "a"));
    REQUIRE(both.category == errc::corrupt);
    REQUIRE(both.subject == "a");
}

TEST_CASE("F34 a replay follows a thousand forks", "[session]") {
    memory_sessions sessions;
    auto id = segment(sessions, {}, {"x"});
    for (int i = 1; i != 1000; ++i)
        id = segment(sessions, {.forked_from = id, .at = 1}, {"x"});
    REQUIRE(value_of(replayed(sessions, id)).size() == 1000);
}

TEST_CASE("What the visitor of a replay throws comes out as an error", "[session]") {
    memory_sessions sessions;
    const auto id = segment(sessions, {}, {"x"});
    const auto thrown = error_of(
        replay(sessions, id, [](std::string_view, std::uint64_t, const session_entry&) -> scan {
            throw std::runtime_error{"why"};
        }));
    REQUIRE(thrown.category == errc::unavailable);
}
