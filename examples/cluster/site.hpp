// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../shared/etcd_member.hpp"
#include "private_world.hpp"

#include <array>
#include <string>
#include <vector>

namespace demo {

/// One of the three hosts.
struct site {
    const char* name;
    const char* address;

    /// What it has on its disk.
    [[nodiscard]] std::string folder() const { return std::string{own_folder} + "/" + name; }

    [[nodiscard]] std::string client_url() const { return url(2379); }

    [[nodiscard]] std::string peer_url() const { return url(2380); }

private:
    [[nodiscard]] std::string url(int port) const {
        return "http://" + std::string{address} + ":" + std::to_string(port);
    }
};

inline constexpr site alder{"alder", "10.77.0.1"};
inline constexpr site birch{"birch", "10.77.0.2"};
inline constexpr site cedar{"cedar", "10.77.0.3"};
inline constexpr std::array all_sites{alder, birch, cedar};

/// Where a program on a host finds the cluster: at home first.
[[nodiscard]] inline std::vector<std::string> endpoints_from(const site& here) {
    std::vector<std::string> all{here.client_url()};
    for (const auto& each : all_sites) {
        if (each.address != here.address) {
            all.push_back(each.client_url());
        }
    }
    return all;
}

/// The host's member of the cluster. A new leader is found in about a second.
[[nodiscard]] inline etcd_site member_on(const site& here) {
    std::string cluster;
    for (const auto& each : all_sites) {
        cluster += (cluster.empty() ? "" : ",") + std::string{each.name} + "=" + each.peer_url();
    }
    return {.name = here.name,
            .client_url = here.client_url(),
            .peer_url = here.peer_url(),
            .cluster = std::move(cluster),
            .data = here.folder() + "/etcd",
            .timing = {"--heartbeat-interval=50", "--election-timeout=500"}};
}

} // namespace demo
