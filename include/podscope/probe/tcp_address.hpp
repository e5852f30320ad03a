// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/proc_file.hpp>
#include <podscope/probe/socket_address.hpp>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace podscope {

/// What the endpoint of a TCP socket begins with; a numeric address and a port follow:
/// `tcp:127.0.0.1:4242`, `tcp:[::1]:4242`. No host name: to look one up may take longer than any
/// deadline.
inline constexpr std::string_view tcp_endpoint_scheme = "tcp:";

namespace probe_detail {

/// The address that an endpoint names; nothing if it does not name a numeric address and a port.
[[nodiscard]] inline std::optional<socket_address> tcp_endpoint_address(std::string_view endpoint) {
    const auto colon = endpoint.rfind(':');
    if (!endpoint.starts_with(tcp_endpoint_scheme) || colon < tcp_endpoint_scheme.size()) {
        return std::nullopt;
    }
    const auto port = parse_number<std::uint16_t>(endpoint.substr(colon + 1));
    std::string host{
        endpoint.substr(tcp_endpoint_scheme.size(), colon - tcp_endpoint_scheme.size())};
    if (!port || *port == 0 || host.find('\0') != std::string::npos) {
        return std::nullopt;
    }
    socket_address found;
    const auto take = [&](const auto& address) {
        static_assert(sizeof address <= sizeof found.bytes);
        std::memcpy(&found.bytes, &address, sizeof address);
        found.length = sizeof address;
        return found;
    };
    if (host.starts_with('[') && host.ends_with(']')) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(*port);
        host = host.substr(1, host.size() - 2);
        return ::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) == 1
                   ? std::optional{take(address)}
                   : std::nullopt;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(*port);
    return ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1 ? std::optional{take(address)}
                                                                      : std::nullopt;
}

} // namespace probe_detail
} // namespace podscope
