// SPDX-License-Identifier: BSL-1.0
// What a holder learns of commits without asking, and what it knows when the cluster is silent.
#include "backend/etcd_handle.hpp"
#include "backend/etcd_wire.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/verify/conformance/catch2.hpp>
#include <podscope/verify/conformance/store.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::etcd_backend;
using podscope::etcd_options;
using podscope::etcd_writer;
using podscope::result;
using podscope::verify::deviation;
using podscope_test::etcd_server;
using podscope_test::must;

// What it does not keep, and says so in its documentation.
struct declared : etcd_backend {
    explicit declared(etcd_backend of) : etcd_backend{std::move(of)} {}

    static constexpr std::array deviations{
        deviation{"the generation moves with every commit before that is reported",
                  "with another handle's soon after"},
        deviation{"nothing is newer while the generation is the same",
                  "for etcd_options::freshness"},
        deviation{"the generation moves in every process before a commit is reported",
                  "soon after"}};
};

struct watched {
    const etcd_server* server;
    std::string prefix;

    auto open() const -> result<declared> {
        auto opened = etcd_backend::open(
            {.endpoints = {server->endpoint()}, .prefix = prefix, .freshness = 2s},
            podscope::etcd_over_http());
        return opened ? result<declared>{declared{*std::move(opened)}} : podscope::fail(opened);
    }
};

bool comes_true(const std::function<bool()>& condition) {
    return podscope_test::eventually(condition, 20s);
}

} // namespace

TEST_CASE("F01 F42 a watched store in etcd keeps what it promises", "[etcd][concurrent]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    int places = 0;
    PODSCOPE_CHECK_PROMISES(podscope::verify::check_store(
        [&] { return watched{&server, "place" + std::to_string(++places) + "/"}; }, {.rounds = 2}));
}

TEST_CASE("I7 a watched store in etcd hears of every commit without a request", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    // So long that only the watch can be the one that tells.
    const etcd_options patient{.deadline = 10s, .freshness = 600s};
    auto store = open_at(server, patient);
    auto other = open_at(server, patient);
    REQUIRE(comes_true([&] { return is_steady(store); }));
    // Whether the watch has begun shows by this alone.
    const auto first = store.generation();
    must(put(other, "k", "0"));
    REQUIRE(comes_true([&] { return store.generation() != first; }));
    for (int i = 0; i != 20; ++i) {
        const auto before = store.generation();
        must(put(other, "k", std::to_string(i)));
        CHECK(comes_true([&] { return store.generation() != before; }));
    }
    const auto before = store.generation();
    must(put(store, "k", "mine"));
    CHECK(store.generation() != before);
}

TEST_CASE("F46 a watched store in etcd misses nothing while its watch is broken", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    etcd_server server;
    auto store = open_at(server, {.freshness = 2s});
    REQUIRE(comes_true([&] { return is_steady(store); }));
    for (int i = 0; i != 3; ++i) {
        const auto before = store.generation();
        server.restart();
        {
            podscope::backend_detail::etcd_client by{{.endpoints = {server.endpoint()}},
                                                     podscope::etcd_over_http()};
            must(by.check_endpoints());
            auto other = must(podscope::etcd_backend::open({.endpoints = {server.endpoint()}},
                                                           podscope::etcd_over_http()));
            must(put(other, "k", std::to_string(i)));
            const auto said = must(by.ask("/v3/kv/range", R"({"key":"YQ=="})", by.deadline()));
            const auto now = *said["header"]["revision"].number();
            must(by.ask("/v3/kv/compaction", R"({"revision":")" + std::to_string(now) + R"("})",
                        by.deadline()));
        }
        CHECK(comes_true([&] { return is_steady(store) && store.generation() != before; }));
    }
}

TEST_CASE("F44 F48 a watched store in etcd knows nothing once the cluster was silent too long",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    auto store = open_at(server, {.deadline = 2s, .freshness = 200ms});
    REQUIRE(comes_true([&] { return is_steady(store); }));
    server.pause();
    CHECK(comes_true([&] { return !store.is_warm(); }));
    std::set<std::uint64_t> seen;
    for (int i = 0; i != 10; ++i) {
        seen.insert(store.generation());
    }
    CHECK(seen.size() == 10);
    CHECK_FALSE(store.read([](podscope::etcd_reader& txn) { return txn.get("k"); }));
    server.go_on();
    CHECK(comes_true([&] { return is_steady(store); }));
}

TEST_CASE("a watched store in etcd can go while the cluster is silent", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    etcd_server server;
    const bool is_killed = GENERATE(true, false);
    CAPTURE(is_killed);
    {
        auto store = open_at(server, {.freshness = 200ms});
        REQUIRE(comes_true([&] { return is_steady(store); }));
        if (is_killed) {
            server.kill();
        } else {
            server.pause();
        }
        CHECK(comes_true([&] { return !store.is_warm(); }));
    }
    if (!is_killed) {
        server.go_on();
    }
}

