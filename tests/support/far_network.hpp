// SPDX-License-Identifier: BSL-1.0
// A process with a network of its own, and one cable between that and the test's, which can be cut.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include <sys/types.h>
#include <unistd.h>

namespace podscope_test {

class far_network {
public:
    /// Whether this process may make one.
    [[nodiscard]] static bool is_possible() {
        return ::geteuid() == 0 &&
               is_done("unshare --net ip link add one type veth peer name other");
    }

    far_network() {
        run("ip link add " + near_end_ + " type veth peer name " + far_end_);
        run("ip addr add " + near() + "/30 dev " + near_end_);
        run("ip link set " + near_end_ + " up");
    }

    far_network(const far_network&) = delete;
    far_network& operator=(const far_network&) = delete;

    ~far_network() { (void)is_done("ip link del " + near_end_); }

    /// The test's address on the cable.
    [[nodiscard]] std::string near() const { return net_ + ".1"; }

    /// Gives a process, which has a network of its own already, the other end.
    void connect(pid_t far) const {
        run("ip link set " + far_end_ + " netns " + std::to_string(far));
        const auto there = "nsenter --net --target " + std::to_string(far) + " ";
        run(there + "ip addr add " + net_ + ".2/30 dev " + far_end_);
        run(there + "ip link set " + far_end_ + " up");
    }

    void cut() const { run("ip link set " + near_end_ + " down"); }

    void mend() const { run("ip link set " + near_end_ + " up"); }

private:
    [[nodiscard]] static bool is_done(const std::string& command) {
        return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
    }

    static void run(const std::string& command) {
        if (!is_done(command)) {
            throw std::runtime_error{command};
        }
    }

    // Of the addresses that are never routed, one net for each test process.
    std::string net_{"169.254." + std::to_string(::getpid() % 250 + 1)};
    std::string near_end_{"near" + std::to_string(::getpid())};
    std::string far_end_{"far" + std::to_string(::getpid())};
};

} // namespace podscope_test
