// SPDX-License-Identifier: BSL-1.0
// TLS to a real etcd, with certificates that are right and wrong.
#include "backend/etcd_certificates.hpp"
#include "backend/etcd_imposter.hpp"
#include "support/catch.hpp"
#include "support/etcd_server.hpp"
#include "support/results.hpp"
#include "support/temporary_folder.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_https.hpp>

#include <chrono>
#include <string>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using podscope::errc;
using podscope::etcd_backend;
using podscope::etcd_errc;
using podscope::etcd_tls;
using podscope_test::error_of;
using podscope_test::etcd_server;
using podscope_test::must;

podscope::result<etcd_backend> open(const std::string& endpoint, const etcd_tls& tls) {
    auto dialler = podscope::etcd_over_https(tls);
    return dialler ? etcd_backend::open({.endpoints = {endpoint}, .deadline = 5s}, *dialler)
                   : podscope::fail(dialler);
}

podscope::error why_not_open(const std::string& endpoint, const etcd_tls& tls) {
    auto why = error_of(open(endpoint, tls));
    INFO(to_string(why));
    CHECK(why.category == errc::unavailable);
    return why;
}

bool can_run() {
    return etcd_server::is_installed() && certificates::can_be_made();
}

} // namespace

TEST_CASE("a store in etcd goes by TLS and shows its certificate", "[etcd]") {
    if (!can_run()) {
        PODSCOPE_SKIP("there is no etcd, or no openssl");
    }
    const certificates all;
    etcd_server server{all.of_server("server"), "https"};
    auto store = must(open(server.endpoint(), all.trusting("right", "client")));
    const std::string large(300'000, 'x');
    for (const std::string& value : {std::string{"1"}, large}) {
        must(store.write([&](podscope::etcd_writer& txn) { return txn.put("k", value); }));
        CHECK(must(store.read([](podscope::etcd_reader& txn) { return txn.get("k"); })) == value);
    }
    server.restart();
    CHECK(must(store.read([](podscope::etcd_reader& txn) { return txn.get("k"); })) == large);
}

TEST_CASE("F48 each thing that is wrong with TLS has an error of its own", "[etcd]") {
    if (!can_run()) {
        PODSCOPE_SKIP("there is no etcd, or no openssl");
    }
    const certificates all;
    const etcd_server server{all.of_server("server"), "https"};
    const auto right = all.trusting("right", "client");

    CHECK(why_not_open(server.endpoint(), all.trusting("wrong", "client")).system ==
          etcd_errc::untrusted_server);
    CHECK(why_not_open(server.endpoint(), {}).system == etcd_errc::untrusted_server);
    CHECK(why_not_open(server.endpoint(), all.trusting("right")).system ==
          etcd_errc::refused_certificate);
    CHECK(why_not_open(server.endpoint(), all.trusting("right", "stranger")).system ==
          etcd_errc::refused_certificate);

    const auto plain = "http://127.0.0.1:" + std::to_string(server.port());
    CHECK(why_not_open(plain, right).system == etcd_errc::expects_tls);
    CHECK(error_of(etcd_backend::open({.endpoints = {plain}}, podscope::etcd_over_http())).system ==
          etcd_errc::expects_tls);

    const etcd_server without;
    CHECK(why_not_open("https://127.0.0.1:" + std::to_string(without.port()), right).system ==
          etcd_errc::speaks_no_tls);

    const etcd_server elsewhere{all.of_server("elsewhere"), "https"};
    CHECK(why_not_open(elsewhere.endpoint(), right).system == etcd_errc::untrusted_server);

    // None of them has left anything.
    auto store = must(open(server.endpoint(), right));
    must(store.read([](podscope::etcd_reader& txn) {
        return txn.scan("", [](auto, auto) {
            FAIL("there is a row");
            return podscope::scan::stop;
        });
    }));
}

TEST_CASE("F48 what answers a TLS handshake with something else is an error in time", "[etcd]") {
    if (!can_run()) {
        PODSCOPE_SKIP("there is no etcd, or no openssl");
    }
    const etcd_imposter garbage{"garbage garbage garbage"};
    CHECK(why_not_open(garbage.endpoint("https"), {}).system == etcd_errc::speaks_no_tls);
    const etcd_imposter closing{""};
    CHECK(why_not_open(closing.endpoint("https"), {}).system == etcd_errc::speaks_no_tls);
    const etcd_imposter silent{"", false};
    auto dialler = must(podscope::etcd_over_https({}));
    CHECK(error_of(etcd_backend::open({.endpoints = {silent.endpoint("https")}, .deadline = 200ms},
                                      dialler))
              .system == etcd_errc::no_answer);
}

TEST_CASE("a file that is of no use for TLS is named", "[etcd]") {
    const podscope_test::temporary_folder folder;
    const auto missing = folder / "missing.crt";
    for (const auto& tls : {etcd_tls{.trusted_authorities = missing},
                            etcd_tls{.certificate = missing}, etcd_tls{.key = missing}}) {
        const auto why = error_of(podscope::etcd_over_https(tls));
        CHECK(why.category == errc::unavailable);
        CHECK(why.path == missing);
    }
}
