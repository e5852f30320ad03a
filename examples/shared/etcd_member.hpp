// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "system_error.hpp"

#include <podscope/result.hpp>

#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace demo {

/// Where a member of an etcd cluster is, and who the others are.
struct etcd_site {
    std::string name{"default"};
    std::string client_url{};
    std::string peer_url{};
    std::string cluster{};             ///< all members, as `--initial-cluster` has it
    std::string data{};                ///< a folder of its own; its log is beside it, with `.log`
    std::vector<std::string> timing{}; ///< etcd's options for heartbeats and elections
};

/// A process of etcd: one member of a cluster, or all of it. It dies with the process that has
/// started it, however that ends.
class etcd_member {
public:
    /// Starts it, and waits for nothing.
    [[nodiscard]] static podscope::result<etcd_member> start(const etcd_site& site) {
        std::vector<std::string> arguments{"etcd",
                                           "--name=" + site.name,
                                           "--data-dir=" + site.data,
                                           "--listen-client-urls=" + site.client_url,
                                           "--advertise-client-urls=" + site.client_url,
                                           "--listen-peer-urls=" + site.peer_url,
                                           "--initial-advertise-peer-urls=" + site.peer_url,
                                           "--initial-cluster=" + site.cluster,
                                           "--logger=zap",
                                           "--log-outputs=" + site.data + ".log"};
        arguments.insert(arguments.end(), site.timing.begin(), site.timing.end());
        std::vector<char*> argv;
        for (auto& one : arguments) {
            argv.push_back(one.data());
        }
        argv.push_back(nullptr);
        const pid_t starter = ::getpid();
        const pid_t pid = ::fork();
        if (pid < 0) {
            return system_said_no("cannot start a process");
        }
        if (pid == 0) {
            become(argv, starter);
        }
        return etcd_member{pid};
    }

    etcd_member(etcd_member&& other) noexcept : pid_{std::exchange(other.pid_, -1)} {}

    etcd_member& operator=(etcd_member&&) = delete;

    ~etcd_member() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
        }
    }

    /// Whether it has ended by itself: at once, where etcd is not installed.
    [[nodiscard]] bool has_ended() noexcept {
        if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
            pid_ = -1;
        }
        return pid_ < 0;
    }

private:
    explicit etcd_member(pid_t pid) noexcept : pid_{pid} {}

    // In the forked copy, where only what is safe in a signal handler may be called.
    [[noreturn]] static void become(const std::vector<char*>& argv, pid_t starter) noexcept {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != starter) {
            ::_exit(127); // it died before that was set
        }
        ::setpgid(0, 0); // a Ctrl-C is for the demo, which ends it last
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::execvp("etcd", argv.data());
        ::_exit(127);
    }

    pid_t pid_{-1};
};

} // namespace demo
