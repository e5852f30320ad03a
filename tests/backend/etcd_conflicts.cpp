// SPDX-License-Identifier: BSL-1.0
// What who writes is told when others are always faster.
#include "backend/etcd_handle.hpp"
#include "backend/etcd_wire.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::errc;
using podscope::etcd_errc;
using podscope::etcd_writer;
using podscope_test::error_of;
using podscope_test::etcd_server;
using podscope_test::must;

// A store in which somebody else is faster than each commit.
struct slow_writer {
    slow_writer(const etcd_server& server, const podscope::etcd_options& options)
        : other{open_at(server)},
          store{open_at(server, options, wire.dialler())} {
        wire.meddle_with_commits([this](const auto&, const auto& pass) {
            must(put(other, "n", "7"));
            return pass();
        });
    }

    etcd_wire wire{podscope::etcd_over_http()};
    podscope::etcd_backend other;
    podscope::etcd_backend store;
};

} // namespace

TEST_CASE("who writes to etcd is told after how many attempts others were faster", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    slow_writer mine{server, {.most_attempts = 3}};
    const auto why = error_of(add_one(mine.store, "n"));
    CHECK(why.category == errc::unavailable);
    CHECK(why.system == etcd_errc::conflicts);
    CHECK(why.message.find("3 times") != std::string::npos);
    CHECK(value_at(mine.other, "n") == "7");
}

TEST_CASE("who waits for his turn to write to etcd in vain is told of the conflict", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    slow_writer mine{server, {.deadline = 2s}};
    std::promise<void> has_turn;
    std::promise<void> may_go_on;
    int runs_in_turn = 0;
    std::thread first{[&] {
        (void)mine.store.write([&](etcd_writer& txn) {
            // It has met what the other one has put, and so a conflict.
            auto found = add_one(txn, "n");
            if (found && *found == 8 && ++runs_in_turn == 1) {
                has_turn.set_value();
                may_go_on.get_future().wait();
            }
            return found;
        });
    }};
    has_turn.get_future().wait();
    auto waited = add_one(mine.store, "n");
    may_go_on.set_value();
    first.join();
    CHECK(error_of(std::move(waited)).system == etcd_errc::conflicts);
}

TEST_CASE("who is overtaken until his time is over is told of the conflict", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    slow_writer mine{server, {.deadline = 2s}};
    const auto until = std::chrono::steady_clock::now() + 2s;
    mine.wire.meddle_with_commits([&](const auto&, const auto& pass) {
        must(put(mine.other, "n", "7"));
        auto reply = pass();
        CHECK(podscope_test::eventually([&] { return std::chrono::steady_clock::now() > until; }));
        return reply;
    });
    CHECK(error_of(add_one(mine.store, "n")).system == etcd_errc::conflicts);
}
