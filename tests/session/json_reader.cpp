// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/session/json_reader.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace podscope;

namespace {

/// Reads an object with a text `t` and a number `n`, both optional.
struct reading {
    explicit reading(std::string_view json) {
        std::array<json_member, 2> wanted{
            {{"t", text, presence::optional}, {"n", number, presence::optional}}};
        fault = read_json_object(json, wanted);
    }

    std::string text{"not set"};
    std::uint64_t number{4711};
    std::optional<json_fault> fault;
};

std::string text_of(const std::string& json_string) {
    const reading read{"{\"t\":" + json_string + "}"};
    CAPTURE(json_string, read.fault.value_or(json_fault{}).message);
    REQUIRE_FALSE(read.fault);
    return read.text;
}

std::uint64_t number_of(const std::string& json_number) {
    const reading read{"{\"n\":" + json_number + "}"};
    CAPTURE(json_number);
    REQUIRE_FALSE(read.fault);
    return read.number;
}

/// Where the fault is in a text that must be refused.
std::size_t refused_at(std::string_view json) {
    const reading read{json};
    CAPTURE(json);
    REQUIRE(read.fault);
    REQUIRE_FALSE(read.fault->message.empty());
    REQUIRE(read.fault->at <= json.size());
    return read.fault->at;
}

bool is_refused(std::string_view json) {
    refused_at(json);
    return true;
}

using namespace std::string_literals;

} // namespace

TEST_CASE("Every escape of a JSON string means what RFC 8259 says", "[session][json]") {
    REQUIRE(text_of(R"("\"")") == "\"");
    REQUIRE(text_of(R"("\\")") == "\\");
    REQUIRE(text_of(R"("\/")") == "/");
    REQUIRE(text_of(R"("\b")") == "\b");
    REQUIRE(text_of(R"("\f")") == "\f");
    REQUIRE(text_of(R"("\n")") == "\n");
    REQUIRE(text_of(R"("\r")") == "\r");
    REQUIRE(text_of(R"("\t")") == "\t");
    REQUIRE(text_of(R"("\u0000")") == "\0"s);
    REQUIRE(text_of(R"("\u001f")") == "\x1F");
    REQUIRE(text_of(R"("\u0041")") == "A");
    REQUIRE(text_of(R"("\u007f")") == "\x7F");
    REQUIRE(text_of(R"("\u0080")") == "\xC2\x80");
    REQUIRE(text_of(R"("\u07ff")") == "\xDF\xBF");
    REQUIRE(text_of(R"("\u0800")") == "\xE0\xA0\x80");
    REQUIRE(text_of(R"("\ud7FF")") == "\xED\x9F\xBF");
    REQUIRE(text_of(R"("\uE000")") == "\xEE\x80\x80");
    REQUIRE(text_of(R"("\uaBcD")") == "\xEA\xAF\x8D");
    REQUIRE(text_of(R"("\uFFFF")") == "\xEF\xBF\xBF");
    REQUIRE(text_of(R"("\uD800\uDC00")") == "\xF0\x90\x80\x80");
    REQUIRE(text_of(R"("\uD83D\uDE00")") == "\xF0\x9F\x98\x80");
    REQUIRE(text_of(R"("\uDBFF\uDFFF")") == "\xF4\x8F\xBF\xBF");
    REQUIRE(text_of(R"("a\nb\u00e9c")") == "a\nb\xC3\xA9"
                                           "c");
}

TEST_CASE("Every byte after a backslash that is no escape is refused", "[session][json]") {
    const std::string_view escapes = "\"\\/bfnrtu";
    for (int c = 0; c != 256; ++c) {
        const auto byte = static_cast<char>(c);
        if (escapes.find(byte) == std::string_view::npos)
            REQUIRE(refused_at("{\"t\":\"\\"s + byte + "\"}") == 7);
    }
}

