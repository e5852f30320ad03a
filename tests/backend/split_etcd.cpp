// SPDX-License-Identifier: BSL-1.0
// A split store whose first part is in etcd: what its rows hang on.
#include "backend/etcd_raw.hpp"
#include "backend/etcd_wire.hpp"
#include "backend/map_backend.hpp"
#include "backend/split_parts.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/backend/etcd_layout.hpp>
#include <podscope/backend/leased_rows.hpp>
#include <podscope/backend/lifted.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::result;
using podscope_test::etcd_server;
using podscope_test::why_not;

using over_bytes = split_of<podscope::etcd_store, podscope::lifted<map_backend>>;
using over_memory = split_of<podscope::etcd_store, second_memory>;
using without_leases = split_of<first_memory, second_memory>;

static_assert(podscope::leases_rows<over_bytes::writer, numbers>);
static_assert(podscope::leases_rows<over_memory::writer, numbers>);
static_assert(podscope::reads_leased<over_memory::reader, numbers>);
static_assert(!podscope::reads_leased<over_memory::reader, notes>);
static_assert(!podscope::leases_rows<over_memory::writer, notes>);
static_assert(!podscope::leases_rows<over_memory::writer, numbers, notes>);
static_assert(!podscope::reads_leased<without_leases::reader, numbers>);

podscope::etcd_store open_store_at(const etcd_server& server) {
    return must(podscope::open_etcd_store({.endpoints = {server.endpoint()}, .lease_term = 1h},
                                          podscope::etcd_over_http()));
}

std::string key_of(const std::string& row) {
    const podscope::etcd_options as_opened{};
    return podscope::backend_detail::etcd_layout{as_opened.prefix}.rows +
           podscope::backend_detail::lifted_key<numbers>(row);
}

} // namespace

TEST_CASE("a write of a split store commits once to its second part, guesses or not",
          "[etcd][split]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    over_memory store{open_store_at(server), second_memory{}};
    // The first one has the two parts meet, and nothing to guess by.
    int runs = 0;
    for (int number = 1; number != 5; ++number) {
        const auto before = store.second().generation();
        runs = 0;
        must(store.write([&](auto& txn) -> result<void> {
            ++runs;
            const auto key = "row " + std::to_string(number);
            const auto last = must(txn.template get<numbers>("last"));
            must(txn.template put<numbers>("last", {last ? last->value + 1 : 1, {}}));
            must(txn.template put<numbers>(key, {number, {}}));
            return txn.template put<notes>(key, {std::to_string(number), {}, {}});
        }));
        CAPTURE(number, runs);
        CHECK((number == 1 || store.second().generation() == before + 1));
    }
    REQUIRE(runs > 1);
    const auto all = must(contents_of(store));
    CHECK(all.first.at("last").value == 4);
    CHECK(all.first.size() == 5);
    CHECK(all.second.size() == 4);
    CHECK(is_settled(store));
}

TEST_CASE("a split store whose first part is a watched etcd bets nothing of its second part",
          "[etcd][split]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const etcd_wire wire{podscope::etcd_over_http()};
    over_memory store{must(podscope::open_etcd_store(
                          {.endpoints = {server.endpoint()}, .freshness = 1h}, wire.dialler())),
                      second_memory{}};
    auto other = open_store_at(server);
    int number = 0;
    const auto add = [&](auto&& meanwhile) {
        ++number;
        int runs = 0;
        must(store.write([&](auto& txn) -> result<void> {
            if (++runs == 1) {
                meanwhile();
            }
            const auto last = must(txn.template get<numbers>("last"));
            must(txn.template put<numbers>("last", {last ? last->value + 1 : 1, {}}));
            return txn.template put<notes>("note", {std::to_string(number), {}, {}});
        }));
    };
    REQUIRE(podscope_test::eventually([&] { return store.first().bytes().is_warm(); }));
    // The first two have the parts meet and leave something to bet on.
    add([] {});
    add([] {});
    for (const bool comes_between : {false, true}) {
        CAPTURE(comes_between);
        const auto before = store.second().generation();
        (void)wire.take_count();
        add([&] {
            if (comes_between) {
                must(put_number(other, "elsewhere", number));
            }
        });
        CHECK(wire.take_count() == etcd_wire::count{1, 1, 0});
        CHECK(store.second().generation() == before + 1);
    }
    const auto all = must(contents_of(store));
    CHECK(all.first.at("last").value == number);
    CHECK(all.second.at("note").text == std::to_string(number));
    CHECK(is_settled(store));
}

