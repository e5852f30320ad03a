// SPDX-License-Identifier: BSL-1.0
// Rows that hang on a lease: what goes with it and what stays, who learns of it, and what a handle
// knows of its own.
#include "backend/etcd_handle.hpp"
#include "backend/etcd_raw.hpp"
#include "backend/etcd_wire.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/verify/conformance/catch2.hpp>
#include <podscope/verify/conformance/store.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::etcd_backend;
using podscope::etcd_options;
using podscope::etcd_reader;
using podscope::etcd_writer;
using podscope::result;
using podscope_test::etcd_server;
using podscope_test::eventually;
using podscope_test::must;

static_assert(podscope::leasing_byte_writer<etcd_writer>);

// So long that nothing ends in a test but what the test ends.
constexpr std::chrono::seconds long_term = 1h;
const etcd_options leasing{.lease_term = long_term};

result<void> put_leased(etcd_backend& store, std::string_view key) {
    return store.write([&](etcd_writer& txn) { return txn.put_leased(key, "leased"); });
}

result<void> put_beside(etcd_backend& store, std::string_view key, std::string_view beside) {
    return store.write([&](etcd_writer& txn) { return txn.put_beside(key, "beside", beside); });
}

bool is_there(const etcd_backend& store, std::string_view key) {
    return must(store.read([&](etcd_reader& txn) { return txn.get(key); })).has_value();
}

std::string only_new(const std::vector<std::string>& before, const std::vector<std::string>& now) {
    std::vector<std::string> made;
    std::set_difference(now.begin(), now.end(), before.begin(), before.end(),
                        std::back_inserter(made));
    REQUIRE(made.size() == 1);
    return made.front();
}

// The lease that a handle's rows hang on, made by this.
std::string lease_of(etcd_backend& store, raw_etcd& raw) {
    must(put(store, "any")); // its mark has one, too
    const auto before = raw.leases();
    must(put_leased(store, "first"));
    return only_new(before, raw.leases());
}

} // namespace

TEST_CASE("F42 F44 a store in etcd whose rows hang on leases keeps all that stores promise",
          "[etcd][concurrent]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    int places = 0;
    const auto report = podscope::verify::check_store(
        [&] {
            return etcd_place{{.endpoints = {server.endpoint()},
                               .prefix = "place" + std::to_string(++places) + "/",
                               .lease_term = 1s}};
        },
        {.rounds = 1});
    PODSCOPE_CHECK_PROMISES(report);
    for (const auto& one : report.names(podscope::verify::standing::deviates)) {
        CHECK(one.find("lease") == std::string::npos);
    }
}

TEST_CASE("rows in etcd go with the lease that they hang on, and no others", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    raw_etcd raw{server.endpoint()};
    auto mine = open_at(server, leasing);
    auto other = open_at(server, leasing);
    auto without = open_at(server);
    const auto lease = lease_of(mine, raw);
    const auto others = lease_of(other, raw);
    for (const auto* key : {"mine", "kept", "loosened", "moved", "erased"}) {
        must(put_leased(mine, key));
    }
    // By whomever, and whether or not he has a lease.
    must(put_beside(other, "by other", "mine"));
    must(put_beside(without, "by another", "by other"));
    must(put_beside(other, "kept", "kept"));
    must(put_beside(without, "kept", "kept"));
    must(other.write([](etcd_writer& txn) -> result<void> {
        must(txn.put_leased("new", "1"));
        must(txn.put_beside("beside new", "1", "new"));
        must(txn.put_beside("moved", "1", "new"));
        must(txn.erase("erased"));
        return txn.put_beside("beside erased", "1", "erased");
    }));
    must(put_beside(mine, "beside none", "none"));
    must(put(other, "loosened"));
    must(put_leased(without, "without"));
    raw.end(lease);
    for (const auto* key : {"mine", "kept", "by other", "by another", "erased"}) {
        CAPTURE(key);
        CHECK_FALSE(is_there(other, key));
    }
    for (const auto* key :
         {"loosened", "moved", "new", "beside new", "beside none", "beside erased", "without"}) {
        CAPTURE(key);
        CHECK(is_there(other, key));
    }
    raw.end(others);
    for (const auto* key : {"moved", "new", "beside new"}) {
        CAPTURE(key);
        CHECK_FALSE(is_there(without, key));
    }
    CHECK(is_there(without, "beside none"));
    CHECK(is_there(without, "beside erased"));
    CHECK(is_there(without, "without"));
}

