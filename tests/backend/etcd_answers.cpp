// SPDX-License-Identifier: BSL-1.0
// Answers that are well written and cannot be true: what a store in etcd does not take for a state
// of its cluster.
#include "backend/etcd_stand_in.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"

#include <podscope/backend/base64.hpp>
#include <podscope/backend/etcd.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace backend_test;
using podscope::etcd_errc;
using podscope_test::error_of;
using podscope_test::must;

std::string row(std::string_view key, std::string_view below = "podscope/rows/") {
    return R"({"key":")" +
           podscope::backend_detail::to_base64(std::string{below} + std::string{key}) +
           R"(","value":"Yg==","mod_revision":"3"})";
}

std::string range(const std::string& rows, std::string_view besides = {}) {
    return R"({"response_range":{"kvs":[)" + rows + "]" + std::string{besides} + "}}";
}

// A store that gets the same answer to each request.
class told_store {
public:
    told_store() {
        etcd_stand_in cluster;
        cluster.answers = [this](const auto&, const auto&) { return says; };
        store.emplace(must(podscope::etcd_backend::open({}, cluster.dialler())));
    }

    told_store(const told_store&) = delete;
    told_store& operator=(const told_store&) = delete;

    void is_told(const std::string& responses) {
        says = etcd_stand_in::ok(R"(,"succeeded":true,"responses":[)" + responses + "]");
    }

    // The keys of all rows from "b" on.
    [[nodiscard]] auto keys() const {
        using list = std::vector<std::string>;
        return store->read([](podscope::etcd_reader& txn) -> podscope::result<list> {
            list found;
            auto done = txn.scan("b", [&](std::string_view key, std::string_view) {
                found.emplace_back(key);
                return podscope::scan::next;
            });
            return done ? podscope::result<list>{std::move(found)} : podscope::fail(done);
        });
    }

    podscope::etcd_reply says{etcd_stand_in::ok(R"(,"responses":[)" + range("") + "]")};
    std::optional<podscope::etcd_backend> store{};
};

} // namespace

TEST_CASE("F48 rows that nobody asked for are no answer to a read", "[etcd]") {
    told_store mine;
    mine.is_told(range(row("b") + "," + row("c")));
    CHECK(must(mine.keys()) == std::vector<std::string>{"b", "c"});
    for (const auto& wrong : {
             range("", R"(,"more":true)"),
             range(row("a") + "," + row("b")),
             range(row("a"), R"(,"more":true)"),
             range(row("b") + "," + row("", "podscope/rows0")),
             range(row("c") + "," + row("b")),
             range(row("b") + "," + row("b")),
             range("") + "," + range(""),
             std::string{"{}"},
             std::string{R"({"response_put":{}})"},
             std::string{R"({"response_range":7})"},
         }) {
        CAPTURE(wrong);
        mine.is_told(wrong);
        const auto read = mine.keys();
        CHECK_FALSE(read);
        CHECK((read || read.error().system == etcd_errc::no_etcd));
    }
    mine.says = {200,
                 R"({"header":{"cluster_id":"7","revision":"0"},"responses":[)" + range("") + "]}"};
    CHECK(error_of(mine.keys()).system == etcd_errc::no_etcd);
}

TEST_CASE("F48 a state that is compacted away each time it is read is not read for ever",
          "[etcd]") {
    etcd_stand_in cluster;
    bool is_open = false;
    int asked = 0;
    cluster.answers = [&](const auto&, const auto&) {
        ++asked;
        return is_open ? etcd_stand_in::refused(11, "etcdserver: mvcc: required revision has been "
                                                    "compacted")
                       : etcd_stand_in::ok(R"(,"responses":[)" + range("") + "]");
    };
    auto store = must(podscope::etcd_backend::open({}, cluster.dialler()));
    is_open = true;
    asked = 0;
    CHECK(error_of(store.read([](podscope::etcd_reader& txn) { return txn.get("k"); })).system ==
          etcd_errc::compacted);
    CHECK(asked > 1);
}

TEST_CASE("a store of tables in etcd that cannot be opened says why", "[etcd]") {
    const etcd_stand_in cluster;
    CHECK(
        error_of(podscope::open_etcd_store({.endpoints = {"nowhere"}}, cluster.dialler())).system ==
        etcd_errc::no_endpoint);
}

TEST_CASE("F48 a watch that is told nonsense is begun anew", "[etcd]") {
    using namespace std::chrono_literals;
    const std::string says = GENERATE("", "no JSON", "{}", "7", R"({"result":7})",
                                      R"({"error":{"message":"etcdserver: no leader"}})",
                                      R"({"result":{"created":true,"canceled":true}})");
    CAPTURE(says);
    std::atomic<int> begun{0};
    etcd_stand_in cluster;
    cluster.answers = [](const auto&, const auto&) {
        return etcd_stand_in::ok(R"(,"responses":[)" + range("") + "]");
    };
    cluster.tells = [&](const auto&, const auto&) {
        ++begun;
        return podscope::etcd_reply{200, says};
    };
    const auto store = must(podscope::etcd_backend::open({.freshness = 1h}, cluster.dialler()));
    CHECK(podscope_test::eventually([&] { return begun >= 3; }));
}
