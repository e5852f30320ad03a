// SPDX-License-Identifier: BSL-1.0
// What goes wrong with commits to an etcd, with the marks that they leave and with leases: each is
// told for what it is, nothing is done twice or half, and the next one goes on.
#include "backend/etcd_handle.hpp"
#include "backend/etcd_raw.hpp"
#include "backend/etcd_stand_in.hpp"
#include "backend/etcd_wire.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/eventually.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::etcd_call;
using podscope::etcd_errc;
using podscope::etcd_reply;
using podscope::etcd_writer;
using podscope::result;
using podscope_test::error_of;
using podscope_test::etcd_server;
using podscope_test::eventually;
using podscope_test::must;

using passing = etcd_wire::passing;

const etcd_reply lease_not_found =
    etcd_stand_in::refused(5, "etcdserver: requested lease not found");
const etcd_reply no_answer_at_all{502, "<html>Bad Gateway</html>"};

bool has(const etcd_call& call, std::string_view what) {
    return call.body.find(what) != std::string_view::npos;
}

bool asks_what_became(const etcd_call& call) {
    return has(call, "VALUE");
}

bool makes_mark(const etcd_call& call) {
    return call.path == "/v3/kv/txn" && has(call, "request_put") &&
           call.body.starts_with(R"({"compare":[])");
}

bool grants(const etcd_call& call) {
    return call.path == "/v3/lease/grant";
}

bool renews(const etcd_call& call) {
    return call.path == "/v3/lease/keepalive";
}

// A store of one handle, to whose calls something happens.
struct troubled {
    explicit troubled(podscope::etcd_options options = {})
        : store{open_at(server, std::move(options), wire.dialler())} {}

    // Answers the first few of those calls by this, instead of etcd.
    void answer(const std::function<bool(const etcd_call&)>& which,
                const etcd_reply& by,
                int times = 1'000) const {
        wire.meddle([which, by, left = std::make_shared<int>(times)](
                        const etcd_call& call, const passing& pass) -> result<etcd_reply> {
            return which(call) && (*left)-- > 0 ? result<etcd_reply>{by} : pass();
        });
    }

    [[nodiscard]] podscope::error why_not_put(std::string_view value) {
        return error_of(put(store, "k", value));
    }

    // Nothing is left over of what went wrong.
    void check_holds(const std::optional<std::string>& value) {
        wire.meddle({});
        CHECK(value_at(store, "k") == value);
        must(put(store, "k", "last"));
        CHECK(value_at(store, "k") == "last");
    }

    etcd_server server{};
    etcd_wire wire{podscope::etcd_over_http()};
    podscope::etcd_backend store;
};

result<void> put_leased_row(podscope::etcd_backend& store) {
    return store.write([](etcd_writer& txn) { return txn.put_leased("k", "leased"); });
}

} // namespace

TEST_CASE("F45 F48 an answer that does not say what became of a commit leaves it in doubt",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine;
    must(put(mine.store, "k", "1"));
    const std::string range{R"({"response_range":{}})"};
    const std::string other_row{
        R"({"response_range":{"kvs":[{"key":"a2V5","value":"b3RoZXI=","mod_revision":"3"}]}})"};
    for (const auto& says :
         {std::string{R"("responses":[])"}, R"("responses":[)" + range + "]",
          R"("succeeded":true,"responses":[)" + range + "]",
          R"("responses":[{"response_txn":{"responses":[)" + range + "]}}]",
          R"("responses":[{"response_txn":{"responses":[)" + other_row + "]}}]"}) {
        CAPTURE(says);
        mine.wire.meddle([&](const etcd_call& call, const passing& pass) -> result<etcd_reply> {
            if (asks_what_became(call)) {
                return etcd_reply{200, R"({"header":{"revision":"9"},)" + says + "}"};
            }
            return etcd_wire::is_commit(call) ? etcd_wire::lost() : pass();
        });
        const auto why = mine.why_not_put("2");
        CHECK(why.system == etcd_errc::in_doubt);
        CHECK(why.message.find("what it left behind") != std::string::npos);
    }
    mine.check_holds("1");
}

TEST_CASE("F15 F45 a commit for whose answer memory ran out is looked for", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine;
    must(put(mine.store, "k", "1"));
    int commits = 0;
    std::function<result<etcd_reply>(const passing&)> when_asked;
    mine.wire.meddle([&](const etcd_call& call, const passing& pass) -> result<etcd_reply> {
        if (asks_what_became(call)) {
            return when_asked(pass);
        }
        auto reply = pass();
        if (etcd_wire::is_commit(call) && ++commits == 1) {
            throw std::bad_alloc{};
        }
        return reply;
    });
    SECTION("and found") {
        when_asked = [](const passing& pass) { return pass(); };
        must(put(mine.store, "k", "2"));
        CHECK(commits == 1);
    }
    SECTION("and is in doubt where it cannot be found") {
        when_asked = [](const passing&) { return no_answer_at_all; };
        CHECK(mine.why_not_put("2").system == etcd_errc::in_doubt);
    }
    SECTION("and is in doubt where there is no memory to look for it") {
        when_asked = [](const passing&) -> result<etcd_reply> { throw std::bad_alloc{}; };
        CHECK(mine.why_not_put("2").system == etcd_errc::in_doubt);
    }
    mine.check_holds("2");
}