TEST_CASE("a lease in etcd is kept up as long as its handle is there, and ends after it",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const auto reader = open_at(server);
    {
        const etcd_wire wire{podscope::etcd_over_http()};
        std::atomic<std::size_t> renewals{0};
        wire.meddle([&](const podscope::etcd_call& call, const auto& pass) {
            renewals += call.path == "/v3/lease/keepalive" ? 1U : 0U;
            return pass();
        });
        auto store = open_at(server, {.lease_term = 1s}, wire.dialler());
        must(put_leased(store, "k"));
        // Twice its term and more.
        REQUIRE(eventually([&] { return renewals >= 12; }));
        CHECK(is_there(reader, "k"));
    }
    CHECK(eventually([&] { return !is_there(reader, "k"); }));
}

TEST_CASE("F15 F44 a lease in etcd is kept up though memory ran out for a renewal", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const etcd_wire wire{podscope::etcd_over_http()};
    auto store = open_at(server, {.lease_term = 1s}, wire.dialler());
    must(put_leased(store, "k"));
    std::atomic<std::size_t> renewals{0};
    wire.meddle([&](const podscope::etcd_call& call, const auto& pass) {
        if (call.path == "/v3/lease/keepalive" && ++renewals == 1) {
            throw std::bad_alloc{};
        }
        return pass();
    });
    // Twice its term and more.
    CHECK(eventually([&] { return renewals >= 12; }));
    wire.meddle({});
    CHECK(is_there(store, "k"));
}

TEST_CASE("F44 who has lost a lease in etcd hangs his next rows on a new one", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    raw_etcd raw{server.endpoint()};
    auto store = open_at(server, {.freshness = 1h, .lease_term = long_term});
    REQUIRE(eventually([&] { return is_steady(store); }));
    raw.end(lease_of(store, raw));
    const auto before = raw.leases();
    // More than etcd takes in one transaction that is in no other.
    must(store.write([](etcd_writer& txn) -> result<void> {
        for (int i = 0; i != 200; ++i) {
            must(txn.put_leased("row" + std::to_string(i), "1"));
        }
        return {};
    }));
    CHECK_FALSE(is_there(store, "first"));
    CHECK(is_there(store, "row199"));
    for (const auto& made : raw.leases()) {
        if (!std::binary_search(before.begin(), before.end(), made)) {
            raw.end(made);
        }
    }
    CHECK_FALSE(is_there(store, "row0"));
}

TEST_CASE("what a transaction in etcd has read may not have gone with a lease at its commit",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    raw_etcd raw{server.endpoint()};
    // With more than etcd compares, it is compared otherwise.
    const int others = GENERATE(0, 300);
    const bool scans = GENERATE(false, true);
    CAPTURE(others, scans);
    auto holder = open_at(server, leasing);
    auto second = open_at(server, leasing);
    const auto lease = lease_of(holder, raw);
    must(put_leased(second, "held/2"));
    must(put_leased(holder, "held/1"));
    const etcd_wire wire{podscope::etcd_over_http()};
    auto store = open_at(server, {}, wire.dialler());
    for (int i = 0; i != others; i += 100) {
        must(store.write([&](etcd_writer& txn) -> result<void> {
            for (int j = i; j != i + 100; ++j) {
                must(txn.put("other/" + std::to_string(j), "1"));
            }
            return {};
        }));
    }
    std::size_t commits = 0;
    wire.meddle_with_commits([&](const auto&, const auto& pass) {
        if (++commits == 1) {
            raw.end(lease);
        }
        return pass();
    });
    must(store.write([&](etcd_writer& txn) -> result<void> {
        bool found = false;
        if (scans) {
            must(txn.scan("held/", [&](std::string_view key, std::string_view) {
                found = found || key == "held/1";
                return podscope::scan::next;
            }));
        } else {
            must(txn.get("held/2"));
            found = must(txn.get("held/1")).has_value();
        }
        for (int i = 0; i != others; ++i) {
            must(txn.get("other/" + std::to_string(i)));
        }
        return txn.put("seen", found ? "there" : "gone");
    }));
    CHECK(commits == 2);
    CHECK(must(store.read([](etcd_reader& txn) { return txn.get("seen"); })) == "gone");
}