TEST_CASE("a watched store in etcd does not wait longer than a call may take when it goes",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const etcd_wire wire{podscope::etcd_over_http()};
    wire.hang_up(); // so that it has a request under way all the time
    std::optional store{open_at(server, {.deadline = 2s, .freshness = 1h}, wire.dialler())};
    REQUIRE(comes_true([&] { return store->is_warm(); }));
    server.pause();
    (void)wire.take_count();
    REQUIRE(comes_true([&] { return wire.take_count().reads > 0; }));
    std::atomic<bool> has_gone{false};
    std::thread going{[&] {
        store.reset();
        has_gone = true;
    }};
    CHECK(comes_true([&] { return has_gone.load(); }));
    server.go_on();
    going.join();
}

TEST_CASE("F22 a forked copy knows nothing of a watched store in etcd", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    {
        auto store = open_at(server, {.freshness = 2s});
        REQUIRE(comes_true([&] { return is_steady(store); }));
        const auto pid = ::fork();
        if (pid == 0) {
            int code = 1;
            {
                const auto mine = std::move(store);
                code = mine.generation() != mine.generation() && !mine.is_warm() ? 0 : 1;
            }
            ::_exit(code);
        }
        int status{};
        REQUIRE(::waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
        CHECK(comes_true([&] { return is_steady(store); }));
    }
}

TEST_CASE("a watched store in etcd takes the longest times for what they are", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    constexpr auto longest = std::chrono::milliseconds::max();
    auto store = open_at(server, {.deadline = longest, .freshness = longest});
    must(put(store, "k", "1"));
    CHECK(comes_true([&] { return is_steady(store); }));
}

TEST_CASE("F15 a watch for which memory ran out once goes on", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const etcd_wire wire{podscope::etcd_over_http()};
    auto store = open_at(server, {.freshness = 400ms}, wire.dialler());
    auto other = open_at(server);
    REQUIRE(comes_true([&] { return is_steady(store); }));
    std::atomic<bool> has_run_out{false};
    wire.meddle([&](const podscope::etcd_call&, const auto& pass) {
        // Nobody but the thread that watches asks for anything.
        if (!has_run_out.exchange(true)) {
            throw std::bad_alloc{};
        }
        return pass();
    });
    REQUIRE(comes_true([&] { return has_run_out.load(); }));
    wire.meddle({});
    const auto before = store.generation();
    must(put(other, "k"));
    CHECK(comes_true([&] { return is_steady(store) && store.generation() != before; }));
}

TEST_CASE("F44 F48 a watched store in etcd knows nothing while its reads are answered by nonsense",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const etcd_wire wire{podscope::etcd_over_http()};
    const auto store = open_at(server, {.freshness = 400ms}, wire.dialler());
    for (const auto* says :
         {"[]", R"({"header":{"revision":"9"}})", R"({"responses":[{"response_range":{}}]})",
          R"({"header":{"revision":"9"},"responses":[{}]})"}) {
        CAPTURE(says);
        REQUIRE(comes_true([&] { return is_steady(store); }));
        wire.meddle([&](const podscope::etcd_call& call, const auto& pass) {
            return call.path == "/v3/kv/txn"
                       ? podscope::result<podscope::etcd_reply>{podscope::etcd_reply{200, says}}
                       : pass();
        });
        CHECK(comes_true([&] { return !store.is_warm(); }));
        wire.meddle({});
    }
}

TEST_CASE("F48 a watch that ends at once each time is begun no more often than there are reads",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const etcd_wire wire{podscope::etcd_over_http()};
    const auto store = open_at(server, {.freshness = 400ms}, wire.dialler());
    REQUIRE(comes_true([&] { return wire.lines() >= 1; }));
    wire.hang_up();
    etcd_wire::count all;
    (void)wire.take_count();
    REQUIRE(comes_true([&] {
        const auto more = wire.take_count();
        all.reads += more.reads;
        all.others += more.others;
        return all.reads >= 10;
    }));
    // A greeting for each connection.
    CHECK(all.others <= all.reads + 3);
}

TEST_CASE("I7 a watched store in etcd hears of commits in a cluster that was put back from a copy",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    etcd_server server;
    auto first = open_at(server);
    must(put(first, "k", "there is something to copy"));
    server.restart_and_copy();
    const etcd_wire wire{podscope::etcd_over_http()};
    const auto store = open_at(server, {.freshness = 400ms}, wire.dialler());
    {
        auto other = open_at(server);
        for (int i = 0; i != 50; ++i) {
            must(put(other, "k", std::to_string(i)));
        }
    }
    // It has read what the last of them has left: one that is begun now is the second.
    std::size_t reads = 0;
    (void)wire.take_count();
    REQUIRE(comes_true([&] { return (reads += wire.take_count().reads) >= 3; }));
    server.restart_from_copy();
    auto other = open_at(server);
    for (int i = 0; i != 5; ++i) {
        const auto before = store.generation();
        must(put(other, "k", std::to_string(i)));
        CHECK(comes_true([&] { return is_steady(store) && store.generation() != before; }));
    }
}
