// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/greeting.hpp>
#include <podscope/probe/socket_address.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace podscope::probe_detail {

/// The first descriptor number that a probe leaves to the rest of the process. The kernel gives the
/// lowest free number, so that a number from here on says that nearly all are taken, by whomever.
[[nodiscard]] inline int descriptor_ceiling() noexcept {
    rlimit files{};
    constexpr rlim_t most = std::numeric_limits<int>::max();
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > most) {
        return std::numeric_limits<int>::max();
    }
    const rlim_t reserve = std::clamp<rlim_t>(files.rlim_cur / 32, 8, 256);
    return static_cast<int>(files.rlim_cur - std::min(files.rlim_cur, reserve));
}

/// One call of a probe that asks at sockets: see unix_socket_probe for what it promises.
///
/// A peer is in one of these states: settled; listening (connected, and not heard yet); busy (its
/// backlog is full, to be tried again); waiting (there is no descriptor left for it).
class socket_round {
public:
    socket_round(address_reader address_of,
                 std::span<const probe_subject> subjects,
                 deadline until,
                 std::span<verdict> verdicts,
                 std::size_t most_at_once)
        : address_of_{address_of},
          subjects_{subjects},
          verdicts_{verdicts},
          begin_{std::chrono::steady_clock::now()},
          until_{std::max(until, begin_)},
          most_at_once_{std::max<std::size_t>(most_at_once, 1)},
          ceiling_{descriptor_ceiling()},
          events_{::epoll_create1(EPOLL_CLOEXEC)},
          peers_(subjects.size()) {}

    void run() {
        ask_everybody();
        while (events_ && unsettled() && now() < until_) {
            wait();
            if (now() >= try_again_) {
                pause_ = std::min(pause_ * 2, longest_pause);
                try_again_ = now() + pause_;
                ask_busy_again();
            }
            ask_waiting();
        }
        close_round();
    }

private:
    using clock = std::chrono::steady_clock;
    using milliseconds = std::chrono::milliseconds;

    struct peer {
        os_detail::file_descriptor socket{};
        deadline connected{};
        std::string heard{};
    };

    enum class attempt : std::uint8_t {
        done,          ///< settled or listening
        busy,          ///< its backlog is full
        no_room,       ///< it would listen, but its descriptor cannot be kept
        no_descriptor, ///< it was not even asked
    };

    static constexpr milliseconds longest_pause{16};

    [[nodiscard]] static deadline now() noexcept { return clock::now(); }

    [[nodiscard]] bool unsettled() const noexcept {
        return listening_ > 0 || !busy_.empty() || !waiting_.empty();
    }

    /// Asks each once, even when there is no descriptor to keep: whoever is gone or refuses is
    /// settled without waiting for those that hang.
    void ask_everybody() {
        for (std::size_t i = 0; i < subjects_.size(); ++i) {
            if (const auto address = address_of_(subjects_[i].endpoint)) {
                sort_in(i, ask(i, *address, /*may_turn_away=*/true));
            }
        }
    }

    void ask_busy_again() {
        for (const auto i : std::exchange(busy_, {})) {
            sort_in(i, ask_again(i));
        }
    }

    void ask_waiting() {
        while (!waiting_.empty()) {
            const auto i = waiting_.front();
            const auto outcome = ask_again(i);
            if (outcome == attempt::no_room || outcome == attempt::no_descriptor) {
                return;
            }
            waiting_.pop_front();
            sort_in(i, outcome);
        }
    }

    [[nodiscard]] attempt ask_again(std::size_t i) {
        return ask(i, *address_of_(subjects_[i].endpoint), /*may_turn_away=*/false);
    }

    void sort_in(std::size_t i, attempt outcome) {
        switch (outcome) {
        case attempt::done: break;
        case attempt::busy: busy_.push_back(i); break;
        case attempt::no_room:
        case attempt::no_descriptor: waiting_.push_back(i); break;
        }
    }

