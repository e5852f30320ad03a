// SPDX-License-Identifier: BSL-1.0
// Something on a port of the loopback that is no etcd.
#pragma once

#include "support/etcd_server.hpp"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace backend_test {

/// Says the same to everybody once they have said something, and closes, or never does.
class etcd_imposter {
public:
    explicit etcd_imposter(std::string says, bool closes = true)
        : says_{std::move(says)},
          closes_{closes},
          listening_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        auto address = podscope_test::loopback(0);
        socklen_t size = sizeof(address);
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listening_, any, size) != 0 || ::listen(listening_, 16) != 0 ||
            ::getsockname(listening_, any, &size) != 0) {
            throw std::runtime_error{"nobody can listen"};
        }
        port_ = ntohs(address.sin_port);
        answering_ = std::thread{[this] { answer(); }};
    }

    etcd_imposter(const etcd_imposter&) = delete;
    etcd_imposter& operator=(const etcd_imposter&) = delete;

    ~etcd_imposter() {
        ::shutdown(listening_, SHUT_RDWR);
        answering_.join();
        ::close(listening_);
    }

    [[nodiscard]] std::string endpoint(std::string_view scheme = "http") const {
        return std::string{scheme} + "://127.0.0.1:" + std::to_string(port_);
    }

private:
    void answer() {
        std::array<char, 4'096> heard{};
        std::vector<int> kept;
        for (int fd = 0; (fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            static_cast<void>(::recv(fd, heard.data(), heard.size(), 0));
            static_cast<void>(::send(fd, says_.data(), says_.size(), MSG_NOSIGNAL));
            if (closes_) {
                ::close(fd);
            } else {
                kept.push_back(fd);
            }
        }
        for (const int fd : kept) {
            ::close(fd);
        }
    }

    std::string says_;
    bool closes_;
    int listening_;
    std::uint16_t port_{};
    std::thread answering_{};
};

} // namespace backend_test
