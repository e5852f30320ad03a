// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace podscope {

/// When a call to etcd has to be over.
using etcd_deadline = std::chrono::steady_clock::time_point;

/// Where a member of a cluster takes calls.
struct etcd_endpoint {
    bool is_tls{};
    std::string host{};
    std::string port{};
    std::string text{}; ///< as it was given, for people

    /// Reads `http://host:port` or `https://host:port`; nothing if it is neither.
    [[nodiscard]] static std::optional<etcd_endpoint> parse(std::string_view text) {
        etcd_endpoint read{.text = std::string{text}};
        read.is_tls = text.starts_with("https://");
        if (!read.is_tls && !text.starts_with("http://")) {
            return std::nullopt;
        }
        text.remove_prefix(read.is_tls ? 8 : 7);
        if (text.ends_with('/')) {
            text.remove_suffix(1);
        }
        const auto colon = text.rfind(':');
        if (colon == std::string_view::npos) {
            return std::nullopt;
        }
        auto host = text.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']')) {
            host = host.substr(1, host.size() - 2);
        }
        read.host = host;
        read.port = text.substr(colon + 1);
        const bool is_whole = !read.host.empty() && !read.port.empty() &&
                              read.port.find_first_not_of("0123456789") == std::string::npos &&
                              read.host.find_first_of("[]/") == std::string::npos;
        return is_whole ? std::optional{std::move(read)} : std::nullopt;
    }
};

/// One call of etcd's JSON gateway.
struct etcd_call {
    std::string_view path{};  ///< such as `/v3/kv/txn`
    std::string_view body{};  ///< JSON
    std::string_view token{}; ///< who asks; empty for nobody
};

struct etcd_reply {
    unsigned status{};
    std::string body{};
};

/// A connection to one member. For one thread at a time. A channel is of no use after a call that
/// has failed.
class etcd_channel {
public:
    etcd_channel() = default;
    etcd_channel(const etcd_channel&) = delete;
    etcd_channel& operator=(const etcd_channel&) = delete;
    virtual ~etcd_channel() = default;

    /// Sends a call and waits for its whole answer.
    ///
    /// Errors: `timeout` with `no_answer`; `unavailable` with `no_etcd` if what came is no HTTP, or
    /// with `no_endpoint` if the connection was closed. The call may have taken place.
    [[nodiscard]] virtual result<etcd_reply> post(const etcd_call& call, etcd_deadline until) = 0;

    /// Sends a call whose answer has no end, a line for each thing that there is to say. After that
    /// the channel is for `next_line` and nothing else. Errors: those of `post`.
    [[nodiscard]] virtual result<void> begin(const etcd_call& call, etcd_deadline until) = 0;

    /// Waits for the next line. Errors: those of `post`; after `no_answer`, which says that there
    /// was none in time, one may go on waiting.
    [[nodiscard]] virtual result<std::string> next_line(etcd_deadline until) = 0;

    /// Ends whatever another thread is waiting for here, with an error.
    virtual void cancel() noexcept = 0;
};

/// Makes a connection. Errors: those of etcd_errc that a connection can have.
using etcd_dialler = std::function<result<std::unique_ptr<etcd_channel>>(const etcd_endpoint& to,
                                                                         etcd_deadline until)>;

} // namespace podscope
