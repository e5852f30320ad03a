// SPDX-License-Identifier: BSL-1.0
// The other end of a TLS connection, in memory: nothing of it waits, so what it says and when is a
// test's to choose.
#pragma once

#include <podscope/backend/etcd_stream.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace backend_test {

/// Is closed for who reads more than it has said.
class tls_peer final : public podscope::backend_detail::etcd_stream {
public:
    /// @param named what the files of its certificate and its key are called, but for their ends
    explicit tls_peer(const std::string& named, int newest_version = TLS1_3_VERSION)
        : context_{::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free},
          ssl_{nullptr, ::SSL_free} {
        if (::SSL_CTX_use_certificate_chain_file(context_.get(), (named + ".crt").c_str()) != 1 ||
            ::SSL_CTX_use_PrivateKey_file(context_.get(), (named + ".key").c_str(),
                                          SSL_FILETYPE_PEM) != 1) {
            throw std::runtime_error{"no certificate"};
        }
        SSL_CTX_set_max_proto_version(context_.get(), newest_version);
        ssl_.reset(::SSL_new(context_.get()));
        ::SSL_set_bio(ssl_.get(), ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
        ::SSL_set_accept_state(ssl_.get());
    }

    [[nodiscard]] podscope::result<void> write(std::string_view bytes,
                                               podscope::etcd_deadline) override {
        ::BIO_write(::SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
        std::array<char, 4'096> some{};
        while (::SSL_read(ssl_.get(), some.data(), some.size()) > 0) {}
        return {};
    }

    [[nodiscard]] podscope::result<std::size_t> read(std::span<char> into,
                                                     podscope::etcd_deadline) override {
        if (++reads_ > enough) {
            throw std::runtime_error{"it is read for ever"};
        }
        if (before_read) {
            before_read(*this);
        }
        const auto most = std::min(into.size(), says_at_most);
        const int size = has_hung_up_ ? 0
                                      : ::BIO_read(::SSL_get_wbio(ssl_.get()), into.data(),
                                                   static_cast<int>(most));
        return static_cast<std::size_t>(size > 0 ? size : 0);
    }

    void cancel() noexcept override { is_cancelled_ = true; }

    [[nodiscard]] bool is_cancelled() const noexcept { return is_cancelled_; }

    void say(std::string_view text) {
        ::SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    }

    /// Says something that is no TLS.
    void say_nonsense() { ::BIO_write(::SSL_get_wbio(ssl_.get()), "nonsense", 8); }

    /// Says why it does not go on, by one of SSL_AD_…, instead of what it has not said yet.
    void say_alert(int why) {
        const std::array<char, 7> alert{0x15, 3, 3, 0, 2, 2, static_cast<char>(why)};
        BIO_reset(::SSL_get_wbio(ssl_.get()));
        ::BIO_write(::SSL_get_wbio(ssl_.get()), alert.data(), alert.size());
    }

    /// Asks for another handshake, which there is up to TLS 1.2.
    void ask_for_handshake() {
        ::SSL_renegotiate(ssl_.get());
        ::SSL_do_handshake(ssl_.get());
    }

    /// From now on it hears, and says nothing.
    void hang_up() noexcept { has_hung_up_ = true; }

    std::function<void(tls_peer&)> before_read{};
    std::size_t says_at_most{std::size_t{16} << 10U}; ///< at once

private:
    static constexpr int enough = 1'000;

    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
    std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
    int reads_{0};
    bool has_hung_up_{false};
    bool is_cancelled_{false};
};

} // namespace backend_test
