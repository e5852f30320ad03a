// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "owned_fd.hpp"
#include "signal_watch.hpp"
#include "system_error.hpp"

#include <podscope/backend/etcd.hpp>
#include <podscope/backend/etcd_http.hpp>
#include <podscope/result.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

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
        etcd_process started;
        if (auto done = started.run(scratch_folder + "/etcd", endpoint, at((*ports)[1])); !done) {
            return podscope::fail(done);
        }
        for (const deadline until = soon(); std::chrono::steady_clock::now() < until;) {
            auto reached = podscope::etcd_backend::open(
                {.endpoints = {endpoint}, .deadline = std::chrono::seconds{1}},
                podscope::etcd_over_http());
            if (reached) {
                return started;
            }
            if (::waitpid(started.pid_, nullptr, WNOHANG) == started.pid_) {
                started.pid_ = -1;
                break;
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

    etcd_process(etcd_process&& other) noexcept : pid_{std::exchange(other.pid_, -1)} {}

    etcd_process& operator=(etcd_process&&) = delete;

    ~etcd_process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
        }
    }

private:
    etcd_process() = default;

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

    [[nodiscard]] podscope::result<void>
    run(const std::string& data, const std::string& endpoint, const std::string& peer) {
        std::vector<std::string> arguments{"etcd",
                                           "--data-dir=" + data,
                                           "--listen-client-urls=" + endpoint,
                                           "--advertise-client-urls=" + endpoint,
                                           "--listen-peer-urls=" + peer,
                                           "--initial-advertise-peer-urls=" + peer,
                                           "--initial-cluster=default=" + peer,
                                           "--logger=zap",
                                           "--log-outputs=" + data + ".log"};
        std::vector<char*> argv;
        for (auto& one : arguments) {
            argv.push_back(one.data());
        }
        argv.push_back(nullptr);
        const pid_t demo = ::getpid();
        pid_ = ::fork();
        if (pid_ < 0) {
            return system_said_no("cannot start a process");
        }
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != demo) {
                ::_exit(127); // it died before that was set
            }
            ::setpgid(0, 0); // a Ctrl-C is for the demo, which ends it last
            sigset_t none;
            ::sigemptyset(&none);
            ::sigprocmask(SIG_SETMASK, &none, nullptr);
            ::execvp("etcd", argv.data());
            ::_exit(127);
        }
        return {};
    }

    pid_t pid_{-1};
};

} // namespace demo
