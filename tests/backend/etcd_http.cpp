// SPDX-License-Identifier: BSL-1.0
// How an etcd cluster is reached, and what is said where it is not: each has an error of its own,
// and nothing is half done.
#include "backend/etcd_handle.hpp"
#include "backend/etcd_imposter.hpp"
#include "support/catch.hpp"
#include "support/effort.hpp"
#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::errc;
using podscope::etcd_backend;
using podscope::etcd_errc;
using podscope::etcd_options;
using podscope::backend_detail::etcd_client;
using podscope::backend_detail::etcd_txn;
using podscope_test::error_of;
using podscope_test::etcd_server;
using podscope_test::must;

auto open(etcd_options options) {
    return etcd_backend::open(options, podscope::etcd_over_http());
}

podscope::error why_not_open(etcd_options options) {
    options.deadline = 2s;
    return error_of(open(std::move(options)));
}

std::string dead_endpoint() {
    return "http://127.0.0.1:" + std::to_string(podscope_test::free_ports(1)[0]);
}

// Calls of a server as its administrator makes them.
class administrator {
public:
    explicit administrator(const etcd_server& server, std::string user = {})
        : client_{{.endpoints = {server.endpoint()}, .user = user, .password = user},
                  podscope::etcd_over_http()} {
        must(client_.check_endpoints());
    }

    auto ask(std::string_view path, std::string_view body) {
        return must(client_.ask(path, body, client_.deadline()));
    }

    // A user `root` who may do all, and a user `pods` who may do what is below `podscope/`.
    void enable_authentication() {
        ask("/v3/auth/user/add", R"({"name":"root","password":"root"})");
        ask("/v3/auth/role/add", R"({"name":"root"})");
        ask("/v3/auth/user/grant", R"({"user":"root","role":"root"})");
        ask("/v3/auth/user/add", R"({"name":"pods","password":"pods"})");
        ask("/v3/auth/role/add", R"({"name":"pods"})");
        ask("/v3/auth/user/grant", R"({"user":"pods","role":"pods"})");
        const auto range = podscope::backend_detail::etcd_object{}
                               .raw("permType", "\"READWRITE\"")
                               .bytes("key", "podscope/")
                               .bytes("range_end", "podscope0")
                               .done();
        ask("/v3/auth/role/grant",
            podscope::backend_detail::etcd_object{}.text("name", "pods").raw("perm", range).done());
        ask("/v3/auth/enable", "{}");
    }

private:
    etcd_client client_;
};

} // namespace

TEST_CASE("F48 where no endpoint is up a store in etcd says so", "[etcd]") {
    const auto why = why_not_open({.endpoints = {dead_endpoint(), dead_endpoint()}});
    CHECK(why.category == errc::unavailable);
    CHECK(why.system == etcd_errc::no_endpoint);
    CHECK(why_not_open({.endpoints = {}}).system == etcd_errc::no_endpoint);
    CHECK(why_not_open({.endpoints = {"127.0.0.1:1"}}).system == etcd_errc::no_endpoint);
    CHECK(why_not_open({.endpoints = {"http://no.such.host.invalid:1"}}).system.category() ==
          podscope::etcd_category());
    CHECK(why_not_open({.endpoints = {"https://127.0.0.1:1"}}).system == etcd_errc::speaks_no_tls);
}

TEST_CASE("an etcd that takes too few operations for a commit is not asked for any", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    for (const std::size_t most : {0U, 2U}) {
        CHECK(why_not_open({.endpoints = {server.endpoint()}, .most_operations = most}).system ==
              std::errc::invalid_argument);
    }
    auto store = must(open({.endpoints = {server.endpoint()}, .most_operations = 3}));
    must(put(store, "k", "1"));
    CHECK(value_at(store, "k") == "1");
}

TEST_CASE("F48 an answer that is none of etcd's is an error in time", "[etcd]") {
    const std::vector<std::pair<std::string, etcd_errc>> all{
        {"", etcd_errc::expects_tls},
        {"\x15\x03\x01", etcd_errc::expects_tls},
        {"garbage\r\n\r\n", etcd_errc::no_etcd},
        {"SSH-2.0-OpenSSH_9.2\r\n", etcd_errc::no_etcd},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot JSON!", etcd_errc::no_etcd},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", etcd_errc::no_etcd},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"header\"", etcd_errc::no_endpoint},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", etcd_errc::no_etcd},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", etcd_errc::no_etcd},
        {"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops", etcd_errc::no_etcd},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", etcd_errc::no_etcd},
        {"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n", etcd_errc::no_etcd},
    };
    for (const auto& [says, wanted] : all) {
        CAPTURE(says.substr(0, 60));
        const etcd_imposter imposter{says};
        const auto why = why_not_open({.endpoints = {imposter.endpoint()}});
        CHECK(why.category == errc::unavailable);
        CHECK(why.system == wanted);
        CHECK(why.subject == imposter.endpoint());
    }
    const etcd_imposter silent{"", false};
    auto why = error_of(open({.endpoints = {silent.endpoint()}, .deadline = 200ms}));
    CHECK(why.category == errc::timeout);
    CHECK(why.system == etcd_errc::no_answer);
    const etcd_imposter slow{"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", false};
    why = error_of(open({.endpoints = {slow.endpoint()}, .deadline = 200ms}));
    CHECK(why.category == errc::timeout);
    CHECK(why.system == etcd_errc::no_answer);
}

