// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/json_writer.hpp>
#include <podscope/session/json_reader.hpp>

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

using namespace podscope;
using namespace std::string_literals;

namespace {

std::string written(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string read_back(const std::string& json_string) {
    std::string text;
    std::array<json_member, 1> wanted{{{"t", text}}};
    const auto fault = read_json_object("{\"t\":" + json_string + "}", wanted);
    CAPTURE(json_string, fault.value_or(json_fault{}).message);
    REQUIRE_FALSE(fault);
    return text;
}

std::string utf8(char32_t code) {
    const auto byte = [](char32_t value) { return static_cast<char>(value); };
    if (code < 0x80)
        return {byte(code)};
    if (code < 0x800)
        return {byte(0xC0 | (code >> 6)), byte(0x80 | (code & 0x3F))};
    if (code < 0x10000)
        return {byte(0xE0 | (code >> 12)), byte(0x80 | ((code >> 6) & 0x3F)),
                byte(0x80 | (code & 0x3F))};
    return {byte(0xF0 | (code >> 18)), byte(0x80 | ((code >> 12) & 0x3F)),
            byte(0x80 | ((code >> 6) & 0x3F)), byte(0x80 | (code & 0x3F))};
}

} // namespace

TEST_CASE("A JSON string is written as a person would", "[session][json]") {
    REQUIRE(written("") == R"("")");
    REQUIRE(written("plain text/with 'all' sorts <of> things & more~") ==
            R"("plain text/with 'all' sorts <of> things & more~")");
    REQUIRE(written("a\"b\\c") == R"("a\"b\\c")");
    REQUIRE(written("\b\f\n\r\t") == R"("\b\f\n\r\t")");
    REQUIRE(written("\0\x01\x1B\x1F\x7F"s) == R"("\u0000\u0001\u001b\u001f\u007f")");
    REQUIRE(written("\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0") == "\"\\u0080\\u009b\\u009f\xC2\xA0\"");
    REQUIRE(written("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80") ==
            "\"na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80\"");
}

TEST_CASE("Every code point comes back as it was written", "[session][json]") {
    std::string all;
    for (char32_t code = 0; code <= 0x10FFFF; ++code) {
        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        all += utf8(code);
    }
    REQUIRE(read_back(written(all)) == all);
}

TEST_CASE("A byte that is no UTF-8 is written as U+FFFD", "[session][json]") {
    REQUIRE(written("a\xFF"
                    "b") == "\"a\xEF\xBF\xBD"
                            "b\"");
    REQUIRE(written("\xE2\x82") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    REQUIRE(written("\xC2") == "\"\xEF\xBF\xBD\"");
    REQUIRE(written("\xED\xA0\x80\"") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\\\"\"");
}

TEST_CASE("Whatever the bytes the result is one line of JSON", "[session][json]") {
    std::mt19937 random{20};
    std::uniform_int_distribution<int> length{0, 40};
    // Half of the bytes from where UTF-8 and JSON have their corners.
    constexpr std::string_view corners =
        "\"\\\n\x1B\x7F\x80\x9B\xC2\xE2\x82\xED\xA0\xF0\x9F\xF4\xFF";
    for (int round = 0; round != 20'000; ++round) {
        std::string bytes;
        for (int i = length(random); i != 0; --i)
            bytes += random() % 2 == 0 ? corners[random() % corners.size()]
                                       : static_cast<char>(random() & 0xFF);
        const auto json = written(bytes);
        REQUIRE(json.find('\n') == std::string::npos);
        const auto back = read_back(json);
        REQUIRE(is_utf8(back));
        REQUIRE((!is_utf8(bytes) || back == bytes));
    }
}

TEST_CASE("An object is written member by member", "[session][json]") {
    std::string out = "before ";
    json_object_writer object{out};
    object.text("a", "x\n").number("n\"", UINT64_MAX).raw("r", "[true]").text("", "");
    object.close();
    REQUIRE(out == "before {\"a\":\"x\\n\",\"n\\\"\":18446744073709551615,\"r\":[true],\"\":\"\"}");
    std::string empty;
    json_object_writer{empty}.close();
    REQUIRE(empty == "{}");
}
