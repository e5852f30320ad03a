// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "site.hpp"

#include <podscope/result.hpp>

#include <cstdlib>
#include <string>

#include <sys/types.h>

namespace demo {

/// Runs iproute2's `ip` in the network that this process is in.
[[nodiscard]] inline podscope::result<void> run_ip(const std::string& arguments) {
    const auto command = "ip " + arguments;
    if (std::system(command.c_str()) != 0) {
        return podscope::fail({.category = podscope::errc::unavailable,
                               .message = "this command has failed: " + command});
    }
    return {};
}

/// The same for several commands, up to the first that fails.
template <class... Arguments>
[[nodiscard]] podscope::result<void> run_ip_in_turn(const Arguments&... each) {
    podscope::result<void> done{};
    static_cast<void>((... && (done = run_ip(each)).has_value()));
    return done;
}

/// A switch in this process's network, and a cable from it to each host.
class network {
public:
    [[nodiscard]] static podscope::result<void> make() {
        return run_ip_in_turn("link add switch type bridge", "link set switch up");
    }

    /// Gives the network that a process is in the other end of a new cable.
    [[nodiscard]] static podscope::result<void> connect(const site& host, pid_t in) {
        return run_ip_in_turn("link add " + cable(host) + " type veth peer name eth0 netns " +
                                  std::to_string(in),
                              "link set " + cable(host) + " master switch up");
    }

    /// Has this process's network, a host's, use its cable.
    [[nodiscard]] static podscope::result<void> come_up(const site& here) {
        return run_ip_in_turn("link set lo up",
                              "addr add " + std::string{here.address} + "/24 dev eth0",
                              "link set eth0 up");
    }

    [[nodiscard]] static podscope::result<void> cut(const site& host) {
        return run_ip("link set " + cable(host) + " down");
    }

    [[nodiscard]] static podscope::result<void> mend(const site& host) {
        return run_ip("link set " + cable(host) + " up");
    }

private:
    [[nodiscard]] static std::string cable(const site& host) {
        return std::string{"to-"} + host.name;
    }
};

} // namespace demo