TEST_CASE("A surrogate out of its pair is refused", "[session][json]") {
    for (const std::string bad :
         {R"(\uD800)", R"(\uDBFF)", R"(\uDC00)", R"(\uDFFF)", R"(\uD800x)", R"(\uD800\n)",
          R"(\uD800\u0041)", R"(\uD800\uD800)", R"(\uD800\uDBFF)", R"(\uD800\uE000)",
          R"(\uDC00\uDC00)", R"(\uDFFF\uDFFF)", R"(\uDC00\uD800)", R"(\uD83D\uDE0)", R"(\uD83D\u)",
          R"(\uD83D\)"})
        REQUIRE(is_refused("{\"t\":\"" + bad + "\"}"));
}

TEST_CASE("An escape needs four hexadecimal digits", "[session][json]") {
    for (const std::string bad :
         {R"(\u)", R"(\u1)", R"(\u12)", R"(\u123)", R"(\u123g)", R"(\u 123)", R"(\u+123)",
          R"(\u-001)", R"(\u12`4)", R"(\u:000)", R"(\u0x41)", R"(\U0041)", R"(\u@ABC)"})
        REQUIRE(is_refused("{\"t\":\"" + bad + "\"}"));
}

TEST_CASE("A bare control character in a string is refused and any other byte is not",
          "[session][json]") {
    for (int c = 0; c != 0x80; ++c) {
        const auto byte = static_cast<char>(c);
        const auto json = "{\"t\":\"x"s + byte + "\"}";
        if (c < 0x20)
            REQUIRE(refused_at(json) == 7);
        else if (byte != '"' && byte != '\\')
            REQUIRE(text_of("\"x"s + byte + "\"") == "x"s + byte);
    }
}

TEST_CASE("A string that is not UTF-8 is refused where it breaks", "[session][json]") {
    for (const auto& bad :
         {"\x80"s, "\xBF"s, "\xC0\xAF"s, "\xC1\xBF"s, "\xC2"s, "\xC2\x41"s, "\xE0\x9F\xBF"s,
          "\xE2\x82"s, "\xED\xA0\x80"s, "\xED\xBF\xBF"s, "\xF0\x8F\xBF\xBF"s, "\xF0\x9F\x98"s,
          "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xFE"s, "\xFF"s}) {
        REQUIRE(refused_at("{\"t\":\"ab" + bad + "\"}") == 8);
        REQUIRE(refused_at("{\"unknown\":\"ab" + bad + "\"}") == 14);
        REQUIRE(refused_at("{\"ab" + bad + "\":1}") == 4);
        REQUIRE(is_refused("{" + bad + "}"));
    }
}

