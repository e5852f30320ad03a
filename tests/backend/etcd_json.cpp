// SPDX-License-Identifier: BSL-1.0
// What is said to etcd, and what answers that make no sense are taken for.
#include "support/catch.hpp"

#include <podscope/backend/base64.hpp>
#include <podscope/backend/etcd_channel.hpp>
#include <podscope/backend/etcd_json.hpp>
#include <podscope/backend/json_value.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace podscope::backend_detail;
using podscope::etcd_endpoint;

} // namespace

TEST_CASE("base64 is that of RFC 4648") {
    const std::vector<std::pair<std::string, std::string>> all{{"", ""},
                                                               {"f", "Zg=="},
                                                               {"fo", "Zm8="},
                                                               {"foo", "Zm9v"},
                                                               {"foob", "Zm9vYg=="},
                                                               {"fooba", "Zm9vYmE="},
                                                               {"foobar", "Zm9vYmFy"},
                                                               {"\xFF\xFE\xFD", "//79"}};
    for (const auto& [bytes, text] : all) {
        CHECK(to_base64(bytes) == text);
        CHECK(from_base64(text) == bytes);
    }
    std::string every;
    for (int c = 0; c < 256; ++c) {
        every.push_back(static_cast<char>(c));
        CHECK(from_base64(to_base64(every)) == every);
    }
    for (const auto* wrong : {"Z", "Zg=", "Zm9", "Zg==Zg==", "Z!==", "====", "Z\n=="}) {
        CAPTURE(wrong);
        CHECK_FALSE(from_base64(wrong));
    }
}

TEST_CASE("F48 JSON is read whatever its shape, and what is none is refused") {
    const auto read = json_value::parse(
        R"( {"n":"18446744073709551615","m":7,"t":true,"f":false,"z":null,"s":"a\u003cb\"\\\n",)"
        R"("l":[1,[],{"x":"y"}],"o":{}} )");
    REQUIRE(read);
    CHECK((*read)["n"].number() == 18446744073709551615ULL);
    CHECK((*read)["m"].number() == 7U);
    CHECK((*read)["t"].is_true());
    CHECK_FALSE((*read)["f"].is_true());
    CHECK((*read)["z"].is_null());
    CHECK((*read)["none"].is_null());
    CHECK((*read)["none"]["none"].items().empty());
    CHECK((*read)["none"].number() == 0U);
    CHECK((*read)["s"].text() == "a<b\"\\\n");
    CHECK_FALSE((*read)["s"].number());
    REQUIRE((*read)["l"].items().size() == 3);
    CHECK((*read)["l"].items()[2]["x"].text() == "y");
    CHECK((*read)["o"].is_object());
    for (const auto* wrong : {"", " ", "{", "[", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1",
                              "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "tru", "{}{}",
                              "{} x", "<html>", "{\"a\":1 \"b\":2}"}) {
        CAPTURE(wrong);
        CHECK_FALSE(json_value::parse(wrong));
    }
    CHECK(json_value::parse(std::string(json_value::max_depth, '[') +
                            std::string(json_value::max_depth, ']')));
    CHECK_FALSE(json_value::parse(std::string(json_value::max_depth + 1, '[') +
                                  std::string(json_value::max_depth + 1, ']')));
    CHECK_FALSE(json_value::parse(std::string(1'000'000, '[')));
}

