// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/socket_address.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>

namespace podscope {

/// What the endpoint of a Unix socket begins with; its absolute path follows.
inline constexpr std::string_view unix_endpoint_scheme = "unix:";

/// The longest path of a Unix socket, in bytes: what fits into a `sockaddr_un`.
inline constexpr std::size_t max_unix_path_length = sizeof(sockaddr_un::sun_path) - 1;

/// The endpoint that names the socket at a path.
[[nodiscard]] inline std::string unix_endpoint(std::string_view path) {
    return std::string{unix_endpoint_scheme}.append(path);
}

namespace probe_detail {

/// The address of the socket at a path; nothing if the path is relative, too long or holds a NUL.
[[nodiscard]] inline std::optional<sockaddr_un> unix_address(std::string_view path) noexcept {
    if (!path.starts_with('/') || path.size() > max_unix_path_length ||
        path.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    return address;
}

/// The address that an endpoint names; nothing if it does not name the path of a Unix socket.
[[nodiscard]] inline std::optional<socket_address>
unix_endpoint_address(std::string_view endpoint) noexcept {
    if (!endpoint.starts_with(unix_endpoint_scheme)) {
        return std::nullopt;
    }
    const auto address = unix_address(endpoint.substr(unix_endpoint_scheme.size()));
    if (!address) {
        return std::nullopt;
    }
    socket_address found{.length = sizeof *address};
    std::memcpy(&found.bytes, &*address, sizeof *address);
    return found;
}

/// A `sockaddr_un` as the socket calls want it.
[[nodiscard]] inline const sockaddr* as_sockaddr(const sockaddr_un& address) noexcept {
    return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

} // namespace probe_detail
} // namespace podscope
