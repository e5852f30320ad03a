// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/scope/lexical_path.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace podscope;
using namespace std::string_view_literals;

namespace {

std::string normalised(std::string_view text) {
    const lexical_path names;
    const auto place = names.resolve(text);
    return place ? names.display(*place) : "refused";
}

error refusal_of(std::string_view text) {
    const auto place = lexical_path{}.resolve(text);
    REQUIRE_FALSE(place);
    CHECK(place.error().category == errc::invalid_target);
    return place.error();
}

std::string repeated(std::string_view part, std::size_t times) {
    std::string text;
    for (; times != 0; --times)
        text += part;
    return text;
}

} // namespace

TEST_CASE("F36 texts that name one place resolve to one place", "[scope]") {
    const std::vector<std::pair<std::string_view, std::string_view>> table{
        {"/", "/"},
        {"//", "/"},
        {"////", "/"},
        {"/.", "/"},
        {"/./", "/"},
        {"/a", "/a"},
        {"/a/", "/a"},
        {"//a", "/a"},
        {"///a///b///", "/a/b"},
        {"/a/./b/.", "/a/b"},
        {"/a/b/..", "/a"},
        {"/a/b/../c", "/a/c"},
        {"/a/bcd/..", "/a"},
        {"/abc/bcd/../e", "/abc/e"},
        {"/a/..", "/"},
        {"/a/../", "/"},
        {"/a/b/../../c/d/..", "/c"},
        {"/./a/../b", "/b"},
        {"/...", "/..."},
        {"/..a/b..", "/..a/b.."},
        {"/.a", "/.a"},
        {"/a b/\n\xFF", "/a b/\n\xFF"},
    };
    for (const auto& [text, place] : table) {
        INFO(text);
        CHECK(normalised(text) == place);
    }
}

TEST_CASE("F36 a path leads to a sibling only where its text says so", "[scope]") {
    CHECK(normalised("/ws/a/../b") == "/ws/b");
    CHECK(normalised("/ws/a/x/../../b/x") == "/ws/b/x");
}

TEST_CASE("F36 what is no absolute path is refused with the reason", "[scope]") {
    CHECK(refusal_of("").message.find("empty") != std::string::npos);
    for (const auto text : {"a"sv, "a/b"sv, "./a"sv, "../a"sv, "~"sv, " /a"sv, "."sv})
        CHECK(refusal_of(text).message.find("relative") != std::string::npos);
    for (const auto text : {"\0"sv, "/\0"sv, "/a\0/b"sv, "/a/b\0"sv})
        CHECK(refusal_of(text).message.find("NUL") != std::string::npos);
    for (const auto text : {"/.."sv, "/../a"sv, "/a/../.."sv, "/a/../../a"sv, "//..//"sv,
                            "/a/b/../../../a/b"sv, "/./.."sv})
        CHECK(refusal_of(text).message.find("above the root") != std::string::npos);
}

TEST_CASE("F36 a component has at most 255 bytes wherever it stands", "[scope]") {
    const std::string longest(255, 'x');
    CHECK(normalised("/" + longest) == "/" + longest);
    CHECK(normalised("/a/" + longest + "/b") == "/a/" + longest + "/b");
    for (const auto& text : {"/" + longest + "x", "/a/" + longest + "x/b", "/" + longest + "x/.."})
        CHECK(refusal_of(text).message.find("255") != std::string::npos);
}

TEST_CASE("F36 a text has at most 4 095 bytes and so at most 2 047 components", "[scope]") {
    const auto deepest = repeated("/a", 2047);
    REQUIRE(lexical_path{}.resolve(deepest));
    CHECK(lexical_path{}.resolve(deepest)->depth() == 2047);
    CHECK(normalised(deepest) == deepest);
    CHECK(normalised(deepest + "/") == deepest);
    CHECK(refusal_of(deepest + "//").message.find("4095") != std::string::npos);
    CHECK(refusal_of(repeated("/a", 2048)).message.find("4095") != std::string::npos);
    CHECK(refusal_of(repeated("/a", 10'000)).message.find("4095") != std::string::npos);
    // Its limit is that of the text, as the kernel's is, not that of the place.
    CHECK(refusal_of(repeated("/", 4096)).message.find("4095") != std::string::npos);
    CHECK(normalised(repeated("/", 4095)) == "/");
}

TEST_CASE("F36 the error shows the text shortened and without control characters", "[scope]") {
    CHECK(refusal_of("a\0b\x1b\n"sv).subject == "a\\x00b\\x1b\\x0a");
    const auto subject = refusal_of("begin" + repeated("/a", 10'000) + "/end").subject;
    CHECK(subject.size() < 200);
    CHECK(subject.starts_with("begin/a"));
    CHECK(subject.ends_with("/a/end"));
    CHECK(refusal_of("a/b").message.find("'a/b'") != std::string::npos);
}

TEST_CASE("A place that is displayed and resolved again is the same", "[scope]") {
    const lexical_path names;
    for (const auto text : {"/"sv, "/a"sv, "/a/b/c"sv, "/ "sv, "/a\x01"sv}) {
        const auto place = names.resolve(text);
        REQUIRE(place);
        CHECK(names.display(*place) == text);
        CHECK(names.resolve(names.display(*place)).value() == *place);
    }
}

TEST_CASE("F36 a made-up list of components is a place if it comes back from its text", "[scope]") {
    const std::vector<std::string> components{"a",
                                              ".",
                                              "..",
                                              "...",
                                              ".a",
                                              "/",
                                              "a/b",
                                              "a/",
                                              std::string(255, 'a'),
                                              std::string(256, 'a')};
    const auto check = [](const resource& place) {
        const lexical_path names;
        const auto back = names.resolve(names.display(place));
        INFO(names.display(place).substr(0, 60));
        CHECK(names.is_place(place) == (back && *back == place));
    };
    check({});
    for (const auto& one : components) {
        check(resource{}.child(one));
        for (const auto& other : components)
            check(resource{}.child(one).child(other));
    }
    resource long_one;
    for (int i = 0; i != 16; ++i)
        long_one.push(std::string(i == 0 ? 254 : 255, 'a')); // 4095 bytes with the slashes
    check(long_one);
    CHECK(lexical_path{}.is_place(long_one));
    long_one.push("a");
    check(long_one);
    CHECK_FALSE(lexical_path{}.is_place(long_one));
}