    [[nodiscard]] attempt ask(std::size_t i, const socket_address& address, bool may_turn_away) {
        os_detail::file_descriptor socket{
            ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        if (!socket) {
            return attempt::no_descriptor;
        }
        const bool room = events_ && socket.get() < ceiling_ && listening_ < most_at_once_;
        if (!room && !may_turn_away) {
            return attempt::no_room;
        }
        if (::connect(socket.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) {
            return refused(i, errno);
        }
        return room && listen_to(i, std::move(socket)) ? attempt::done : attempt::no_room;
    }

    /// What a failed connect says. See man 7 unix, man 7 tcp and man 2 connect.
    [[nodiscard]] attempt refused(std::size_t i, int why) noexcept {
        switch (why) {
        case EAGAIN:
        case EINTR:
        case ENOMEM:
        case ENOBUFS: return attempt::busy;
        case ENOENT:
        case ENOTDIR:
        case ECONNREFUSED:
        case EPROTOTYPE: verdicts_[i] = verdict::unreachable; return attempt::done;
        // EACCES, a network that is down and the like: not for us to know.
        default: return attempt::done;
        }
    }

    [[nodiscard]] bool listen_to(std::size_t i, os_detail::file_descriptor socket) {
        epoll_event interest{};
        interest.events = EPOLLIN;
        interest.data.u64 = i;
        if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, socket.get(), &interest) != 0) {
            return false;
        }
        peers_[i].socket = std::move(socket);
        peers_[i].connected = now();
        ++listening_;
        return true;
    }

    /// Waits for answers, or until it is time to try again, and takes in what came.
    void wait() {
        std::array<epoll_event, 256> ready;
        const int count = ::epoll_wait(events_.get(), ready.data(), static_cast<int>(ready.size()),
                                       static_cast<int>(patience().count()));
        for (int n = 0; n < count; ++n) {
            hear(static_cast<std::size_t>(ready[static_cast<std::size_t>(n)].data.u64));
        }
    }

    [[nodiscard]] milliseconds patience() const noexcept {
        constexpr milliseconds longest{std::chrono::hours{1}};
        const bool retries = !busy_.empty() || !waiting_.empty();
        const auto left = (retries ? std::min(until_, try_again_) : until_) - now();
        if (left > longest) {
            return longest;
        }
        // Rounded up, or the last millisecond would be spent in a busy loop.
        return std::max(std::chrono::ceil<milliseconds>(left), milliseconds{0});
    }

    /// Reads what a peer has sent, and settles it if that is enough.
    void hear(std::size_t i) {
        peer& p = peers_[i];
        std::array<char, greeting::max_length> bytes;
        while (p.socket) {
            const auto got = ::recv(p.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
                return;
            }
            if (got <= 0) {
                // Anything else than the peer's end is a failure of the network's, or of our own.
                const bool has_ended =
                    got == 0 || errno == ECONNRESET || errno == ECONNREFUSED || errno == ETIMEDOUT;
                settle(i, has_ended ? verdict::unreachable : verdict::unknown);
                return;
            }
            p.heard.append(bytes.data(), static_cast<std::size_t>(got));
            if (const auto judged = judge_greeting(p.heard, subjects_[i])) {
                settle(i, *judged);
            }
        }
    }

    void settle(std::size_t i, verdict judged) noexcept {
        verdicts_[i] = judged;
        peers_[i].socket = {};
        --listening_;
    }

    /// The deadline has passed, or everybody is settled. Who is still silent had its time, unless
    /// its turn came so late that silence says nothing.
    void close_round() {
        const auto fair = until_ - (until_ - begin_) / 4;
        for (std::size_t i = 0; listening_ > 0 && i < peers_.size(); ++i) {
            hear(i); // this process may have slept while the answer came
            if (peers_[i].socket) {
                settle(i, peers_[i].connected < fair ? verdict::unreachable : verdict::unknown);
            }
        }
    }

    address_reader address_of_;
    std::span<const probe_subject> subjects_;
    std::span<verdict> verdicts_;
    deadline begin_;
    deadline until_;
    std::size_t most_at_once_;
    int ceiling_;
    os_detail::file_descriptor events_;
    std::vector<peer> peers_;
    std::vector<std::size_t> busy_{};
    std::deque<std::size_t> waiting_{};
    std::size_t listening_{};
    milliseconds pause_{1};
    deadline try_again_{begin_ + pause_};
};

} // namespace podscope::probe_detail
