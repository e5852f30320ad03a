// SPDX-License-Identifier: BSL-1.0
// Which member of a cluster is asked, how often, and whether a call is known not to have taken
// place; with members that a test speaks for.
#include "backend/etcd_stand_in.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd_client.hpp>
#include <podscope/backend/etcd_refusal.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace backend_test;
using podscope::errc;
using podscope::etcd_errc;
using podscope::backend_detail::etcd_client;
using podscope_test::error_of;
using podscope_test::must;

constexpr std::string_view txn_path = "/v3/kv/txn";
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

    auto ask() { return client.ask(txn_path, "{}", client.deadline()); }

    auto tell() { return client.tell(txn_path, "{}", client.deadline(), was_sent); }

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

TEST_CASE("F45 a call that is refused for each token is refused for who asks", "[etcd]") {
    etcd_stand_in cluster;
    int asked = 0;
    cluster.answers =
        [&](const auto& at,
            const podscope::etcd_call& call) -> podscope::result<podscope::etcd_reply> {
        return call.path == authenticate ? etcd_stand_in::ok(R"(,"token":"t")")
                                         : (++asked, void_token(at, call));
    };
    caller by{known_as("pods"), cluster};
    CHECK(error_of(by.tell()).system == etcd_errc::bad_credentials);
    CHECK_FALSE(by.was_sent);
    CHECK(asked == 2);
}

TEST_CASE("F48 nonsense for a token is no etcd", "[etcd]") {
    etcd_stand_in cluster;
    const std::string says = GENERATE("", "[]", "7");
    cluster.answers = [&](const auto&, const auto&) { return podscope::etcd_reply{200, says}; };
    caller by{known_as("pods"), cluster};
    CHECK(error_of(by.tell()).system == etcd_errc::no_etcd);
    CHECK_FALSE(by.was_sent);
}

TEST_CASE("F45 a token is dropped by who was refused for it, and not the one that followed",
          "[etcd]") {
    // While one call is refused, another one is, too.
    const bool other_finds_one = GENERATE(true, false);
    CAPTURE(other_finds_one);
    etcd_stand_in cluster;
    caller* again = nullptr;
    int tokens = 0;
    cluster.answers =
        [&](const auto& at,
            const podscope::etcd_call& call) -> podscope::result<podscope::etcd_reply> {
        if (call.path == authenticate) {
            ++tokens;
            return tokens == 2 && !other_finds_one
                       ? podscope::result<podscope::etcd_reply>{etcd_stand_in::failed(
                             etcd_errc::no_etcd)}
                       : etcd_stand_in::ok(R"(,"token":")" + std::to_string(tokens) + '"');
        }
        if (call.token != "1") {
            return etcd_stand_in::ok();
        }
        if (auto* const by = std::exchange(again, nullptr)) {
            CHECK(by->ask().has_value() == other_finds_one);
        }
        return void_token(at, call);
    };
    caller by{known_as("pods"), cluster};
    again = &by;
    CHECK(by.tell().has_value());
    CHECK(tokens == (other_finds_one ? 2 : 3));
}

TEST_CASE("an answer of another cluster's to a call is none, and the call was not made of this one",
          "[etcd]") {
    etcd_stand_in cluster;
    cluster.answers = [](const auto&, const auto&) {
        return podscope::etcd_reply{200, R"({"header":{"cluster_id":"8"}})"};
    };
    caller by{members(2), cluster};
    CHECK(error_of(by.tell()).system == etcd_errc::wrong_cluster);
    CHECK_FALSE(by.was_sent);
}

TEST_CASE("F22 a client of etcd asks nothing in a forked copy of the process", "[etcd]") {
    etcd_stand_in cluster;
    cluster.answers = [](const auto&, const auto&) { return etcd_stand_in::ok(); };
    caller by{members(1), cluster};
    must(by.ask());
    const auto pid = ::fork();
    if (pid == 0) {
        const auto said = by.ask();
        ::_exit(!said && said.error().category == errc::forked ? 0 : 1);
    }
    int status{};
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
}

TEST_CASE("F48 what etcd refuses a call for says whether to ask again and whether it was done",
          "[etcd]") {
    using podscope::backend_detail::etcd_code;
    using podscope::backend_detail::read_refusal;
    for (const auto code : {etcd_code::cancelled, etcd_code::unknown, etcd_code::deadline_exceeded,
                            etcd_code::internal, etcd_code::unavailable}) {
        const auto read = read_refusal("here", code, "etcdserver: anything");
        CHECK(read.is_passing);
        CHECK(read.may_be_done);
        CHECK(read.why.system == etcd_errc::refused);
    }

    struct refusal {
        unsigned code;
        std::string_view why;
        etcd_errc means;
        bool is_passing;
    };

    for (const auto& [code, why, means, is_passing] : {
             refusal{8, "etcdserver: too many requests", etcd_errc::refused, true},
             refusal{9, "etcdserver: rpc not supported for learner", etcd_errc::refused, true},
             refusal{8, "etcdserver: mvcc: database space exceeded", etcd_errc::refused, false},
             refusal{16, "etcdserver: invalid auth token", etcd_errc::bad_credentials, false},
             refusal{3, "etcdserver: revision of auth store is old", etcd_errc::bad_credentials,
                     false},
             refusal{3, "etcdserver: user name is empty", etcd_errc::bad_credentials, false},
             refusal{3, "etcdserver: authentication failed, invalid user ID or password",
                     etcd_errc::bad_credentials, false},
             refusal{7, "etcdserver: permission denied", etcd_errc::not_permitted, false},
             refusal{11, "etcdserver: mvcc: required revision has been compacted",
                     etcd_errc::compacted, false},
             refusal{5, "etcdserver: requested lease not found", etcd_errc::refused, false},
         }) {
        CAPTURE(why);
        const auto read = read_refusal("here", etcd_code{code}, why);
        CHECK(read.why.system == means);
        CHECK(read.is_passing == is_passing);
        CHECK_FALSE(read.may_be_done);
        CHECK(read.why.message.find(why) != std::string::npos);
    }
}

TEST_CASE("each reason why etcd could not be used has words of its own", "[etcd]") {
    std::set<std::string> words;
    int reasons = 0;
    for (auto code = etcd_errc::no_endpoint; code <= etcd_errc::in_doubt;
         code = etcd_errc{static_cast<int>(code) + 1}) {
        ++reasons;
        words.insert(make_error_code(code).message());
    }
    CHECK(words.size() == static_cast<std::size_t>(reasons));
    CHECK_FALSE(words.contains("unknown"));
    CHECK(make_error_code(etcd_errc{99}).message() == "unknown");
    CHECK(make_error_code(etcd_errc::in_doubt).category().name() == std::string_view{"etcd"});
}
