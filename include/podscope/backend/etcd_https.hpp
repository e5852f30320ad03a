// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_channel.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/backend/etcd_stream.hpp>
#include <podscope/result.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

namespace podscope {

/// How an etcd cluster with TLS is trusted, and is shown who asks. All are PEM files.
struct etcd_tls {
    /// The authorities that may have signed the members' certificates. Empty for the system's.
    std::string trusted_authorities{};

    /// A client certificate with its chain, and its private key. Empty for none.
    std::string certificate{};
    std::string key{};
};

namespace backend_detail {

using etcd_tls_context = std::shared_ptr<SSL_CTX>;

/// What OpenSSL says of an error, which for those of the system it does not.
[[nodiscard]] inline std::string tls_reason(unsigned long code) {
    const char* const text = ::ERR_reason_error_string(code);
    return text == nullptr ? "no reason is known" : text;
}

/// TLS over a TCP stream, by way of OpenSSL's buffers in memory, since OpenSSL's own sockets raise
/// SIGPIPE.
class etcd_tls_stream final : public etcd_stream {
public:
    etcd_tls_stream(const etcd_endpoint& at,
                    std::unique_ptr<etcd_stream> over,
                    etcd_tls_context context) noexcept
        : at_{at},
          over_{std::move(over)},
          context_{std::move(context)},
          ssl_{::SSL_new(context_.get()), ::SSL_free} {}

    /// Errors: `untrusted_server`, `speaks_no_tls`, `refused_certificate`, those of the stream.
    [[nodiscard]] result<void> shake_hands(etcd_deadline until) {
        BIO* const in = ::BIO_new(::BIO_s_mem());
        BIO* const out = ::BIO_new(::BIO_s_mem());
        if (!ssl_ || in == nullptr || out == nullptr) {
            ::BIO_free(in);
            ::BIO_free(out);
            return fail({.category = errc::out_of_memory, .message = "out of memory"});
        }
        ::SSL_set_bio(ssl_.get(), in, out);
        in_ = in;
        out_ = out;
        if (!expect_host()) {
            return fail(etcd_error(etcd_errc::untrusted_server, at_.text,
                                   "no certificate can be held against such a host; give a name "
                                   "or an address"));
        }
        auto done = drive(until, [&] { return ::SSL_connect(ssl_.get()); });
        const bool is_closed = done ? *done == 0 : done.error().system == etcd_errc::no_endpoint;
        if (is_closed && !has_heard_) {
            return fail(etcd_error(etcd_errc::speaks_no_tls, at_.text,
                                   "it closes connections in the TLS handshake, as an etcd does "
                                   "that expects http://"));
        }
        if (done && *done == 0) {
            return fail(etcd_error(etcd_errc::no_endpoint, at_.text,
                                   "the connection was closed in the TLS handshake"));
        }
        return done ? result<void>{} : fail(done);
    }

    [[nodiscard]] result<void> write(std::string_view bytes, etcd_deadline until) override {
        while (!bytes.empty()) {
            auto sent = drive(until, [&] {
                return ::SSL_write(ssl_.get(), bytes.data(), size_of(bytes.size()));
            });
            if (!sent) {
                return fail(sent);
            }
            if (*sent == 0) {
                return fail(etcd_error(etcd_errc::no_endpoint, at_.text,
                                       "the connection was closed while it was written to"));
            }
            bytes.remove_prefix(*sent);
        }
        return {};
    }

    [[nodiscard]] result<std::size_t> read(std::span<char> into, etcd_deadline until) override {
        return drive(until,
                     [&] { return ::SSL_read(ssl_.get(), into.data(), size_of(into.size())); });
    }

    void cancel() noexcept override { over_->cancel(); }

private:
    [[nodiscard]] static int size_of(std::size_t bytes) noexcept {
        constexpr std::size_t most = std::numeric_limits<int>::max();
        return static_cast<int>(std::min(bytes, most));
    }

    // False if the certificate would be held against nothing: OpenSSL does so without a word where
    // a name is empty, and takes one that begins with a dot for all that end like it.
    [[nodiscard]] bool expect_host() {
        X509_VERIFY_PARAM* const expected = ::SSL_get0_param(ssl_.get());
        // By its bytes, as an address can be written in more ways than OpenSSL reads.
        if (const auto number = etcd_addresses::of_number(at_)) {
            const auto* const address = reinterpret_cast<const unsigned char*>(number->ai_addr);
            const bool is_long = number->ai_family == AF_INET6;
            return ::X509_VERIFY_PARAM_set1_ip(expected,
                                               address + (is_long
                                                              ? offsetof(sockaddr_in6, sin6_addr)
                                                              : offsetof(sockaddr_in, sin_addr)),
                                               is_long ? sizeof(in6_addr) : sizeof(in_addr)) == 1;
        }
        // It says that no more labels follow, and is in no certificate.
        std::string name = at_.host;
        if (name.ends_with('.')) {
            name.pop_back();
        }
        return !name.empty() && !name.starts_with('.') &&
               ::X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size()) == 1 &&
               ::SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                          name.data()) == 1;
    }

