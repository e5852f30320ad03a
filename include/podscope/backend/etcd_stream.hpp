// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_channel.hpp>
#include <podscope/backend/etcd_error.hpp>
#include <podscope/os/blocked_signals.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/result.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace podscope::backend_detail {

[[nodiscard]] inline error etcd_silence(std::string_view at) {
    return etcd_error(etcd_errc::no_answer, at,
                      "no answer in time; see whether it hangs or is cut off");
}

/// Bytes to and from a member of a cluster. For one thread at a time.
class etcd_stream {
public:
    etcd_stream() = default;
    etcd_stream(const etcd_stream&) = delete;
    etcd_stream& operator=(const etcd_stream&) = delete;
    virtual ~etcd_stream() = default;

    [[nodiscard]] virtual result<void> write(std::string_view bytes, etcd_deadline until) = 0;

    /// Reads what is there, at least one byte; none if the other end has closed.
    [[nodiscard]] virtual result<std::size_t> read(std::span<char> into, etcd_deadline until) = 0;

    /// Closes it for whoever reads or writes, in another thread too.
    virtual void cancel() noexcept = 0;
};

/// The addresses of a host. The system's resolver has deadlines of its own, so it is asked by a
/// thread that is left behind if need be.
class etcd_addresses {
public:
    [[nodiscard]] static std::shared_ptr<const addrinfo> of(const etcd_endpoint& at,
                                                            etcd_deadline until) {
        // A number needs nobody to be asked.
        if (auto number = of_number(at)) {
            return number;
        }

        struct search {
            std::mutex mutex{};
            std::condition_variable over{};
            bool is_over{};
            std::shared_ptr<const addrinfo> found{};
        };

        auto shared = std::make_shared<search>();
        {
            const os_detail::blocked_signals inherited;
            std::thread{[shared, at] {
                auto found = look_up(at, 0);
                const std::lock_guard held{shared->mutex};
                shared->found = std::move(found);
                shared->is_over = true;
                shared->over.notify_one();
            }}.detach();
        }
        std::unique_lock held{shared->mutex};
        shared->over.wait_until(held, until, [&] { return shared->is_over; });
        return shared->found;
    }

    /// The address that a host is itself, in any form that the system reads; null if it is a name.
    [[nodiscard]] static std::shared_ptr<const addrinfo> of_number(const etcd_endpoint& at) {
        return look_up(at, AI_NUMERICHOST);
    }

private:
    [[nodiscard]] static std::shared_ptr<const addrinfo> look_up(const etcd_endpoint& at,
                                                                 int flags) {
        addrinfo wanted{};
        wanted.ai_socktype = SOCK_STREAM;
        wanted.ai_flags = flags | AI_NUMERICSERV;
        addrinfo* found = nullptr;
        if (::getaddrinfo(at.host.c_str(), at.port.c_str(), &wanted, &found) != 0) {
            return nullptr;
        }
        return {found, [](addrinfo* all) { ::freeaddrinfo(all); }};
    }
};

class etcd_tcp_stream final : public etcd_stream {
public:
    /// Errors: `no_endpoint`, `no_answer`.
    [[nodiscard]] static result<std::unique_ptr<etcd_tcp_stream>> connect(const etcd_endpoint& at,
                                                                          etcd_deadline until) {
        const auto addresses = etcd_addresses::of(at, until);
        error last = etcd_error(etcd_errc::no_endpoint, at.text, "the host has no address");
        for (const auto* each = addresses.get(); each != nullptr; each = each->ai_next) {
            auto made = std::unique_ptr<etcd_tcp_stream>{new etcd_tcp_stream{at, *each}};
            auto connected = made->connect_to(*each, until);
            if (connected) {
                return made;
            }
            last = std::move(connected).error();
        }
        return fail(std::move(last));
    }

    [[nodiscard]] result<void> write(std::string_view bytes, etcd_deadline until) override {
        while (!bytes.empty()) {
            const auto sent = os_detail::uninterrupted(
                [&] { return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
            if (sent >= 0) {
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            } else if (auto ready = may_go_on(POLLOUT, until); !ready) {
                return ready;
            }
        }
        return {};
    }

    [[nodiscard]] result<std::size_t> read(std::span<char> into, etcd_deadline until) override {
        for (;;) {
            const auto got = os_detail::uninterrupted(
                [&] { return ::recv(socket_.get(), into.data(), into.size(), 0); });
            if (got >= 0) {
                return static_cast<std::size_t>(got);
            }
            if (auto ready = may_go_on(POLLIN, until); !ready) {
                return fail(ready);
            }
        }
    }

    void cancel() noexcept override { ::shutdown(socket_.get(), SHUT_RDWR); }

private:
    etcd_tcp_stream(const etcd_endpoint& at, const addrinfo& to)
        : at_{at.text},
          socket_{::socket(to.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {}

    [[nodiscard]] result<void> connect_to(const addrinfo& to, etcd_deadline until) {
        if (!socket_) {
            return fail(broken("no socket", errno));
        }
        int failed = ::connect(socket_.get(), to.ai_addr, to.ai_addrlen) == 0 ? 0 : errno;
        if (failed == EINPROGRESS) {
            if (auto ready = wait(POLLOUT, until); !ready) {
                return ready;
            }
            socklen_t size = sizeof(failed);
            ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
        }
        if (failed != 0) {
            return fail(broken("no connection", failed));
        }
        const int on = 1;
        ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return {};
    }

    [[nodiscard]] error broken(std::string_view what, int failed) const {
        return etcd_error(etcd_errc::no_endpoint, at_,
                          std::string{what} + " (" + std::generic_category().message(failed) + ")");
    }

    [[nodiscard]] result<void> may_go_on(short event, etcd_deadline until) {
        if (errno != EAGAIN) {
            return fail(broken("the connection broke", errno));
        }
        return wait(event, until);
    }

    [[nodiscard]] result<void> wait(short event, etcd_deadline until) {
        using namespace std::chrono;
        pollfd ready{socket_.get(), event, 0};
        for (;;) {
            const auto left = ceil<milliseconds>(until - steady_clock::now());
            if (left <= milliseconds::zero()) {
                return fail(etcd_silence(at_));
            }
            const auto most = std::min(left, milliseconds{minutes{1}});
            if (::poll(&ready, 1, static_cast<int>(most.count())) > 0) {
                return {};
            }
        }
    }

    std::string at_;
    os_detail::file_descriptor socket_;
};

} // namespace podscope::backend_detail