TEST_CASE("F43 a lease in etcd outlives each member of a cluster, its leader among them",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    podscope_test::etcd_cluster cluster;
    const etcd_wire wire{podscope::etcd_over_http()};
    std::atomic<std::size_t> renewals{0};
    wire.meddle([&](const podscope::etcd_call& call, const auto& pass) {
        auto reply = pass();
        const bool is_renewed = call.path == "/v3/lease/keepalive" && reply &&
                                reply->body.find(R"("TTL":")") != std::string::npos;
        renewals += is_renewed ? 1U : 0U;
        return reply;
    });
    auto store = must(
        etcd_backend::open({.endpoints = cluster.endpoints(), .lease_term = 5s}, wire.dialler()));
    must(put_leased(store, "k"));
    for (std::size_t i = 0; i != podscope_test::etcd_cluster::members; ++i) {
        cluster.at(i).restart();
        const auto before = renewals.load();
        REQUIRE(eventually([&] { return renewals >= before + 2; }));
        CHECK(is_there(store, "k"));
    }
}

TEST_CASE("a transaction in etcd may read what hangs on more leases than etcd compares", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    constexpr std::size_t most = 8;
    std::vector<etcd_backend> holders;
    for (std::size_t i = 0; i != 2 * most; ++i) {
        holders.push_back(open_at(server, leasing));
        must(put_leased(holders.back(), "held/" + std::to_string(i)));
    }
    const etcd_wire wire{podscope::etcd_over_http()};
    auto store = open_at(server, {.most_operations = most}, wire.dialler());
    std::vector<std::size_t> compared;
    wire.meddle_with_commits([&](const podscope::etcd_call& call, const auto& pass) {
        std::size_t count = 0;
        for (auto at = call.body.find(R"("target")"); at != std::string_view::npos;
             at = call.body.find(R"("target")", at + 1)) {
            ++count;
        }
        compared.push_back(count);
        return pass();
    });
    must(store.write([](etcd_writer& txn) -> result<void> {
        must(txn.scan("held/",
                      [](std::string_view, std::string_view) { return podscope::scan::next; }));
        return txn.put("seen", "all");
    }));
    CHECK(compared == std::vector{most});
}

TEST_CASE("a row that was to hang on a lease which ends before the commit is put nowhere",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    raw_etcd raw{server.endpoint()};
    auto holder = open_at(server, leasing);
    const auto lease = lease_of(holder, raw);
    const etcd_wire wire{podscope::etcd_over_http()};
    auto store = open_at(server, {}, wire.dialler());
    must(put(store, "any"));
    std::size_t commits = 0;
    wire.meddle_with_commits([&](const auto&, const auto& pass) {
        if (++commits == 1) {
            raw.end(lease);
        }
        return pass();
    });
    must(put_beside(store, "beside", "first"));
    CHECK(commits == 2);
    CHECK(is_there(store, "beside")); // beside nothing, as the second run has seen
}

