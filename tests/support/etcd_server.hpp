// SPDX-License-Identifier: BSL-1.0
// A real etcd of one test's own: on free ports of the loopback, in a folder that goes away with it,
// and killed with the test if that dies.
#pragma once

#include "support/temporary_folder.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace podscope_test {

[[nodiscard]] inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// So many ports that nobody listens on now, all different.
[[nodiscard]] inline std::vector<std::uint16_t> free_ports(std::size_t count) {
    std::vector<int> held;
    std::vector<std::uint16_t> ports;
    for (std::size_t i = 0; i != count; ++i) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        auto address = loopback(0);
        socklen_t size = sizeof(address);
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        if (fd < 0 || ::bind(fd, any, size) != 0 || ::getsockname(fd, any, &size) != 0) {
            throw std::runtime_error{"no free port"};
        }
        held.push_back(fd);
        ports.push_back(ntohs(address.sin_port));
    }
    for (const int fd : held) {
        ::close(fd);
    }
    return ports;
}

/// Whether somebody listens there.
[[nodiscard]] inline bool takes_connections(const std::string& host, std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(port);
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    const bool taken =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(fd);
    return taken;
}

class etcd_server {
public:
    /// Whether this machine has an etcd.
    [[nodiscard]] static bool is_installed() { return ::access(program, X_OK) == 0; }

    /// Starts one and waits until it takes calls.
    /// @param more arguments besides those that say where it is
    /// @param host an address of this machine
    explicit etcd_server(std::vector<std::string> more = {},
                         std::string scheme = "http",
                         std::string host = "127.0.0.1")
        : more_{std::move(more)},
          scheme_{std::move(scheme)},
          host_{std::move(host)} {
        // Somebody may take a port between the look and the start.
        for (int attempt = 0; attempt != 5; ++attempt) {
            const auto ports = free_ports(2);
            port_ = ports[0];
            peer_port_ = ports[1];
            if (start()) {
                return;
            }
        }
        throw std::runtime_error{"etcd does not start"};
    }

    /// One of a cluster, on ports that were free. Does not wait for the others.
    /// @param cluster all of them, as `--initial-cluster` has it
    /// @param state whether that cluster is there already, as `--initial-cluster-state` has it
    etcd_server(const std::string& name,
                std::uint16_t port,
                std::uint16_t peer_port,
                const std::string& cluster,
                const std::string& state = "new")
        : more_{"--name=" + name, "--initial-cluster=" + cluster,
                "--initial-cluster-state=" + state},
          port_{port},
          peer_port_{peer_port} {
        if (!start()) {
            throw std::runtime_error{"etcd does not start"};
        }
    }

    etcd_server(const etcd_server&) = delete;
    etcd_server& operator=(const etcd_server&) = delete;

    ~etcd_server() { kill(); }

    [[nodiscard]] std::string endpoint() const {
        return scheme_ + "://" + host_ + ":" + std::to_string(port_);
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// Where its fellow members reach it.
    [[nodiscard]] std::string peer_endpoint() const {
        return "http://127.0.0.1:" + std::to_string(peer_port_);
    }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// Kills it and returns once it is gone.
    void kill() {
        // A forked copy of a test has no right to it.
        if (pid_ > 0 && owner_ == ::getpid()) {
            ::kill(pid_, SIGKILL);
            int status{};
            while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
        }
        pid_ = -1;
    }

    /// Starts it again where it was, with what it had stored.
    void restart() {
        kill();
        if (!start()) {
            throw std::runtime_error{"etcd does not start again"};
        }
    }

    /// Starts it again with what it has stored, of which it keeps a copy.
    void restart_and_copy() {
        kill();
        std::filesystem::copy(folder_ / "data", folder_ / "copy",
                              std::filesystem::copy_options::recursive);
        restart();
    }

    /// Starts it again with what is in that copy.
    void restart_from_copy() {
        kill();
        std::filesystem::remove_all(folder_ / "data");
        std::filesystem::copy(folder_ / "copy", folder_ / "data",
                              std::filesystem::copy_options::recursive);
        restart();
    }

    /// Stops it in the middle of whatever it does: it takes connections still, and never answers.
    void pause() const { signal_and_wait(SIGSTOP, WUNTRACED); }

    void go_on() const { signal_and_wait(SIGCONT, WCONTINUED); }

private:
    static constexpr const char* program = "/usr/bin/etcd";

    [[nodiscard]] bool start() {
        const auto peer = peer_endpoint();
        std::vector<std::string> all{program,
                                     "--data-dir=" + (folder_ / "data"),
                                     "--listen-client-urls=" + endpoint(),
                                     "--advertise-client-urls=" + endpoint(),
                                     "--listen-peer-urls=" + peer,
                                     "--initial-advertise-peer-urls=" + peer,
                                     "--initial-cluster=default=" + peer,
                                     "--heartbeat-interval=20",
                                     "--election-timeout=200",
                                     "--logger=zap",
                                     "--log-outputs=" + (folder_ / "log")};
        all.insert(all.end(), more_.begin(), more_.end());
        std::vector<char*> arguments;
        for (auto& one : all) {
            arguments.push_back(one.data());
        }
        arguments.push_back(nullptr);
        owner_ = ::getpid();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != owner_) {
                ::_exit(127);
            }
            ::execv(program, arguments.data());
            ::_exit(127);
        }
        using clock = std::chrono::steady_clock;
        for (const auto until = clock::now() + std::chrono::seconds{30}; clock::now() < until;) {
            if (takes_connections(host_, port_)) {
                return true;
            }
            int status{};
            if (::waitpid(pid_, &status, WNOHANG) == pid_) {
                pid_ = -1;
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
        kill();
        return false;
    }

    void signal_and_wait(int signal, int state) const {
        int status{};
        ::kill(pid_, signal);
        if (::waitpid(pid_, &status, state) != pid_ || WIFEXITED(status) || WIFSIGNALED(status)) {
            throw std::runtime_error{"etcd is gone"};
        }
    }

    temporary_folder folder_{};
    std::vector<std::string> more_;
    std::string scheme_{"http"};
    std::string host_{"127.0.0.1"};
    std::uint16_t port_{};
    std::uint16_t peer_port_{};
    pid_t pid_{-1};
    pid_t owner_{-1};
};

/// Three that are one cluster.
class etcd_cluster {
public:
    etcd_cluster() {
        const auto ports = free_ports(2 * members);
        std::string all;
        for (std::size_t i = 0; i != members; ++i) {
            all += (i == 0 ? "m" : ",m") + std::to_string(i) +
                   "=http://127.0.0.1:" + std::to_string(ports[members + i]);
        }
        for (std::size_t i = 0; i != members; ++i) {
            servers_.push_back(std::make_unique<etcd_server>("m" + std::to_string(i), ports[i],
                                                             ports[members + i], all));
        }
    }

    [[nodiscard]] std::vector<std::string> endpoints() const {
        std::vector<std::string> all;
        for (const auto& one : servers_) {
            all.push_back(one->endpoint());
        }
        return all;
    }

    [[nodiscard]] etcd_server& at(std::size_t i) { return *servers_[i]; }

    static constexpr std::size_t members = 3;

private:
    std::vector<std::unique_ptr<etcd_server>> servers_{};
};

} // namespace podscope_test

/// Leaves a test case that needs an etcd where there is none.
#define PODSCOPE_NEEDS_ETCD()                              \
    do {                                                   \
        if (!podscope_test::etcd_server::is_installed()) { \
            PODSCOPE_SKIP("there is no etcd");             \
        }                                                  \
    } while (false)