TEST_CASE("A number is whole and fits 64 bits", "[session][json]") {
    REQUIRE(number_of("0") == 0);
    REQUIRE(number_of("7") == 7);
    REQUIRE(number_of("1234567890") == 1'234'567'890);
    REQUIRE(number_of("18446744073709551615") == UINT64_MAX);
    for (const std::string bad : {"18446744073709551616",
                                  "99999999999999999999999",
                                  "-1",
                                  "-0",
                                  "1.0",
                                  "1e2",
                                  "0.5",
                                  "1E0",
                                  "01",
                                  "00",
                                  "+1",
                                  "-",
                                  "1.",
                                  ".5",
                                  "1e",
                                  "1e+",
                                  "0x10",
                                  "1_000",
                                  "NaN",
                                  "Infinity",
                                  "\"1\"",
                                  "true",
                                  "null",
                                  "[1]",
                                  "{}",
                                  ""})
        REQUIRE(is_refused("{\"n\":" + bad + "}"));
}

TEST_CASE("A value of another type is refused by the name of its member", "[session][json]") {
    for (const std::string bad : {"18446744073709551616", "-1", "1.0", "\"1\"", "null", "[1]", "x"})
        REQUIRE(reading{"{\"n\":" + bad + "}"}.fault.value().message ==
                "the member 'n' must be a whole number from 0 to 18446744073709551615");
    for (const std::string bad : {"1", "null", "{}", "x"})
        REQUIRE(reading{"{\"t\":" + bad + "}"}.fault.value().message ==
                "the member 't' must be a string");
}

TEST_CASE("A text must be a string", "[session][json]") {
    for (const std::string bad :
         {"1", "true", "false", "null", "[\"a\"]", "{\"a\":\"b\"}", "'a'", "a", ""})
        REQUIRE(refused_at("{\"t\":" + bad + "}") == 5);
}

TEST_CASE("White space may stand wherever the grammar has it and nowhere else", "[session][json]") {
    const reading spaced{
        " \t\r\n{ \n\"t\"\t:\r\"a b\" , \"x\" : [ 1 , { } , [ ] ] ,\"n\" :\n 5 }\n "};
    REQUIRE_FALSE(spaced.fault);
    REQUIRE(spaced.text == "a b");
    REQUIRE(spaced.number == 5);
    for (const auto& space :
         {"\v"s, "\f"s, "\0"s, "\xC2\xA0"s, "\xEF\xBB\xBF"s, "//\n"s, "/**/"s}) {
        REQUIRE(refused_at(space + "{}") == 0);
        REQUIRE(refused_at("{}" + space) == 2);
        REQUIRE(refused_at("{" + space + "}") == 1);
    }
    REQUIRE(is_refused(R"({"x":1 2})"));
    REQUIRE(is_refused(R"({"x":t rue})"));
    REQUIRE(is_refused(R"({"x":- 1})"));
}

TEST_CASE("Members that nobody asked for are passed over whatever their value", "[session][json]") {
    for (const std::string value :
         {"\"\"", "\"\\u0000\"", "0", "-0", "-1", "1.5", "-1.5e-10", "1E+5", "0e0",
          "123456789012345678901234567890", "true", "false", "null", "[]", "{}", "[[],[{}]]",
          "{\"t\":1,\"n\":\"nested ones are not meant\",\"t\":2}", "[1,\"]\",{\"}\":\"{\"}]"}) {
        const reading read{"{\"x\":" + value + ",\"t\":\"a\",\"y\":" + value +
                           ",\"n\":5,\"x\":" + value + "}"};
        CAPTURE(value, read.fault.value_or(json_fault{}).message);
        REQUIRE_FALSE(read.fault);
        REQUIRE(read.text == "a");
        REQUIRE(read.number == 5);
    }
    const reading empty{"{}"};
    REQUIRE_FALSE(empty.fault);
    REQUIRE(empty.text == "not set");
    REQUIRE(empty.number == 4711);
}

TEST_CASE("A name is compared as what it means", "[session][json]") {
    REQUIRE(reading{R"({"\u0074":"a"})"}.text == "a");
    REQUIRE(reading{R"({"T":"a","t ":"b","":"c","t\u0000":"d"})"}.text == "not set");
}

TEST_CASE("A wanted member that is given twice or is missing is refused by name",
          "[session][json]") {
    const auto json = R"({"t":"a","n":1,"t":"a"})"s;
    REQUIRE(refused_at(json) == 15);
    REQUIRE(reading{json}.fault->message.find("'t'") != std::string::npos);
    REQUIRE(is_refused(R"({"n":1,"\u006e":1})"));

    std::string text;
    std::uint64_t number{};
    const auto missing = [&](std::string_view from) {
        std::array<json_member, 2> wanted{{{"t", text}, {"n", number}}};
        const auto fault = read_json_object(from, wanted);
        REQUIRE(fault);
        REQUIRE(fault->at == from.size() - 1);
        return fault->message;
    };
    REQUIRE(missing(R"({"t":"a"})") == "the member 'n' is missing");
    REQUIRE(missing(R"({"n":1})") == "the member 't' is missing");
    REQUIRE(missing(R"({"x":{"t":"a","n":1}})") == "the member 't' is missing");
    REQUIRE(missing("{}") == "the member 't' is missing");
}

TEST_CASE("Every text that is cut short is refused", "[session][json]") {
    const auto whole =
        R"({"t":"a\u00e9\uD83D\uDE00\n)"s + "\xE2\x82\xAC" +
        R"(","x":[true,false,null,-1.5e+3,{"y":[[],{}],"z":0}],"n":18446744073709551615})";
    REQUIRE_FALSE(reading{whole}.fault);
    for (std::size_t length = 0; length != whole.size(); ++length)
        REQUIRE(is_refused(std::string_view{whole}.substr(0, length)));
}