TEST_CASE("what is said to etcd is JSON whatever the bytes") {
    const std::string odd{"\"\\\n\x01\xFF", 5};
    const auto txn = json_value::parse(
        etcd_txn({etcd_is_of(odd, 7), etcd_is_before("a", "b", 8), etcd_is_value("k", odd)},
                 {etcd_put(odd, odd, 9), etcd_erase(odd), etcd_range(odd, "z", 3, 4)},
                 {etcd_nested(etcd_txn({}, {}))}));
    REQUIRE(txn);
    REQUIRE((*txn)["compare"].items().size() == 3);
    CHECK(from_base64((*txn)["compare"].items()[0]["key"].text()) == odd);
    CHECK((*txn)["compare"].items()[1]["mod_revision"].number() == 8U);
    REQUIRE((*txn)["success"].items().size() == 3);
    CHECK(from_base64((*txn)["success"].items()[0]["request_put"]["value"].text()) == odd);
    CHECK((*txn)["success"].items()[0]["request_put"]["lease"].number() == 9U);
    CHECK((*txn)["success"].items()[2]["request_range"]["limit"].number() == 3U);
    CHECK((*txn)["success"].items()[2]["request_range"]["revision"].number() == 4U);
    // What need not be said is not.
    CHECK(etcd_range("a") == R"({"request_range":{"key":"YQ=="}})");
    CHECK(etcd_put("a", "b") == R"({"request_put":{"key":"YQ==","value":"Yg=="}})");
    CHECK((*txn)["failure"].items()[0]["request_txn"].is_object());
    const auto login = json_value::parse(etcd_object{}.text("password", "\"\\\n\x01").done());
    REQUIRE(login);
    CHECK((*login)["password"].text() == "\"\\\n\x01");
}

TEST_CASE("F48 an answer with rows that make no sense is none") {
    const auto answer = [](std::string_view rows) {
        const auto said = json_value::parse(
            R"({"header":{"revision":"5"},"succeeded":true,"responses":[{"response_range":{"kvs":[)" +
            std::string{rows} + "]}}]}");
        return said ? read_etcd_answer(*said) : std::nullopt;
    };
    const auto right = answer(R"({"key":"YQ==","value":"Yg==","mod_revision":"3"})");
    REQUIRE(right);
    CHECK(right->revision == 5);
    CHECK(right->has_succeeded);
    REQUIRE(right->answers.size() == 1);
    REQUIRE(right->answers[0].rows.size() == 1);
    CHECK(right->answers[0].rows[0].key == "a");
    CHECK(right->answers[0].rows[0].value == "b");
    CHECK(right->answers[0].rows[0].changed == 3);
    CHECK_FALSE(answer(R"({"key":"YQ=","value":"Yg==","mod_revision":"3"})"));
    CHECK_FALSE(answer(R"({"key":"YQ==","value":"!","mod_revision":"3"})"));
    CHECK_FALSE(answer(R"({"key":"YQ==","value":"Yg==","mod_revision":"-3"})"));
    CHECK_FALSE(answer(R"({"key":"YQ==","value":"Yg==","mod_revision":"18446744073709551616"})"));
    CHECK_FALSE(read_etcd_answer(*json_value::parse(R"({"header":{"revision":"x"}})")));
    CHECK_FALSE(read_etcd_answer(*json_value::parse("[]")));
    const auto within = [](const std::string& txn) {
        return read_etcd_answer(*json_value::parse(
            R"({"header":{"revision":"5"},"responses":[{"response_txn":)" + txn + "}]}"));
    };
    REQUIRE(within(R"({"header":{"revision":"5"},"succeeded":true})"));
    CHECK(within(R"({"header":{"revision":"5"},"succeeded":true})")->answers[0].has_succeeded);
    CHECK_FALSE(within(R"({"header":{"revision":"x"}})"));
}

TEST_CASE("an endpoint of etcd is a scheme, a host and a port") {
    const auto read = etcd_endpoint::parse("https://db-1.example:2379");
    REQUIRE(read);
    CHECK(read->is_tls);
    CHECK(read->host == "db-1.example");
    CHECK(read->port == "2379");
    const auto six = etcd_endpoint::parse("http://[::1]:2379/");
    REQUIRE(six);
    CHECK_FALSE(six->is_tls);
    CHECK(six->host == "::1");
    for (const auto* wrong :
         {"", "127.0.0.1:2379", "http://", "http://host", "http://host:", "http://:2379",
          "http://host:port", "http://host:2379/v3", "ftp://host:2379", "http://host:23 79",
          "http://ho/st:2379", "http://[::1:2379", "http://::1]:2379"}) {
        CAPTURE(wrong);
        CHECK_FALSE(etcd_endpoint::parse(wrong));
    }
}
