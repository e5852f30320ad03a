// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/names.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace podscope;
using namespace std::string_view_literals;

namespace {

std::string refusal_of(std::string_view name) {
    const auto checked = check_name(name);
    if (checked)
        return {};
    CHECK(checked.error().category == errc::invalid_name);
    return checked.error().message;
}

// A code point by the rule of RFC 3629, with no check.
std::string utf8(unsigned long c) {
    const auto continuation = [](unsigned long bits) {
        return static_cast<char>(0x80U | (bits & 0x3FU));
    };
    if (c < 0x80)
        return {static_cast<char>(c)};
    if (c < 0x800)
        return {static_cast<char>(0xC0U | c >> 6U), continuation(c)};
    if (c < 0x10000)
        return {static_cast<char>(0xE0U | c >> 12U), continuation(c >> 6U), continuation(c)};
    return {static_cast<char>(0xF0U | c >> 18U), continuation(c >> 12U), continuation(c >> 6U),
            continuation(c)};
}

} // namespace

TEST_CASE("F35 names that cannot be files or keys are refused with the reason", "[names]") {
    CHECK(refusal_of("").find("empty") != std::string::npos);
    CHECK(refusal_of(".").find("'.'") != std::string::npos);
    CHECK(refusal_of("..").find("'..'") != std::string::npos);
    for (const auto name : {"/"sv, "a/b"sv, "../etc"sv, "/etc/passwd"sv, "a/"sv})
        CHECK(refusal_of(name).find("'/'") != std::string::npos);
    for (const auto name : {"\0"sv, "a\0b"sv, "a\n"sv, "\nb"sv, "a\tb"sv, "\x1b[31m"sv, "\x7f"sv,
                            "a\xC2\x80"sv, "\xC2\x9F"sv, "\x01"sv, "\x1f"sv})
        CHECK(refusal_of(name).find("control") != std::string::npos);
}

TEST_CASE("F35 a name has at most 255 bytes", "[names]") {
    CHECK(check_name(std::string(255, 'x')));
    CHECK(refusal_of(std::string(256, 'x')).find("255") != std::string::npos);
    CHECK(refusal_of(std::string(100'000, 'x')).find("255") != std::string::npos);
    const std::string e_acute = utf8(0xE9); // two bytes
    std::string name;
    while (name.size() < 254)
        name += e_acute;
    CHECK(check_name(name));
    CHECK_FALSE(check_name(name + e_acute));
}

TEST_CASE("F35 the error carries what was refused and is itself no longer than a name", "[names]") {
    const auto refused = check_name("a/b");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().subject == "a/b");
    CHECK(check_name(std::string(100'000, 'x')).error().subject.size() == 255);
}

TEST_CASE("F35 names of every ordinary kind are accepted", "[names]") {
    for (const auto name :
         {"a"sv, "planner"sv, "..."sv, ".hidden"sv, "a.b"sv, "a b"sv, "-"sv, "~"sv, "a\\b"sv,
          "\xE2\x82\xAC"sv, "\xF0\x9F\x90\x8B"sv, "\x20"sv, "a:b;c,d[e]"sv})
        CHECK(refusal_of(name).empty());
}

TEST_CASE("F35 a name is UTF-8 in its shortest form and nothing else", "[names]") {
    for (const unsigned long c :
         {0x20UL, 0x7EUL, 0xA0UL, 0x7FFUL, 0x800UL, 0xFFFUL, 0x1000UL, 0xCFFFUL, 0xD000UL, 0xD7FFUL,
          0xE000UL, 0xFFFFUL, 0x10000UL, 0x3FFFFUL, 0x40000UL, 0xFFFFFUL, 0x100000UL, 0x10FFFFUL}) {
        INFO(c);
        CHECK(refusal_of(utf8(c)).empty());
        CHECK(refusal_of("a" + utf8(c) + "b").empty());
    }
    for (const unsigned long c : {0xD800UL, 0xDBFFUL, 0xDC00UL, 0xDFFFUL, 0x110000UL, 0x13FFFFUL}) {
        INFO(c);
        CHECK(refusal_of(utf8(c)).find("UTF-8") != std::string::npos);
    }
    const std::vector<std::string> broken{
        "\x80",             // a continuation alone
        "\xBF",             //
        "\xC0\x80",         // overlong, two bytes
        "\xC1\xBF",         //
        "\xE0\x80\x80",     // overlong, three bytes
        "\xE0\x9F\xBF",     //
        "\xF0\x80\x80\x80", // overlong, four bytes
        "\xF0\x8F\xBF\xBF", //
        "\xF5\x80\x80\x80", // above the last code point
        "\xFE",             //
        "\xFF",             //
        "\xC3",             // cut short
        "\xE2\x82",         //
        "\xF0\x9F\x90",     //
        "\xC3(",            // not continued
        "\xE2(\xAC",        //
        "\xE2\x82(",        //
        "\xF0(\x90\x8B",    //
        "\xF0\x9F(\x8B",    //
        "\xF0\x9F\x90(",    //
        "\xC3\xC3",         //
    };
    for (const auto& name : broken) {
        CAPTURE(name);
        CHECK(refusal_of(name).find("UTF-8") != std::string::npos);
        CHECK(refusal_of("ok" + name).find("UTF-8") != std::string::npos);
        CHECK(refusal_of(name + "ok").find("UTF-8") != std::string::npos);
    }
}
