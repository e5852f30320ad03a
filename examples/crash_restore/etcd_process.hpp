// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/etcd_member.hpp"
#include "../shared/owned_fd.hpp"
#include "../shared/system_error.hpp"
#include "signal_watch.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/result.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace demo {

/// An etcd of the demo's own, on free ports of this machine, with its data in the scratch folder.
/// It dies with the demo, however that ends.
class etcd_process {
public:
    /// Starts it and waits until it answers. Errors: `unavailable` if it is not installed, or ends
    /// at once.
    [[nodiscard]] static podscope::result<etcd_process> start(const std::string& scratch_folder) {
        auto ports = free_ports();
        if (!ports) {
            return podscope::fail(ports);
        }
        const auto endpoint = at((*ports)[0]);
        std::ofstream{endpoint_file(scratch_folder)} << endpoint << '\n';
        const auto peer = at((*ports)[1]);
        auto started = etcd_member::start({.client_url = endpoint,
                                           .peer_url = peer,
                                           .cluster = "default=" + peer,
                                           .data = scratch_folder + "/etcd"});
        if (!started) {
            return podscope::fail(started);
        }
        const deadline until = soon();
        while (!started->has_ended() && std::chrono::steady_clock::now() < until) {
            auto reached = podscope::etcd_backend::open(
                {.endpoints = {endpoint}, .deadline = std::chrono::seconds{1}},
                podscope::etcd_over_http());
            if (reached) {
                return etcd_process{*std::move(started)};
            }
            (void)::poll(nullptr, 0, 20);
        }
        return podscope::fail({.category = podscope::errc::unavailable,
                               .message = "no etcd can be started here: install it (etcd-server), "
                                          "or see its log with --keep",
                               .path = scratch_folder + "/etcd.log"});
    }

    /// Where the one answers that was started for a folder.
    [[nodiscard]] static std::string endpoint_in(const std::string& scratch_folder) {
        std::string endpoint;
        std::ifstream{endpoint_file(scratch_folder)} >> endpoint;
        return endpoint;
    }

private:
    explicit etcd_process(etcd_member started) noexcept : only_{std::move(started)} {}

    [[nodiscard]] static std::string endpoint_file(const std::string& scratch_folder) {
        return scratch_folder + "/etcd.endpoint";
    }

    [[nodiscard]] static std::string at(std::uint16_t port) {
        return "http://127.0.0.1:" + std::to_string(port);
    }

    // Held both at once, or they might be the same.
    [[nodiscard]] static podscope::result<std::array<std::uint16_t, 2>> free_ports() {
        std::array<owned_fd, 2> held;
        std::array<std::uint16_t, 2> ports{};
        for (std::size_t i = 0; i != held.size(); ++i) {
            held[i] = owned_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            socklen_t size = sizeof(address);
            auto* const any = reinterpret_cast<sockaddr*>(&address);
            if (::bind(held[i].get(), any, size) != 0 ||
                ::getsockname(held[i].get(), any, &size) != 0) {
                return system_said_no("cannot find a free port for etcd");
            }
            ports[i] = ntohs(address.sin_port);
        }
        return ports;
    }

    etcd_member only_;
};

} // namespace demo