TEST_CASE("F14 who has no descriptor left for a connection to etcd is told so", "[etcd]") {
    if (podscope_test::is_sanitised) {
        PODSCOPE_SKIP("a sanitizer makes system calls of its own");
    }
    const int lowest = ::dup(STDIN_FILENO);
    ::close(lowest);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{static_cast<rlim_t>(lowest), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto opened = open({.endpoints = {"http://127.0.0.1:1"}});
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().category == errc::unavailable);
    CHECK(opened.error().message.find("Too many open files") != std::string::npos);
}

TEST_CASE("F43 a store in etcd goes on at an endpoint that answers", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const etcd_imposter silent{"", false};
    const etcd_imposter other{"garbage\r\n\r\n"};
    auto store = must(open(
        {.endpoints = {dead_endpoint(), silent.endpoint(), other.endpoint(), server.endpoint()},
         .deadline = 2s}));
    must(put(store, "k", "1"));
    CHECK(value_at(store, "k") == "1");
}

TEST_CASE("F43 a member that only learns is left for one that answers", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    const auto ports = podscope_test::free_ports(2);
    const auto peer = "http://127.0.0.1:" + std::to_string(ports[1]);
    administrator{server}.ask("/v3/cluster/member/add",
                              R"({"peerURLs":[")" + peer + R"("],"isLearner":true})");
    const etcd_server learner{"learner", ports[0], ports[1],
                              "default=" + server.peer_endpoint() + ",learner=" + peer, "existing"};
    auto store = must(open({.endpoints = {learner.endpoint(), server.endpoint()}}));
    must(put(store, "k", "1"));
    CHECK(value_at(store, "k") == "1");
}

TEST_CASE("a cluster that is not the right one is not touched", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    administrator by{server};
    const auto id = *by.ask("/v3/maintenance/status", "{}")["header"]["cluster_id"].number();
    must(open({.endpoints = {server.endpoint()}, .cluster = id}));
    const auto why = why_not_open({.endpoints = {server.endpoint()}, .cluster = id + 1});
    CHECK(why.category == errc::unavailable);
    CHECK(why.system == etcd_errc::wrong_cluster);
    CHECK(why.message.find(std::to_string(id)) != std::string::npos);

    // Nor is another one that comes in the place of the first.
    etcd_server first;
    const etcd_server second;
    auto store = must(open({.endpoints = {first.endpoint(), second.endpoint()}}));
    must(put(store, "k", "1"));
    first.kill();
    CHECK(error_of(put(store, "k", "2")).category == errc::unavailable);
    CHECK(error_of(put(store, "k", "3")).system == etcd_errc::wrong_cluster);
    CHECK_FALSE(value_at(must(open({.endpoints = {second.endpoint()}})), "k"));
}

TEST_CASE("a store in etcd shows who asks and says who may not", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    etcd_server server;
    administrator{server}.enable_authentication();
    const auto with = [&](std::string user, std::string password) {
        return etcd_options{.endpoints = {server.endpoint()},
                            .user = std::move(user),
                            .password = std::move(password)};
    };
    for (const auto& wrong : {with("pods", "wrong"), with("nobody", "pods"), with("", "")}) {
        const auto why = why_not_open(wrong);
        CHECK(why.category == errc::unavailable);
        CHECK(why.system == etcd_errc::bad_credentials);
    }
    auto elsewhere = with("pods", "pods");
    elsewhere.prefix = "others/";
    CHECK(why_not_open(elsewhere).system == etcd_errc::not_permitted);

    auto store = must(open(with("pods", "pods")));
    must(put(store, "k", "1"));
    CHECK(value_at(store, "k") == "1");

    // It forgets its tokens, as when they expire.
    server.restart();
    CHECK(value_at(store, "k") == "1");
    must(put(store, "k", "2"));
    // A change of rights makes them void, too.
    administrator{server, "root"}.ask("/v3/auth/user/add", R"({"name":"new","password":"new"})");
    must(put(store, "k", "3"));
    CHECK(value_at(store, "k") == "3");
}

TEST_CASE("F46 a watch goes on with another token once its own is void", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    etcd_server server;
    administrator{server}.enable_authentication();
    // So long that nothing is read in a test but what it takes to watch.
    const etcd_options options{
        .endpoints = {server.endpoint()}, .user = "pods", .password = "pods", .freshness = 1h};
    const auto store = must(open(options));
    REQUIRE(podscope_test::eventually([&] { return is_steady(store); }));
    // Whoever gets a password, the same or another, has no token any more.
    administrator{server, "root"}.ask("/v3/auth/user/changepw",
                                      R"({"name":"pods","password":"pods"})");
    server.restart();
    auto other = must(open(options));
    for (int i = 0; i != 3; ++i) {
        const auto before = store.generation();
        must(put(other, "k", std::to_string(i)));
        CHECK(podscope_test::eventually([&] { return store.generation() != before; }));
    }
}

TEST_CASE("a user is no hindrance where etcd asks for none", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    const etcd_server server;
    auto store = must(open({.endpoints = {server.endpoint()}, .user = "pods", .password = "pods"}));
    must(put(store, "k", "1"));
    CHECK(value_at(store, "k") == "1");
}