TEST_CASE("Every byte put into the place of another is refused or read as a value",
          "[session][json]") {
    const auto whole = R"({"t":"a\u00e9\n","x":[true,null,-1.5e+3,{"y":[]}],"n":1844})"s;
    for (std::size_t at = 0; at != whole.size(); ++at) {
        for (int c = 0; c != 256; ++c) {
            auto changed = whole;
            changed[at] = static_cast<char>(c);
            const reading read{changed};
            if (read.fault)
                REQUIRE(read.fault->at <= changed.size());
            else
                REQUIRE(is_utf8(read.text));
        }
    }
}

TEST_CASE("What is no single object is refused", "[session][json]") {
    for (const std::string_view bad : {"",
                                       " ",
                                       "null",
                                       "1",
                                       "\"t\"",
                                       "[]",
                                       "[{}]",
                                       "{}{}",
                                       "{},",
                                       "{} x",
                                       "{,}",
                                       "{\"t\"}",
                                       "{\"t\":}",
                                       "{\"t\":\"a\",}",
                                       "{\"t\":\"a\" \"n\":1}",
                                       "{\"t\":\"a\";\"n\":1}",
                                       "{t:1}",
                                       "{'t':1}",
                                       "{1:1}",
                                       "{null:1}",
                                       "{\"x\":[1,]}",
                                       "{\"x\":[,]}",
                                       "{\"x\":[1 2]}",
                                       "{\"x\":[}",
                                       "{\"x\":]}",
                                       "{\"x\":{]}",
                                       "}",
                                       "{\"x\":tru}",
                                       "{\"x\":nul}",
                                       "{\"x\":True}",
                                       "{\"x\":undefined}",
                                       "{\"x\":1}}",
                                       "{{}}",
                                       "{\"x\"::1}",
                                       "{\"x\":1,,\"y\":1}"})
        REQUIRE(is_refused(bad));
}

TEST_CASE("Nesting is bounded and a million brackets do no harm", "[session][json]") {
    const auto nested = [](std::size_t depth, std::string_view open, std::string_view close) {
        std::string json = "{\"x\":";
        for (std::size_t i = 1; i != depth; ++i)
            json += open;
        json += "1";
        for (std::size_t i = 1; i != depth; ++i)
            json += close;
        return json + "}";
    };
    REQUIRE_FALSE(reading{nested(max_json_depth, "[", "]")}.fault);
    REQUIRE_FALSE(reading{nested(max_json_depth, "{\"x\":", "}")}.fault);
    REQUIRE(is_refused(nested(max_json_depth + 1, "[", "]")));
    REQUIRE(is_refused(nested(max_json_depth + 1, "{\"x\":", "}")));
    REQUIRE(is_refused("{\"x\":" + std::string(1'000'000, '[')));
    REQUIRE(is_refused(nested(1'000'000, "{\"x\":", "}")));
}

TEST_CASE("A value replaces what stood there before", "[session][json]") {
    std::string text = "something longer that was there before";
    std::array<json_member, 1> wanted{{{"t", text}}};
    REQUIRE_FALSE(read_json_object(R"({"t":"b"})", wanted));
    REQUIRE(text == "b");
    std::array<json_member, 1> again{{{"t", text}}};
    REQUIRE_FALSE(read_json_object(R"({"t":""})", again));
    REQUIRE(text.empty());
}