TEST_CASE("F15 F45 a commit for which memory ran out before it was sent did not take place",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine{{.user = "pods", .password = "pods"}};
    must(put(mine.store, "k", "1"));
    mine.wire.meddle([&](const etcd_call& call, const passing& pass) -> result<etcd_reply> {
        if (call.path == "/v3/auth/authenticate") {
            throw std::bad_alloc{};
        }
        return etcd_wire::is_commit(call)
                   ? etcd_stand_in::refused(16, "etcdserver: invalid auth token")
                   : pass();
    });
    CHECK_THROWS_AS(put(mine.store, "k", "2"), std::bad_alloc);
    mine.check_holds("1");
}

TEST_CASE("F14 what etcd refuses a commit for is said, and costs no mark", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine;
    must(put(mine.store, "k", "1"));
    mine.answer(etcd_wire::is_commit,
                etcd_stand_in::refused(8, "etcdserver: mvcc: database space exceeded"));
    const auto why = mine.why_not_put("2");
    CHECK(why.system == etcd_errc::refused);
    CHECK(why.message.find("space exceeded") != std::string::npos);
    mine.wire.meddle({});
    (void)mine.wire.take_count();
    must(put(mine.store, "k", "3"));
    CHECK(mine.wire.take_count() == etcd_wire::count{0, 1, 0});
    mine.check_holds("3");
}

TEST_CASE("F45 a mark that somebody else has changed is left for another", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine;
    must(put(mine.store, "k", "1"));
    mine.answer(etcd_wire::is_commit,
                {200, R"({"header":{"revision":"9"},"responses":[{"response_range":{"kvs":[)"
                      R"({"key":"a2V5","value":"b3RoZXI=","mod_revision":"999"}]}}]})"},
                1);
    (void)mine.wire.take_count();
    must(put(mine.store, "k", "2"));
    // A lease and a mark, and the commit again.
    CHECK(mine.wire.take_count() == etcd_wire::count{1, 2, 1});
    mine.check_holds("2");
}

TEST_CASE("F45 a mark that cannot be made is no commit", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine;
    SECTION("its lease has ended once") {
        mine.answer(makes_mark, lease_not_found, 1);
        must(put(mine.store, "k", "1"));
        mine.check_holds("1");
    }
    SECTION("its lease has ended each time") {
        mine.answer(makes_mark, lease_not_found);
        CHECK(mine.why_not_put("1").system == etcd_errc::refused);
        mine.check_holds({});
    }
    SECTION("it is refused for something else") {
        mine.answer(makes_mark, no_answer_at_all);
        CHECK(mine.why_not_put("1").system == etcd_errc::no_etcd);
        mine.check_holds({});
    }
    SECTION("there is no lease for it") {
        for (const auto& says :
             {no_answer_at_all, etcd_stand_in::ok(), etcd_stand_in::ok(R"(,"ID":"7")"),
              etcd_stand_in::ok(R"(,"TTL":"600")")}) {
            CAPTURE(says.body);
            auto told = says;
            if (told.status == 200) {
                told.body.erase(told.body.find(R"("cluster_id":"7",)"), 17);
            }
            mine.answer(grants, told);
            CHECK(mine.why_not_put("1").system == etcd_errc::no_etcd);
        }
        mine.check_holds({});
    }
}

TEST_CASE("F45 the lease of marks is renewed when a good part of it is over", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine;
    int granted = 0;
    int renewed = 0;
    etcd_reply renewal{};
    // As by a cluster that gives less than it is asked for.
    mine.wire.meddle([&](const etcd_call& call, const passing& pass) -> result<etcd_reply> {
        granted += grants(call) ? 1 : 0;
        renewed += renews(call) ? 1 : 0;
        if (renews(call) && renewal.status != 0) {
            return renewal;
        }
        auto reply = pass();
        if (const auto at = reply->body.find(R"("TTL":"600")"); grants(call)) {
            REQUIRE(at != std::string::npos);
            reply->body.replace(at, 11, R"("TTL":"1")");
        }
        return reply;
    });
    must(put(mine.store, "k", "1"));
    SECTION("it is there") {
        REQUIRE(eventually([&] {
            must(put(mine.store, "k", "2"));
            return renewed != 0;
        }));
        CHECK(granted == 1);
        mine.check_holds("2");
    }
    SECTION("it has ended") {
        renewal = {200, R"({"result":{"ID":"7"}})"};
        REQUIRE(eventually([&] {
            must(put(mine.store, "k", "2"));
            return renewed != 0;
        }));
        CHECK(granted == 2);
        mine.check_holds("2");
    }
    SECTION("there is no telling") {
        renewal = no_answer_at_all;
        REQUIRE(eventually([&] { return !put(mine.store, "k", "2"); }));
        CHECK(renewed != 0);
        CHECK(mine.why_not_put("3").system == etcd_errc::no_etcd);
        CHECK(granted == 1);
        CHECK(value_at(mine.store, "k") != "3");
    }
}

