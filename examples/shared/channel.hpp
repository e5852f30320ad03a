// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "owned_fd.hpp"
#include "system_error.hpp"

#include <podscope/backend/codec.hpp>
#include <podscope/error.hpp>
#include <podscope/result.hpp>

#include <boost/hana/adapt_struct.hpp>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <sys/types.h>

namespace demo {

/// An error as it goes over a line.
struct refusal {
    podscope::errc category{};
    std::string sentence{};
};

} // namespace demo

BOOST_HANA_ADAPT_STRUCT(demo::refusal, category, sentence);

namespace demo {

/// One end of a line between the demo and one of its processes. What is said on it is a record or
/// an error, whole, in the library's own format; and whoever listens learns that the other side is
/// gone.
class channel {
public:
    channel() = default;

    explicit channel(owned_fd end) noexcept : end_{std::move(end)} {}

    /// Both ends, neither of which a started program inherits.
    [[nodiscard]] static podscope::result<std::pair<channel, channel>> open() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
            return system_said_no("cannot make a line to a process");
        }
        return std::pair{channel{owned_fd{ends[0]}}, channel{owned_fd{ends[1]}}};
    }

    [[nodiscard]] int descriptor() const noexcept { return end_.get(); }

    template <class Record>
    [[nodiscard]] podscope::result<void> send(const podscope::result<Record>& said) const {
        std::string packet;
        if (said) {
            packet.push_back(good);
            podscope::append_record(packet, *said);
        } else {
            packet.push_back(bad);
            podscope::append_record(
                packet, refusal{.category = said.error().category, .sentence = in_full(said)});
        }
        ssize_t sent = 0;
        do {
            sent = ::send(end_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        if (sent < 0) {
            return system_said_no("cannot say anything on a line");
        }
        return {};
    }

    /// What was said, if anything was; never waits.
    ///
    /// Errors: the one that was said; `unavailable` if the other side is gone.
    template <class Record>
    [[nodiscard]] std::optional<podscope::result<Record>> take() const {
        const auto length = ::recv(end_.get(), nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
            return std::nullopt;
        }
        std::string packet(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
        if (length <= 0 || ::recv(end_.get(), packet.data(), packet.size(), 0) != length) {
            return podscope::fail({.category = podscope::errc::unavailable,
                                   .message = "the process at the other end of the line is gone"});
        }
        const auto record = std::string_view{packet}.substr(1);
        if (packet.front() == good) {
            return podscope::decode_record<Record>(record);
        }
        auto said = podscope::decode_record<refusal>(record);
        if (!said) {
            return podscope::fail(said);
        }
        return podscope::fail({.category = said->category, .message = std::move(said->sentence)});
    }

private:
    static constexpr char good = '+';
    static constexpr char bad = '-';

    // What the system said does not go over a line on its own.
    template <class Record>
    static std::string in_full(const podscope::result<Record>& said) {
        const auto& e = said.error();
        const auto where = e.path.empty() ? std::string{} : e.path + ": ";
        return e.system ? e.message + " (" + where + e.system.message() + ")" : e.message;
    }

    owned_fd end_{};
};

} // namespace demo
