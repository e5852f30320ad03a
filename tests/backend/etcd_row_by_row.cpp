// SPDX-License-Identifier: BSL-1.0
// A transaction in etcd in which each read depends on the one before: it cannot be guessed for
// ever, and is given row by row, at one revision still.
#include "backend/etcd_handle.hpp"
#include "backend/etcd_wire.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace backend_test;
using podscope::etcd_errc;
using podscope::etcd_reader;
using podscope::etcd_writer;
using podscope::fail;
using podscope::result;
using podscope::scan;
using podscope_test::error_of;
using podscope_test::etcd_server;
using podscope_test::must;

constexpr int links = 24;

std::string key_of(int row) {
    return "row" + std::to_string(100 + row);
}

// Each row has the key of the next one.
void link_rows(podscope::etcd_backend& store) {
    for (int i = 0; i != links; ++i) {
        must(put(store, key_of(i), key_of(i + 1)));
    }
}

using step =
    std::function<result<std::optional<std::string>>(const etcd_reader&, std::string_view)>;

result<std::optional<std::string>> by_get(const etcd_reader& txn, std::string_view key) {
    return txn.get(key);
}

result<std::optional<std::string>> by_scan(const etcd_reader& txn, std::string_view key) {
    std::optional<std::string> found;
    auto done = txn.scan(key, [&](std::string_view, std::string_view value) {
        found = value;
        return scan::stop;
    });
    return done ? result<std::optional<std::string>>{std::move(found)} : fail(done);
}

result<std::optional<std::string>> by_lease(const etcd_reader& txn, std::string_view key) {
    auto leased = txn.is_leased(key);
    return leased ? txn.get(key) : fail(leased);
}

// The key of the last row, of which there is none.
result<std::string> last_of(const etcd_reader& txn, const step& next) {
    std::string at = key_of(0);
    for (;;) {
        auto value = next(txn, at);
        if (!value) {
            return fail(value);
        }
        if (!*value) {
            return at;
        }
        at = **value;
    }
}

} // namespace

TEST_CASE("a transaction in etcd may read by what it has read, however often", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    auto other = open_at(server);
    link_rows(other);
    for (const step& next : {step{by_get}, step{by_scan}, step{by_lease}}) {
        // A handle that has seen none of it.
        const auto store = open_at(server);
        CHECK(must(store.read([&](etcd_reader& txn) { return last_of(txn, next); })) ==
              key_of(links));
        // Once it is known where there is no row, what follows is read all the same.
        CHECK_FALSE(must(store.read([&](etcd_reader& txn) -> result<std::optional<std::string>> {
            auto last = last_of(txn, next);
            auto none = last ? txn.get(*last) : fail(last);
            return none ? by_scan(txn, *last) : std::move(none);
        })));
    }
}

TEST_CASE("F48 a read that fails in the middle of a transaction is its error", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    auto other = open_at(server);
    link_rows(other);
    for (const step& next : {step{by_get}, step{by_scan}, step{by_lease}}) {
        const auto reads_if_one_fails = [&](int bad) {
            const etcd_wire wire{podscope::etcd_over_http()};
            const auto store = open_at(server, {}, wire.dialler());
            int reads = 0;
            wire.meddle([&](const podscope::etcd_call&, const auto& pass) {
                return ++reads >= bad ? result<podscope::etcd_reply>{{502, "Bad Gateway"}} : pass();
            });
            auto read = store.read([&](etcd_reader& txn) { return last_of(txn, next); });
            if (reads < bad) {
                CHECK(must(std::move(read)) == key_of(links));
            } else {
                CHECK(error_of(std::move(read)).system == etcd_errc::no_etcd);
            }
            return reads;
        };
        const int all = reads_if_one_fails(links * links);
        CHECK(all > 1);
        for (int bad = 1; bad <= all; ++bad) {
            CAPTURE(bad);
            CHECK(reads_if_one_fails(bad) >= bad);
        }
    }
}

TEST_CASE("F48 a row that was to be put beside one that cannot be read is put nowhere", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    auto other = open_at(server);
    link_rows(other);
    const etcd_wire wire{podscope::etcd_over_http()};
    auto store = open_at(server, {}, wire.dialler());
    int reads = 0;
    wire.meddle([&](const podscope::etcd_call&, const auto& pass) {
        return ++reads > 5 ? result<podscope::etcd_reply>{{502, "Bad Gateway"}} : pass();
    });
    const auto why = error_of(store.write([&](etcd_writer& txn) -> result<void> {
        std::string at = key_of(0);
        for (int i = 0; i != links; ++i) {
            auto done = txn.put_beside("beside", "1", at);
            auto value = done ? txn.get(at) : fail(done);
            if (!value) {
                return fail(value);
            }
            at = value->value_or(at);
        }
        return {};
    }));
    CHECK(why.system == etcd_errc::no_etcd);
    CHECK_FALSE(value_at(other, "beside"));
}
