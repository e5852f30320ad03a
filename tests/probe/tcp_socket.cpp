// SPDX-License-Identifier: BSL-1.0
// Real TCP sockets on the loopback interface.
#include "probe/processes.hpp"
#include "probe/sockets.hpp"
#include "support/catch.hpp"

#include <podscope/probe/greeting.hpp>
#include <podscope/probe/tcp_address.hpp>
#include <podscope/probe/tcp_socket.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace podscope;
using namespace podscope_test;

namespace {

/// A TCP socket on a free port of the loopback interface, made without the library.
class tcp_door {
public:
    explicit tcp_door(int family = AF_INET, bool listens = true)
        : family_{family},
          socket_{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        if (socket_ < 0 || !bind_to_loopback() || (listens && ::listen(socket_, 4096) != 0)) {
            throw std::runtime_error{"cannot listen"};
        }
    }

    tcp_door(const tcp_door&) = delete;
    tcp_door& operator=(const tcp_door&) = delete;

    ~tcp_door() { ::close(socket_); }

    [[nodiscard]] std::string endpoint() const {
        return (family_ == AF_INET ? "tcp:127.0.0.1:" : "tcp:[::1]:") + std::to_string(port_);
    }

    void answer(std::string_view text) const {
        const int caller = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
        (void)::send(caller, text.data(), text.size(), MSG_NOSIGNAL);
        ::close(caller);
    }

private:
    [[nodiscard]] bool bind_to_loopback() {
        if (family_ == AF_INET6) {
            sockaddr_in6 six{};
            six.sin6_family = AF_INET6;
            six.sin6_addr = in6addr_loopback;
            return bind_as(six, &sockaddr_in6::sin6_port);
        }
        sockaddr_in four{};
        four.sin_family = AF_INET;
        four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return bind_as(four, &sockaddr_in::sin_port);
    }

    template <class Address>
    [[nodiscard]] bool bind_as(Address address, in_port_t Address::* port) {
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        socklen_t length = sizeof address;
        const bool bound =
            ::bind(socket_, any, length) == 0 && ::getsockname(socket_, any, &length) == 0;
        port_ = ntohs(address.*port);
        return bound;
    }

    int family_;
    int socket_;
    std::uint16_t port_{};
};

probe_subject subject_behind(std::string endpoint) {
    return {.pod = "p", .owner = {}, .endpoint = std::move(endpoint), .granted = epoch{7}};
}

bool has_ipv6() {
    try {
        const tcp_door door{AF_INET6};
        return true;
    } catch (const std::runtime_error&) {
        return false;
    }
}

} // namespace

TEST_CASE("a subject that greets over TCP is reachable", "[probe]") {
    std::vector<int> families{AF_INET};
    if (has_ipv6()) {
        families.push_back(AF_INET6);
    }
    for (const int family : families) {
        const tcp_door door{family};
        std::thread server{[&] { door.answer(greeting{"p", epoch{7}}.text()); }};
        CHECK(ask(tcp_probe{}, subject_behind(door.endpoint())) == verdict::reachable);
        server.join();
    }
}

TEST_CASE("F20 what a TCP socket says or does not say is judged as at a Unix socket", "[probe]") {
    const tcp_door door;
    const auto told = [&](std::string text) {
        std::thread server{[&] { door.answer(text); }};
        const auto found = ask(tcp_probe{}, subject_behind(door.endpoint()));
        server.join();
        return found;
    };
    CHECK(told("podscope 1 p 8\n") == verdict::missing);
    CHECK(told("podscope 1 another 7\n") == verdict::missing);
    CHECK(told("podscope 2 whatever\n") == verdict::unknown);
    CHECK(told("HTTP/1.1 400 Bad Request\r\n") == verdict::unreachable);
    CHECK(told("") == verdict::unreachable);
}

TEST_CASE("F20 a TCP socket at which nobody listens is unreachable at once", "[probe]") {
    const tcp_door door{AF_INET, false};
    CHECK(ask(tcp_probe{}, subject_behind(door.endpoint())) == verdict::unreachable);
}

TEST_CASE("F23 all who are silent at their TCP sockets cost one deadline", "[probe]") {
    const tcp_door silent;
    const tcp_door speaks;
    // The kernel accepts for a process that hangs.
    std::vector<probe_subject> subjects(200, subject_behind(silent.endpoint()));
    subjects.push_back(subject_behind(speaks.endpoint()));
    std::thread server{[&] { speaks.answer("podscope 1 p 7\n"); }};
    const auto verdicts = ask_all(tcp_probe{}, subjects, in(a_while));
    server.join();
    CHECK(verdicts.back() == verdict::reachable);
    for (std::size_t i = 0; i != 200; ++i) {
        REQUIRE(verdicts[i] == verdict::unreachable);
    }
}

TEST_CASE("F23 all are asked at their TCP sockets before anybody is waited for", "[probe]") {
    std::optional<tcp_door> silent{std::in_place};
    const std::vector<probe_subject> subjects(200, subject_behind(silent->endpoint()));
    const auto before = open_descriptors();
    running_probe probe{tcp_probe{}, subjects, patience};
    CHECK(probe.waits());
    // A connection for each, and one that watches them all.
    CHECK(open_descriptors().size() == before.size() + subjects.size() + 1);
    silent.reset(); // hangs up
    CHECK(probe.verdicts() == std::vector(subjects.size(), verdict::unreachable));
}

TEST_CASE("an endpoint that is no numeric address and port is nothing to a TCP probe", "[probe]") {
    for (const std::string_view endpoint : {
             "",
             "tcp:",
             "tcp:127.0.0.1",
             "tcp:127.0.0.1:",
             "tcp:127.0.0.1:0",
             "tcp:127.0.0.1:65536",
             "tcp:127.0.0.1:-1",
             "tcp:127.0.0.1: 80",
             "tcp:localhost:80",
             "tcp:127.1:80",
             "tcp:::1:80",
             "tcp:[::1]",
             "tcp:[127.0.0.1]:80",
             "tcp:[::1:80",
             "udp:127.0.0.1:80",
             "unix:/a:80",
         }) {
        CAPTURE(endpoint);
        CHECK_FALSE(probe_detail::tcp_endpoint_address(endpoint).has_value());
        CHECK(ask(tcp_probe{}, subject_behind(std::string{endpoint})) == verdict::unknown);
    }
    CHECK(probe_detail::tcp_endpoint_address("tcp:127.0.0.1:80").has_value());
    CHECK(probe_detail::tcp_endpoint_address("tcp:[fe80::1]:65535").has_value());
}

TEST_CASE("F23 who got no turn at his TCP socket, for others that hang, is unknown", "[probe]") {
    const tcp_door door;
    const std::vector<probe_subject> subjects(10, subject_behind(door.endpoint()));
    const auto verdicts = ask_all(tcp_probe{3}, subjects, in(a_while));
    CHECK(std::ranges::count(verdicts, verdict::unreachable) == 3);
    CHECK(std::ranges::count(verdicts, verdict::unknown) == 7);
}
