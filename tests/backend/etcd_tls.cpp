// SPDX-License-Identifier: BSL-1.0
// TLS streams, with a peer in memory: which certificates are taken for which hosts, and what a
// peer cannot do to who writes and reads.
#include "backend/etcd_certificates.hpp"
#include "backend/tls_peer.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd_https.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace backend_test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using podscope::etcd_endpoint;
using podscope::etcd_errc;
using podscope::backend_detail::etcd_tls_stream;
using podscope_test::error_of;
using podscope_test::must;

const certificates& made() {
    static const certificates once;
    return once;
}

// A stream to a peer that has some certificate, as if it were at a host.
struct tls_line {
    tls_line(const std::string& host, const std::string& certificate, int version = TLS1_3_VERSION)
        : tls_line{host, std::make_unique<tls_peer>(made() / certificate, version)} {}

    [[nodiscard]] auto shake_hands() { return stream.shake_hands(until); }

    podscope::etcd_deadline until{std::chrono::steady_clock::now() + 60s};
    tls_peer* peer;
    etcd_tls_stream stream;

private:
    tls_line(const std::string& host, std::unique_ptr<tls_peer> other)
        : peer{other.get()},
          stream{etcd_endpoint{true, host, "1", "https://" + host + ":1"}, std::move(other),
                 must(podscope::backend_detail::make_tls_context(made().trusting("right")))} {}
};

TEST_CASE("F48 a certificate counts for the hosts that it names, however they are written",
          "[etcd]") {
    if (!certificates::can_be_made()) {
        PODSCOPE_SKIP("there is no openssl");
    }
    for (const auto& host :
         {"127.0.0.1"s, "127.1"s, "0x7f000001"s, "::1"s, "0:0:0:0:0:0:0:1"s, "fe80::1%1"s,
          "one.example"s, "ONE.example"s, "one.example."s, "below.one.example"s}) {
        CAPTURE(host);
        tls_line line{host, "several"};
        CHECK(line.shake_hands().has_value());
    }
    for (const auto& host : {"127.0.0.2"s, "127.2"s, "::2"s, "two.example"s, "example"s, "e"s}) {
        CAPTURE(host);
        tls_line line{host, "several"};
        CHECK(error_of(line.shake_hands()).system == etcd_errc::untrusted_server);
    }
}

TEST_CASE("F48 no peer is trusted for a host that no certificate can be held against", "[etcd]") {
    if (!certificates::can_be_made()) {
        PODSCOPE_SKIP("there is no openssl");
    }
    for (const auto& host : {""s, "."s, "one.example.."s, ".one.example"s, "two.example\0"s,
                             "one.example\0.two.example"s, std::string(256, 'e')}) {
        CAPTURE(host);
        tls_line line{host, "several"};
        CHECK(error_of(line.shake_hands()).system == etcd_errc::untrusted_server);
    }
}

// As an etcd_http_channel does: what is left of a connection counts for nothing.
std::string read_some(tls_line& line) {
    std::string into(64, ' ');
    into.resize(must(line.stream.read(into, line.until)));
    return into;
}

TEST_CASE("F48 who writes is not kept by a peer that wants another TLS handshake", "[etcd]") {
    if (!certificates::can_be_made()) {
        PODSCOPE_SKIP("there is no openssl");
    }
    tls_line line{"one.example", "several", TLS1_2_VERSION};
    must(line.shake_hands());
    // With the answer before, so that who writes next is the first to have to do with it.
    line.peer->ask_for_handshake();
    line.peer->say("answer");
    CHECK(read_some(line) == "answer");
    line.peer->hang_up();
    CHECK(line.stream.write("request", line.until).has_value());
}

TEST_CASE("F48 a TLS stream that has failed is an error for who writes", "[etcd]") {
    if (!certificates::can_be_made()) {
        PODSCOPE_SKIP("there is no openssl");
    }
    tls_line line{"one.example", "several"};
    must(line.shake_hands());
    line.peer->say_nonsense();
    std::string into(64, ' ');
    CHECK_FALSE(line.stream.read(into, line.until));
    CHECK(error_of(line.stream.write("request", line.until)).system == etcd_errc::no_endpoint);
}

TEST_CASE("F48 a peer that says things in TLS which are no answer costs no more than a deadline",
          "[etcd]") {
    if (!certificates::can_be_made()) {
        PODSCOPE_SKIP("there is no openssl");
    }
    tls_line line{"one.example", "several", TLS1_2_VERSION};
    must(line.shake_hands());
    line.peer->before_read = [](tls_peer& peer) { peer.ask_for_handshake(); };
    std::string into(64, ' ');
    CHECK(error_of(line.stream.read(into, std::chrono::steady_clock::now())).system ==
          etcd_errc::no_answer);
}

} // namespace