TEST_CASE("F43 what a guess of a split store comes to is nobody's answer", "[etcd][split]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const etcd_wire wire{podscope::etcd_over_http()};
    over_memory store{
        must(podscope::open_etcd_store({.endpoints = {server.endpoint()}}, wire.dialler())),
        second_memory{}};
    const auto try_it = [&] {
        return store.write([&](auto& txn) -> result<void> {
            return must(txn.template get<numbers>("row"))
                       ? podscope::fail(podscope::error{.category = errc::conflict})
                       : result<void>{};
        });
    };
    must(store.write([](auto& txn) {
        must(txn.template put<numbers>("row", {1, {}}));
        return txn.template put<notes>("row", {"one", {}, {}});
    }));
    CHECK(why_not(try_it()) == errc::conflict);
    wire.meddle([](const auto&, const auto&) {
        return result<podscope::etcd_reply>{{403, R"({"error":"permission denied","code":7})"}};
    });
    CHECK(why_not(try_it()) == errc::unavailable);
}

TEST_CASE("F44 a row of a split store hangs on what it hung on, though its body is run again",
          "[etcd][split]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const map_backend records; // which runs each body twice
    over_bytes mine{open_store_at(server), podscope::lifted{records}};
    over_bytes theirs{open_store_at(server), podscope::lifted{records}};
    must(mine.write([](auto& txn) { return txn.template put_leased<numbers>("mine", {1, {}}); }));
    must(theirs.write([](auto& txn) { return txn.template put_leased<numbers>("row", {1, {}}); }));
    must(theirs.write([](auto& txn) { return txn.template put<numbers>("plain", {1, {}}); }));
    raw_etcd raw{server.endpoint()};
    const auto my_lease = raw.lease_of(key_of("mine"));
    const auto their_lease = raw.lease_of(key_of("row"));
    REQUIRE(my_lease != their_lease);

    const std::string what = GENERATE("put", "put on my lease", "put beside mine", "erased");
    CAPTURE(what);
    int runs = 0;
    bool row_is_leased{};
    bool plain_is_leased{};
    std::optional<number> found;
    must(mine.write([&](auto& txn) -> result<void> {
        const bool is_first = ++runs % 2 == 1;
        // Of these only what the last run has seen is so.
        row_is_leased = must(txn.template is_leased<numbers>("row"));
        plain_is_leased = must(txn.template is_leased<numbers>("plain"));
        found = must(txn.template get<numbers>("row"));
        must(txn.template put<notes>("note", {std::to_string(runs), {}, {}}));
        if (!is_first) {
            must(txn.template put_beside<numbers, numbers>("beside", {2, {}}, "row"));
            return txn.template put_beside<numbers, numbers>("row", {2, {}}, "row");
        }
        must(txn.template put_leased<numbers>("plain", {3, {}}));
        if (what == "put") {
            return txn.template put<numbers>("row", {3, {}});
        }
        if (what == "put on my lease") {
            return txn.template put_leased<numbers>("row", {3, {}});
        }
        if (what == "put beside mine") {
            return txn.template put_beside<numbers, numbers>("row", {3, {}}, "mine");
        }
        return txn.template erase<numbers>("row");
    }));
    REQUIRE(runs % 2 == 0);
    CHECK(row_is_leased);
    CHECK_FALSE(plain_is_leased);
    CHECK(found == number{1, {}});
    CHECK(raw.lease_of(key_of("row")) == their_lease);
    CHECK(raw.lease_of(key_of("beside")) == their_lease);
    CHECK(raw.lease_of(key_of("plain")) == raw.lease_of(key_of("none")));
    const auto all = must(contents_of(mine));
    CHECK(all.first.at("row").value == 2);
    CHECK(all.first.at("plain").value == 1);

    raw.end(their_lease);
    const auto left = must(contents_of(mine));
    CHECK_FALSE(left.first.contains("row"));
    CHECK_FALSE(left.first.contains("beside"));
    CHECK(left.first.contains("mine"));
    CHECK(left.first.contains("plain"));
    CHECK(left.second == all.second);
}

TEST_CASE("a registry in etcd goes with the one pod store that it has met", "[etcd][split]") {
    PODSCOPE_NEEDS_ETCD();
    using records = second_journal<podscope::durability::power>;
    using apart = split_of<podscope::etcd_store, records>;
    const etcd_server server;
    const podscope_test::temporary_folder folder;
    const auto open_with = [&](const char* name) {
        return apart{open_store_at(server), must(records::open(folder / name))};
    };
    const auto change = [](apart& store, int value) {
        return store.write([&](auto& txn) -> result<void> {
            must(txn.template put<numbers>("row", {value, {}}));
            return txn.template put<notes>("row", {std::to_string(value), {}, {}});
        });
    };
    auto first = open_with("first");
    must(change(first, 1));
    auto second = open_with("second");
    CHECK(why_not(change(second, 2)) == errc::unavailable);
    CHECK(why_not(contents_of(second)) == errc::unavailable);
    must(change(first, 3));
    CHECK(must(contents_of(first)).second.at("row").text == "3");
}