TEST_CASE("I7 a watched store in etcd hears of the end of a lease", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    raw_etcd raw{server.endpoint()};
    auto holder = open_at(server, leasing);
    const bool is_deaf = GENERATE(false, true);
    CAPTURE(is_deaf);
    const etcd_wire wire{podscope::etcd_over_http()};
    // So long that only the watch can be the one that tells, or so short that it need not.
    const auto store = open_at(server, {.freshness = is_deaf ? std::chrono::milliseconds{2s} : 1h},
                               wire.dialler());
    const auto lease = lease_of(holder, raw);
    const auto has_heard = [&](auto before) {
        return is_steady(store) && store.generation() != before;
    };
    // That the watch has begun, and a commit.
    REQUIRE(eventually([&] { return wire.lines() >= 1; }));
    must(put(holder, "any"));
    REQUIRE(eventually([&] { return wire.lines() >= 2; }));
    REQUIRE(eventually([&] { return is_steady(store); }));
    if (is_deaf) {
        wire.deafen();
        // By what it reads from now on.
        const auto before = store.generation();
        must(put(holder, "any"));
        REQUIRE(eventually([&] { return has_heard(before); }));
    }
    const auto before = store.generation();
    raw.end(lease);
    CHECK(eventually([&] { return has_heard(before); }));
}

TEST_CASE("F44 F47 a store in etcd is sure of nothing once its lease may have ended", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    // Nothing but its lease can make it doubt.
    auto store = open_at(server, {.deadline = 500ms, .freshness = 1h, .lease_term = 1s});
    REQUIRE(eventually([&] { return is_steady(store); }));
    must(put_leased(store, "k"));
    REQUIRE(eventually([&] { return is_steady(store); }));
    server.pause();
    CHECK(eventually([&] { return !store.is_warm(); }));
    std::set<std::uint64_t> seen;
    for (int i = 0; i != 10; ++i) {
        seen.insert(store.generation());
    }
    CHECK(seen.size() == 10);
    CHECK_FALSE(store.read([](etcd_reader& txn) { return txn.get("k"); }));
    server.go_on();
    CHECK(eventually([&] { return is_steady(store); }));
}

TEST_CASE("F44 what a store in etcd knows nothing of is never twice the same", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    raw_etcd raw{server.endpoint()};
    // First its watch makes it doubt, and then its second lease.
    auto store = open_at(server, {.freshness = 400ms, .lease_term = 1s});
    raw.end(lease_of(store, raw));
    must(put_leased(store, "k"));
    REQUIRE(eventually([&] { return is_steady(store); }));
    server.pause();
    REQUIRE(eventually([&] { return !store.is_warm(); }));
    // Longer than the cluster makes such a term.
    std::uint64_t before = 0;
    std::size_t repeated = 0;
    const auto until = std::chrono::steady_clock::now() + 2s;
    while (std::chrono::steady_clock::now() < until) {
        const auto now = store.generation();
        repeated += now == before ? 1U : 0U;
        before = now;
    }
    server.go_on();
    CHECK(repeated == 0);
}

TEST_CASE("F43 a store in etcd with a lease can go while the cluster is silent", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    etcd_server server;
    const bool is_killed = GENERATE(true, false);
    CAPTURE(is_killed);
    {
        auto store = open_at(server, {.freshness = 200ms, .lease_term = 1s});
        must(put_leased(store, "k"));
        if (is_killed) {
            server.kill();
        } else {
            server.pause();
        }
        CHECK(eventually([&] { return !store.is_warm(); }));
    }
    if (!is_killed) {
        server.go_on();
    }
}

TEST_CASE("F22 a forked copy has no part in the lease of a store in etcd", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const etcd_wire wire{podscope::etcd_over_http()};
    std::atomic<std::size_t> renewals{0};
    wire.meddle([&](const podscope::etcd_call& call, const auto& pass) {
        renewals += call.path == "/v3/lease/keepalive" ? 1U : 0U;
        return pass();
    });
    std::optional<etcd_backend> store{open_at(server, {.lease_term = 1s}, wire.dialler())};
    must(put_leased(*store, "k"));
    const auto pid = ::fork();
    if (pid == 0) {
        const auto done = put_leased(*store, "mine");
        store.reset();
        ::_exit(!done && done.error().category == podscope::errc::forked ? 0 : 1);
    }
    int status{};
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
    const auto before = renewals.load();
    CHECK(eventually([&] { return renewals >= before + 12; }));
    CHECK(is_there(*store, "k"));
}