    // Makes a call of OpenSSL, and moves bytes for it until it is done. 0 at the stream's end.
    template <class Call>
    [[nodiscard]] result<std::size_t> drive(etcd_deadline until, Call&& call) {
        for (;;) {
            ::ERR_clear_error();
            const int done = call();
            const int state = ::SSL_get_error(ssl_.get(), done);
            const auto reason = ::ERR_peek_error();
            auto sent = flush(until);
            if (state == SSL_ERROR_SSL) {
                return fail(refusal(reason));
            }
            if (!sent) {
                return fail(sent);
            }
            if (done > 0) {
                return static_cast<std::size_t>(done);
            }
            if (state != SSL_ERROR_WANT_READ) {
                return std::size_t{0};
            }
            // What comes may be of no use to the call, and more of it be there each time.
            auto got = std::chrono::steady_clock::now() < until ? over_->read(buffer_, until)
                                                                : fail(etcd_silence(at_.text));
            if (!got || *got == 0) {
                return got;
            }
            has_heard_ = true;
            ::BIO_write(in_, buffer_.data(), size_of(*got));
        }
    }

    [[nodiscard]] result<void> flush(etcd_deadline until) {
        std::array<char, buffer_size> bytes;
        for (int size = 0; (size = ::BIO_read(out_, bytes.data(), size_of(bytes.size()))) > 0;) {
            const std::string_view made{bytes.data(), static_cast<std::size_t>(size)};
            if (auto sent = over_->write(made, until); !sent) {
                return sent;
            }
        }
        return {};
    }

    [[nodiscard]] error refusal(unsigned long code) const {
        const auto why = tls_reason(code);
        switch (ERR_GET_REASON(code)) {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return etcd_error(etcd_errc::untrusted_server, at_.text,
                              "its certificate is not trusted (" + verdict() +
                                  "); see whether its authority is among the trusted ones and its "
                                  "names include the endpoint's host");
        case SSL_R_WRONG_VERSION_NUMBER:
            return etcd_error(etcd_errc::speaks_no_tls, at_.text,
                              "it does not speak TLS; the endpoint may be http://");
        // With TLS 1.3 it says so only after the handshake.
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return etcd_error(etcd_errc::refused_certificate, at_.text,
                              "it wants a client certificate, or another one (" + why + ")");
        default: return etcd_error(etcd_errc::no_endpoint, at_.text, "TLS failed (" + why + ")");
        }
    }

    [[nodiscard]] std::string verdict() const {
        return ::X509_verify_cert_error_string(::SSL_get_verify_result(ssl_.get()));
    }

    static constexpr std::size_t buffer_size = std::size_t{16} << 10U;

    etcd_endpoint at_;
    std::unique_ptr<etcd_stream> over_;
    etcd_tls_context context_;
    std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
    BIO* in_{};
    BIO* out_{};
    std::array<char, buffer_size> buffer_{};
    bool has_heard_{false};
};

/// Reads the files, once. Errors: `unavailable` with the file that cannot be used.
[[nodiscard]] inline result<etcd_tls_context> make_tls_context(const etcd_tls& tls) {
    etcd_tls_context made{::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free};
    if (!made) {
        return fail({.category = errc::out_of_memory, .message = "out of memory"});
    }
    SSL_CTX* const context = made.get();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // Who writes would have to read for it.
    ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    const std::string* unusable = nullptr;
    const auto use = [&](const std::string& file, auto&& load) {
        if (unusable == nullptr && !file.empty() && load(file.c_str()) != 1) {
            unusable = &file;
        }
    };
    if (tls.trusted_authorities.empty()) {
        ::SSL_CTX_set_default_verify_paths(context);
    }
    use(tls.trusted_authorities,
        [&](const char* file) { return ::SSL_CTX_load_verify_locations(context, file, nullptr); });
    use(tls.certificate,
        [&](const char* file) { return ::SSL_CTX_use_certificate_chain_file(context, file); });
    use(tls.key, [&](const char* file) {
        return ::SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM);
    });
    if (unusable != nullptr) {
        return fail({.category = errc::unavailable,
                     .message = "cannot use " + *unusable + " for TLS (" +
                                tls_reason(::ERR_peek_last_error()) +
                                "); give a PEM file that holds what is asked for",
                     .path = *unusable,
                     .system = make_error_code(etcd_errc::refused_certificate)});
    }
    return made;
}

} // namespace backend_detail

/// Makes connections with TLS 1.2 or later to `https://` endpoints, whose certificates must be of a
/// trusted authority and name the endpoint's host, and plain ones to `http://`.
///
/// Errors: `unavailable` if a file cannot be used.
[[nodiscard]] inline result<etcd_dialler> etcd_over_https(const etcd_tls& tls) {
    auto context = backend_detail::make_tls_context(tls);
    if (!context) {
        return fail(context);
    }
    return etcd_dialler{
        [context = *std::move(context), plain = etcd_over_http()](
            const etcd_endpoint& at, etcd_deadline until) -> result<std::unique_ptr<etcd_channel>> {
            if (!at.is_tls) {
                return plain(at, until);
            }
            auto stream = backend_detail::etcd_tcp_stream::connect(at, until);
            if (!stream) {
                return fail(stream);
            }
            auto secure =
                std::make_unique<backend_detail::etcd_tls_stream>(at, *std::move(stream), context);
            if (auto done = secure->shake_hands(until); !done) {
                return fail(done);
            }
            return std::unique_ptr<etcd_channel>{
                std::make_unique<backend_detail::etcd_http_channel>(at, std::move(secure))};
        }};
}

} // namespace podscope
