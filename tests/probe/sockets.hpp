// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "probe/processes.hpp"
#include "support/descriptors.hpp"

#include <podscope/probe/concept.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

namespace podscope_test {

inline sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        throw std::runtime_error{"path too long"};
    }
    path.copy(address.sun_path, path.size());
    return address;
}

/// A plain Unix socket that is bound and perhaps listens, made without the library.
class plain_socket {
public:
    enum class kind { bound, listening };

    explicit plain_socket(const std::string& path, kind what = kind::listening, int backlog = 4096)
        : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        const auto address = address_of(path);
        if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            (what == kind::listening && ::listen(socket_, backlog) != 0)) {
            throw std::runtime_error{"cannot listen at " + path};
        }
    }

    plain_socket(plain_socket&& other) noexcept : socket_{std::exchange(other.socket_, -1)} {}

    plain_socket& operator=(plain_socket&&) = delete;

    ~plain_socket() {
        if (socket_ >= 0) {
            ::close(socket_);
        }
    }

    [[nodiscard]] int get() const { return socket_; }

    /// Waits for a caller.
    [[nodiscard]] int accept() const { return ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC); }

    /// Says something to the next caller and hangs up.
    void answer(std::string_view text) const {
        const int caller = accept();
        if (caller >= 0) {
            (void)::send(caller, text.data(), text.size(), MSG_NOSIGNAL);
            ::close(caller);
        }
    }

private:
    int socket_;
};

/// A connection, or -1 with errno. Does not wait.
inline int connect_to(const std::string& path) {
    const int caller = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const auto address = address_of(path);
    if (::connect(caller, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        return caller;
    }
    const int why = errno;
    ::close(caller);
    errno = why;
    return -1;
}

/// Everything that waits at a listening socket's door, so that nobody else may.
class crowd {
public:
    explicit crowd(const std::string& path) {
        for (int caller = connect_to(path); caller >= 0; caller = connect_to(path)) {
            callers_.push_back(caller);
        }
        if (errno != EAGAIN) {
            throw std::runtime_error{"the backlog cannot be filled"};
        }
    }

    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;

    ~crowd() {
        for (const int caller : callers_) {
            ::close(caller);
        }
    }

private:
    std::vector<int> callers_;
};

/// Whether a thread comes to wait for events, which a probe does once everybody was asked.
inline bool comes_to_wait(const std::string& thread) {
    return eventually([&] {
        std::ifstream file{"/proc/" + thread + "/syscall"};
        long number = -1;
        file >> number;
        return file && (number == SYS_epoll_wait || number == SYS_epoll_pwait);
    });
}

/// A probe that goes on in a thread, to be observed from outside.
class running_probe {
public:
    template <class Probe>
    running_probe(Probe probe,
                  std::vector<podscope::probe_subject> subjects,
                  std::chrono::milliseconds time)
        : thread_{[this, probe, subjects = std::move(subjects), time] {
              thread_id_ = static_cast<pid_t>(::syscall(SYS_gettid));
              verdicts_ = ask_all(probe, subjects, in(time));
          }} {}

    [[nodiscard]] bool waits() const {
        return eventually([&] { return thread_id_ != 0; }) &&
               comes_to_wait("self/task/" + std::to_string(thread_id_));
    }

    std::vector<podscope::verdict> verdicts() {
        thread_.join();
        return verdicts_;
    }

private:
    std::vector<podscope::verdict> verdicts_;
    std::atomic<pid_t> thread_id_{};
    std::thread thread_;
};

inline podscope::probe_subject
at(const std::string& path, std::string pod = "p", std::uint64_t granted = 7) {
    return {.pod = std::move(pod), .endpoint = "unix:" + path, .granted = podscope::epoch{granted}};
}

} // namespace podscope_test
