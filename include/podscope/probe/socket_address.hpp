// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <optional>
#include <string_view>

#include <sys/socket.h>

namespace podscope::probe_detail {

/// Where to connect to, whatever kind of socket is there.
struct socket_address {
    sockaddr_storage bytes{};
    socklen_t length{};

    [[nodiscard]] int family() const noexcept { return bytes.ss_family; }

    /// As the socket calls want it.
    [[nodiscard]] const sockaddr* get() const noexcept {
        return static_cast<const sockaddr*>(static_cast<const void*>(&bytes));
    }
};

/// The address that an endpoint names; nothing if it is of another form.
using address_reader = std::optional<socket_address> (*)(std::string_view endpoint);

} // namespace podscope::probe_detail
