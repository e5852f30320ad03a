// SPDX-License-Identifier: BSL-1.0
// Which member of a cluster is asked, how often, and whether a call is known not to have taken
// place; with members that a test speaks for.
#include "backend/etcd_stand_in.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd_client.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace backend_test;
using podscope::etcd_errc;
using podscope::backend_detail::etcd_client;
using podscope_test::error_of;
using podscope_test::must;

constexpr std::string_view txn = "/v3/kv/txn";
constexpr std::string_view authenticate = "/v3/auth/authenticate";

podscope::etcd_options members(std::size_t count) {
    podscope::etcd_options made{.endpoints = {}};
    for (std::size_t i = 0; i != count; ++i) {
        made.endpoints.push_back("http://member" + std::to_string(i) + ":1");
    }
    return made;
}

podscope::etcd_options known_as(std::string user, podscope::etcd_options made = members(1)) {
    made.user = std::move(user);
    return made;
}

struct caller {
    caller(podscope::etcd_options options, const etcd_stand_in& cluster)
        : client{std::move(options), cluster.dialler()} {
        must(client.check_endpoints());
    }

    auto ask() { return client.ask(txn, "{}", client.deadline()); }

    auto tell() { return client.tell(txn, "{}", client.deadline(), was_sent); }

    etcd_client client;
    bool was_sent{};
};

const etcd_stand_in::answering void_token = [](const auto&, const auto&) {
    return etcd_stand_in::refused(16, "etcdserver: invalid auth token");
};

} // namespace

TEST_CASE("F45 a call that was refused for its token is made again with another", "[etcd]") {
    etcd_stand_in cluster;
    int tokens = 0;
    int made = 0;
    bool hangs_up = GENERATE(false, true);
    cluster.answers =
        [&](const auto&,
            const podscope::etcd_call& call) -> podscope::result<podscope::etcd_reply> {
        if (call.path == authenticate) {
            if (tokens == 1 && std::exchange(hangs_up, false)) {
                return etcd_stand_in::closed();
            }
            return etcd_stand_in::ok(R"(,"token":")" + std::to_string(++tokens) + '"');
        }
        if (call.token != "2") {
            return etcd_stand_in::refused(16, "etcdserver: invalid auth token");
        }
        ++made;
        return etcd_stand_in::ok();
    };
    caller by{known_as("pods"), cluster};
    CHECK(by.tell().has_value());
    CHECK(made == 1);
}

TEST_CASE("F45 a call that was refused for its token has not taken place", "[etcd]") {
    etcd_stand_in cluster;
    int tokens = 0;
    const auto next = GENERATE(etcd_errc::no_answer, etcd_errc::no_etcd);
    cluster.answers =
        [&](const auto& at,
            const podscope::etcd_call& call) -> podscope::result<podscope::etcd_reply> {
        if (call.path != authenticate) {
            return void_token(at, call);
        }
        if (++tokens == 1) {
            return etcd_stand_in::ok(R"(,"token":"1")");
        }
        return etcd_stand_in::failed(next);
    };
    caller by{known_as("pods"), cluster};
    CHECK(error_of(by.tell()).system == next);
    CHECK_FALSE(by.was_sent);
}

TEST_CASE("F43 who follows is served by the next member where one does not serve", "[etcd]") {
    etcd_stand_in cluster;
    cluster.tells = [](const auto& at, const auto&) -> podscope::result<podscope::etcd_reply> {
        return podscope::etcd_reply{200, at.host};
    };
    const auto host_followed = [&](const etcd_stand_in& by, podscope::etcd_options options) {
        caller mine{std::move(options), by};
        auto stream = must(mine.client.follow("/v3/watch", "{}", mine.client.deadline()));
        return must(stream->next_line(mine.client.deadline()));
    };
    const auto is_first = [](const podscope::etcd_endpoint& at) { return at.host == "member0"; };

    SECTION("it is another cluster's") {
        cluster.greets = [&](const auto& at,
                             const auto&) -> podscope::result<podscope::etcd_reply> {
            return is_first(at) ? podscope::etcd_reply{200, R"({"header":{"cluster_id":"8"}})"}
                                : etcd_stand_in::ok();
        };
        auto options = members(2);
        options.cluster = 7;
        CHECK(host_followed(cluster, options) == "member1");
    }
    SECTION("it gives no token") {
        const auto fails = GENERATE(true, false);
        cluster.answers = [&](const auto& at,
                              const auto&) -> podscope::result<podscope::etcd_reply> {
            if (!is_first(at)) {
                return etcd_stand_in::ok(R"(,"token":"1")");
            }
            return fails ? podscope::result<podscope::etcd_reply>{etcd_stand_in::closed()}
                         : etcd_stand_in::refused(14, "etcdserver: no leader");
        };
        CHECK(host_followed(cluster, known_as("pods", members(2))) == "member1");
    }
    SECTION("it hangs up") {
        cluster.tells = [&](const auto& at, const auto&) -> podscope::result<podscope::etcd_reply> {
            return is_first(at) ? podscope::result<podscope::etcd_reply>{etcd_stand_in::closed()}
                                : podscope::etcd_reply{200, at.host};
        };
        CHECK(host_followed(cluster, members(2)) == "member1");
    }
}

TEST_CASE("F43 who follows again goes on at the next member", "[etcd]") {
    etcd_stand_in cluster;
    cluster.tells = [](const auto& at, const auto&) -> podscope::result<podscope::etcd_reply> {
        return podscope::etcd_reply{200, at.host};
    };
    caller mine{members(3), cluster};
    for (const auto* host : {"member0", "member1", "member2", "member0"}) {
        auto stream = must(mine.client.follow("/v3/watch", "{}", mine.client.deadline()));
        CHECK(must(stream->next_line(mine.client.deadline())) == host);
    }
}
