// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_channel.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/backend/etcd_stream.hpp>
#include <podscope/result.hpp>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace podscope {

namespace backend_detail {

/// Calls over HTTP/1.1. Boost.Beast reads the answers; its asynchronous half, whose deadlines would
/// do what `poll` does here, takes six times as long to compile.
class etcd_http_channel final : public etcd_channel {
public:
    etcd_http_channel(const etcd_endpoint& at, std::unique_ptr<etcd_stream> over)
        : at_{at.text},
          host_{at.host.find(':') == std::string::npos ? at.host : '[' + at.host + ']'},
          is_tls_{at.is_tls},
          stream_{std::move(over)} {
        host_.append(1, ':').append(at.port);
    }

    [[nodiscard]] result<etcd_reply> post(const etcd_call& call, etcd_deadline until) override {
        // Else each call from here on would be told what the one before it has come to.
        if (held_ != 0) {
            return fail(no_http("it has answered more than it was asked"));
        }
        if (auto sent = send(call, until); !sent) {
            return fail(sent);
        }
        parser reply;
        reply.body_limit(largest_answer);
        reply.eager(true);
        while (!reply.is_done()) {
            if (auto got = receive(reply, until); !got) {
                return fail(got);
            }
        }
        return etcd_reply{reply.get().result_int(), std::move(reply.get().body())};
    }

    [[nodiscard]] result<void> begin(const etcd_call& call, etcd_deadline until) override {
        stream_answer_.emplace();
        stream_answer_->body_limit(boost::none);
        stream_answer_->eager(true);
        return send(call, until);
    }

    [[nodiscard]] result<std::string> next_line(etcd_deadline until) override {
        auto& body = stream_answer_->get().body();
        for (std::size_t searched = 0;;) {
            if (const auto end = body.find('\n', searched); end != std::string::npos) {
                std::string line = body.substr(0, end);
                body.erase(0, end + 1);
                return line;
            }
            if (stream_answer_->is_done()) {
                return fail(etcd_error(etcd_errc::no_endpoint, at_, "the answer is over"));
            }
            searched = body.size();
            if (searched > largest_line) {
                return fail(no_http("a line without an end"));
            }
            if (auto got = receive(*stream_answer_, until); !got) {
                return fail(got);
            }
        }
    }

    void cancel() noexcept override { stream_->cancel(); }

private:
    using parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

    [[nodiscard]] result<void> send(const etcd_call& call, etcd_deadline until) {
        std::string request{"POST "};
        request.append(call.path).append(" HTTP/1.1\r\nHost: ").append(host_);
        request.append("\r\nContent-Type: application/json\r\nContent-Length: ");
        request.append(std::to_string(call.body.size()));
        if (!call.token.empty()) {
            request.append("\r\nAuthorization: ").append(call.token);
        }
        request.append("\r\n\r\n").append(call.body);
        auto sent = stream_->write(request, until);
        return sent ? std::move(sent) : fail(closed(std::move(sent).error()));
    }

    // Reads what there is of an answer, at least something.
    [[nodiscard]] result<void> receive(parser& into, etcd_deadline until) {
        auto got = stream_->read(std::span{buffer_}.subspan(held_), until);
        if (!got) {
            return fail(closed(std::move(got).error()));
        }
        if (*got == 0) {
            return fail(closed(etcd_error(etcd_errc::no_endpoint, at_,
                                          "the connection was closed before the answer")));
        }
        held_ += *got;
        has_heard_ = true;
        if (buffer_[0] == alert_of_tls) {
            return fail(etcd_error(etcd_errc::expects_tls, at_, "it expects https://"));
        }
        boost::system::error_code failed;
        const auto used = into.put(boost::asio::buffer(buffer_.data(), held_), failed);
        // A line may be cut in two: what is left of it comes first the next time.
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(held_), buffer_.begin());
        held_ -= used;
        const bool wants_more =
            failed == boost::beast::http::error::need_more && held_ != buffer_.size();
        return failed && !wants_more ? fail(no_http(failed.message())) : result<void>{};
    }

    static constexpr std::uint64_t largest_answer = std::uint64_t{256} << 20U;
    static constexpr std::size_t largest_line = std::size_t{16} << 20U;
    static constexpr std::size_t buffer_size = std::size_t{16} << 10U;
    static constexpr char alert_of_tls = 0x15;

    // What a server does to a connection that it does not want, as it has no better way: it closes
    // it. With TLS 1.3 it looks at the client's certificate only after the handshake.
    [[nodiscard]] error closed(error why) const {
        if (has_heard_ || why.system != etcd_errc::no_endpoint) {
            return why;
        }
        return is_tls_ ? etcd_error(etcd_errc::refused_certificate, at_,
                                    "it closes connections after the TLS handshake, as an etcd "
                                    "does that wants a client certificate, or another one")
                       : etcd_error(etcd_errc::expects_tls, at_,
                                    "it takes connections and closes them without an answer, as "
                                    "an etcd does that expects https://");
    }

    [[nodiscard]] error no_http(const std::string& why) const {
        return etcd_error(etcd_errc::no_etcd, at_,
                          "what answers there speaks no HTTP (" + why + ")");
    }

    std::string at_;
    std::string host_;
    bool is_tls_;
    std::unique_ptr<etcd_stream> stream_;
    std::optional<parser> stream_answer_{};
    std::array<char, buffer_size> buffer_{};
    std::size_t held_{0};
    bool has_heard_{false};
};

} // namespace backend_detail

/// Makes connections without TLS, and refuses to make others.
[[nodiscard]] inline etcd_dialler etcd_over_http() {
    return
        [](const etcd_endpoint& at, etcd_deadline until) -> result<std::unique_ptr<etcd_channel>> {
            if (at.is_tls) {
                return fail(backend_detail::etcd_error(
                    etcd_errc::speaks_no_tls, at.text,
                    "https:// needs etcd_over_https of backend/etcd_https.hpp"));
            }
            auto stream = backend_detail::etcd_tcp_stream::connect(at, until);
            if (!stream) {
                return fail(stream);
            }
            return std::unique_ptr<etcd_channel>{
                std::make_unique<backend_detail::etcd_http_channel>(at, *std::move(stream))};
        };
}

} // namespace podscope
