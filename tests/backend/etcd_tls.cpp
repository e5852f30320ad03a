// SPDX-License-Identifier: BSL-1.0
// TLS streams, with a peer in memory: which certificates are taken for which hosts, and what a
// peer cannot do to who writes and reads.
#include "backend/etcd_certificates.hpp"
#include "backend/tls_peer.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/etcd_https.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

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

TEST_CASE("F48 a peer that goes in the middle of a TLS handshake is no endpoint", "[etcd]") {
    if (!certificates::can_be_made()) {
        PODSCOPE_SKIP("there is no openssl");
    }
    // A flight of its own is larger than what is read at once here.
    tls_line line{"one.example", "several"};
    line.peer->says_at_most = 64;
    int reads = 0;
    line.peer->before_read = [&](tls_peer& peer) {
        if (++reads == 2) {
            peer.hang_up();
        }
    };
    const auto why = error_of(line.shake_hands());
    CHECK(why.system == etcd_errc::no_endpoint);
    CHECK(why.message.find("handshake") != std::string::npos);
}

TEST_CASE("F48 what a peer says against a TLS handshake is told by what it means", "[etcd]") {
    if (!certificates::can_be_made()) {
        PODSCOPE_SKIP("there is no openssl");
    }
    const auto why_not = [](int alert) {
        tls_line line{"one.example", "several"};
        line.peer->before_read = [&](tls_peer& peer) { peer.say_alert(alert); };
        return error_of(line.shake_hands()).system;
    };
    for (const int alert :
         {SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
          SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA,
          SSL_AD_ACCESS_DENIED, SSL_AD_CERTIFICATE_REQUIRED}) {
        CAPTURE(alert);
        CHECK(why_not(alert) == etcd_errc::refused_certificate);
    }
    CHECK(why_not(SSL_AD_HANDSHAKE_FAILURE) == etcd_errc::no_endpoint);
    CHECK(why_not(SSL_AD_INTERNAL_ERROR) == etcd_errc::no_endpoint);
}

TEST_CASE("who reads a TLS stream is let go by who cancels it", "[etcd]") {
    if (!certificates::can_be_made()) {
        PODSCOPE_SKIP("there is no openssl");
    }
    tls_line line{"one.example", "several"};
    must(line.shake_hands());
    line.stream.cancel();
    CHECK(line.peer->is_cancelled());
}

TEST_CASE("F48 where nobody takes a connection for TLS there is no endpoint", "[etcd]") {
    const auto at = *etcd_endpoint::parse("https://255.255.255.255:1");
    const auto dial = must(podscope::etcd_over_https({}));
    CHECK(error_of(dial(at, std::chrono::steady_clock::now() + 60s)).system ==
          etcd_errc::no_endpoint);
}

TEST_CASE("an error of TLS has words, known or not") {
    using podscope::backend_detail::tls_reason;
    (void)must(podscope::etcd_over_https({})); // has OpenSSL read its words
    CHECK(tls_reason(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_WRONG_VERSION_NUMBER)) ==
          "wrong version number");
    CHECK(tls_reason(0) == "no reason is known");
}

} // namespace