TEST_CASE("F45 the lease of marks that ends during a commit takes no later one with it", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine;
    raw_etcd raw{mine.server.endpoint()};
    must(put(mine.store, "k", "1"));
    const auto first = raw.leases().at(0);
    const bool is_after = GENERATE(true, false);
    const bool finds_another = GENERATE(true, false);
    CAPTURE(is_after, finds_another);
    // While it is under way, the lease ends, and another commit finds that out.
    const auto come_between = [&] {
        mine.wire.meddle([&](const etcd_call& call, const passing& pass) {
            return grants(call) && !finds_another ? result<etcd_reply>{no_answer_at_all} : pass();
        });
        raw.end(first);
        CHECK(put(mine.store, "other", "1").has_value() == finds_another);
        mine.wire.meddle({});
    };
    bool is_first = true;
    mine.wire.meddle_with_commits([&](const auto&, const passing& pass) {
        if (!std::exchange(is_first, false)) {
            return pass();
        }
        if (is_after) {
            auto reply = pass();
            come_between();
            return reply;
        }
        come_between();
        return pass();
    });
    must(put(mine.store, "k", "2"));
    CHECK(value_at(mine.store, "k") == "2");
    must(put(mine.store, "k", "3"));
    (void)mine.wire.take_count();
    must(put(mine.store, "k", "4"));
    CHECK(mine.wire.take_count() == etcd_wire::count{0, 1, 0});
    mine.check_holds("4");
}

TEST_CASE("F44 F48 a lease that etcd does not give is none to hang a row on", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine{{.lease_term = 1h}};
    SECTION("it is not given") {
        mine.answer(grants, no_answer_at_all);
    }
    SECTION("it is not named") {
        mine.answer(grants, {200, R"({"TTL":"3600"})"});
    }
    SECTION("it is not said how long it lasts") {
        mine.answer(grants, {200, R"({"ID":"7"})"});
    }
    SECTION("nothing can be hung on it") {
        mine.answer(makes_mark, no_answer_at_all);
    }
    CHECK(error_of(put_leased_row(mine.store)).system == etcd_errc::no_etcd);
    mine.check_holds({});
    must(put_leased_row(mine.store));
}

TEST_CASE("F44 F48 a lease that is said to last for ever is sure for as long as any can be",
          "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    troubled mine{{.freshness = 1h, .lease_term = 1h}};
    mine.wire.meddle([](const etcd_call& call, const passing& pass) -> result<etcd_reply> {
        if (grants(call)) {
            auto reply = pass();
            const auto at = reply->body.find(R"("TTL":"3600")");
            if (at != std::string::npos) {
                reply->body.replace(at, 12, R"("TTL":"100000000000")");
            }
            return reply;
        }
        return pass();
    });
    must(put_leased_row(mine.store));
    CHECK(eventually([&] { return mine.store.is_warm(); }));
}

TEST_CASE("F44 who is told that a lease has ended finds out whether it is his", "[etcd]") {
    PODSCOPE_NEEDS_ETCD();
    SECTION("he has none") {
        troubled mine{{.lease_term = 1h}};
        mine.answer(etcd_wire::is_commit, lease_not_found, 1);
        must(put(mine.store, "k", "1"));
        mine.check_holds("1");
    }
    SECTION("he cannot have any") {
        troubled mine;
        mine.answer(etcd_wire::is_commit, lease_not_found, 1);
        must(put(mine.store, "k", "1"));
        mine.check_holds("1");
    }
    SECTION("it cannot be found out") {
        troubled mine{{.lease_term = 1h}};
        must(put_leased_row(mine.store));
        mine.answer(
            [](const etcd_call& call) { return etcd_wire::is_commit(call) || renews(call); },
            lease_not_found);
        CHECK(mine.why_not_put("1").system == etcd_errc::refused);
        mine.check_holds("leased");
    }
    SECTION("it is found out twice at a time") {
        troubled mine{{.lease_term = 1h}};
        must(put_leased_row(mine.store));
        int commits = 0;
        int renewals = 0;
        mine.wire.meddle([&](const etcd_call& call, const passing& pass) -> result<etcd_reply> {
            if (etcd_wire::is_commit(call) && ++commits <= 2) {
                return lease_not_found;
            }
            if (!renews(call)) {
                return pass();
            }
            if (++renewals == 1) {
                must(put(mine.store, "other", "1"));
            }
            return etcd_reply{200, R"({"result":{"ID":"7"}})"};
        });
        must(put(mine.store, "k", "1"));
        CHECK(renewals == 2);
        mine.check_holds("1");
    }
}
