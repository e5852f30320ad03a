// SPDX-License-Identifier: BSL-1.0
// What a transaction in etcd fetches of what it asks for: no row of others, and none twice.
#include "backend/etcd_wire.hpp"
#include "backend/test_tables.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace backend_test;
using podscope::result;
using podscope::scan;
using podscope_test::etcd_server;
using podscope_test::must;

using key_list = std::vector<std::string>;

std::size_t times_in(std::string_view text, std::string_view of) {
    std::size_t found = 0;
    for (auto at = text.find(of); at != std::string_view::npos; at = text.find(of, at + 1)) {
        ++found;
    }
    return found;
}

struct fetched {
    std::size_t ranges{};
    std::size_t rows{};

    friend bool operator==(const fetched&, const fetched&) = default;
};

// A store whose requests are counted, and what is in them.
class counted_store {
public:
    explicit counted_store(const etcd_server& server)
        : store{must(
              podscope::open_etcd_store({.endpoints = {server.endpoint()}}, wire.dialler()))} {}

    template <class F>
    fetched fetched_by(F&& body) {
        fetched seen;
        wire.meddle([&](const podscope::etcd_call& call, const etcd_wire::passing& pass) {
            auto reply = pass();
            seen.ranges += times_in(call.body, "\"request_range\"");
            seen.rows += times_in(reply.value().body, "\"mod_revision\"");
            return reply;
        });
        body();
        wire.meddle({});
        return seen;
    }

    etcd_wire wire{podscope::etcd_over_http()};
    podscope::etcd_store store;
};

template <class Table>
key_list all_with(podscope::etcd_store& store, std::string_view prefix) {
    return must(store.read([&](auto& txn) -> result<key_list> {
        key_list found;
        auto done =
            podscope::scan_prefix<Table>(txn, prefix, [&](std::string_view key, const auto&) {
                found.emplace_back(key);
                return scan::next;
            });
        return done ? result<key_list>{std::move(found)} : podscope::fail(done);
    }));
}

// The first row of each of these places, or behind it.
key_list first_from(podscope::etcd_store& store, const key_list& places) {
    return must(store.read([&](auto& txn) -> result<key_list> {
        key_list found;
        for (const auto& place : places) {
            auto done = txn.template scan<numbers>(place, [&](std::string_view key, const auto&) {
                found.emplace_back(key);
                return scan::stop;
            });
            if (!done) {
                return podscope::fail(done);
            }
        }
        return found;
    }));
}

TEST_CASE("a scan in etcd fetches no row behind what it asks for", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    counted_store mine{server};
    for (const std::string key : {"a/1", "a/2", "a\xff", "b/1", "b/2"}) {
        must(put<notes>(mine.store, key, note{.text = "one"}));
        must(put<notes_too>(mine.store, key, note{.text = "another"}));
        must(put_number(mine.store, key, 1));
    }
    counted_store other{server};
    // As much when it is known what there was as when nothing is.
    for (int times = 0; times != 2; ++times) {
        CAPTURE(times);
        key_list found;
        CHECK(other.fetched_by([&] { found = all_with<notes>(other.store, "a/"); }).rows == 2);
        CHECK(found == key_list{"a/1", "a/2"});
        CHECK(other.fetched_by([&] { found = all_with<notes>(other.store, "b"); }).rows == 2);
        CHECK(found == key_list{"b/1", "b/2"});
        CHECK(other.fetched_by([&] { found = all_with<notes>(other.store, "a\xff"); }).rows == 1);
        CHECK(found == key_list{"a\xff"});
        CHECK(other.fetched_by([&] { found = all_with<notes>(other.store, ""); }).rows == 5);
        CHECK(found == key_list{"a/1", "a/2", "a\xff", "b/1", "b/2"});
        CHECK(other.fetched_by([&] { found = all_with<notes>(other.store, "c"); }).rows == 0);
        CHECK(found.empty());
    }
}

TEST_CASE("what a transaction in etcd asks for twice it fetches once", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    counted_store mine{server};
    must(put_number(mine.store, "k", 1));
    must(put_number(mine.store, "m", 1));
    const key_list places{"a", "b", "c", "d", "k"};
    (void)first_from(mine.store, places);
    key_list found;
    CHECK(mine.fetched_by([&] { found = first_from(mine.store, places); }) == fetched{1, 2});
    CHECK(found == key_list{"k", "k", "k", "k", "k"});

    SECTION("a row that others have put there since is seen all the same") {
        counted_store other{server};
        must(put_number(other.store, "b2", 1));
        CHECK(first_from(mine.store, places) == key_list{"b2", "b2", "k", "k", "k"});
        must(put_number(other.store, "c", 1));
        CHECK(first_from(mine.store, places) == key_list{"b2", "b2", "c", "k", "k"});
    }
    SECTION("and so is one that is there no more") {
        counted_store other{server};
        must(erase(other.store, "k"));
        CHECK(first_from(mine.store, places) == key_list{"m", "m", "m", "m", "m"});
        must(erase(other.store, "m"));
        CHECK(first_from(mine.store, places).empty());
    }
    SECTION("a row is fetched once that is read twice") {
        const auto twice = [&] {
            must(mine.store.read([](auto& txn) -> result<void> {
                must(txn.template get<numbers>("k"));
                must(txn.template get<numbers>("k"));
                return {};
            }));
        };
        twice();
        CHECK(mine.fetched_by(twice) == fetched{1, 1});
    }
}

} // namespace
