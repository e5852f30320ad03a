// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/fork_stamp.hpp>
#include <podscope/os/file_descriptor.hpp>
#include <podscope/probe/greeting.hpp>
#include <podscope/probe/proc_file.hpp>
#include <podscope/probe/socket_folder.hpp>
#include <podscope/probe/unix_address.hpp>
#include <podscope/result.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::probe_detail {

/// What a responder owns, at an address that does not move: its thread looks at it.
struct answering_socket {
    answering_socket(std::string where, std::string who, epoch at, socket_folder in)
        : path{std::move(where)},
          pod{std::move(who)},
          granted{at},
          folder{std::move(in)} {}

    /// Makes the socket at the path. The folder's lock is held.
    [[nodiscard]] result<void> listen(const socket_folder::lock& held) {
        const auto address = unix_address(path);
        listener = os_detail::file_descriptor{
            ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        waker = os_detail::file_descriptor{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
        // The kernel makes the file with the mode of the socket, less the umask, so that it is
        // never wider than this, not even for a moment.
        const bool bound = listener && waker && address &&
                           ::fchmod(listener.get(), S_IRUSR | S_IWUSR) == 0 &&
                           ::bind(listener.get(), as_sockaddr(*address), sizeof *address) == 0;
        if (!bound) {
            return fail(system_error(errno, "cannot make a socket at that path", path));
        }
        auto made = folder.identify(held);
        if (!made) {
            return fail(made);
        }
        file = *made;
        owns_file = true;
        if (auto kept = folder.make_private(held); !kept) {
            return fail(kept);
        }
        if (::listen(listener.get(), SOMAXCONN) != 0) {
            return fail(system_error(errno, "cannot listen at that path", path));
        }
        return {};
    }

    /// Answers those who wait. The system's code if it refuses a connection for want of room.
    [[nodiscard]] int serve() noexcept {
        constexpr int most = 256; // a flood of callers must not keep the program's loop
        for (int n = 0; n < most; ++n) {
            const auto at = granted.load(std::memory_order_relaxed);
            if (at == epoch::none) {
                return 0;
            }
            const os_detail::file_descriptor caller{
                ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
            if (!caller) {
                if (errno == EINTR || errno == ECONNABORTED) {
                    continue;
                }
                return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno;
            }
            // One line always fits into an empty send buffer. Whoever has hung up does not care.
            const greeting answer{pod, at};
            (void)::send(caller.get(), answer.text().data(), answer.text().size(), MSG_NOSIGNAL);
        }
        return 0;
    }

    void wake() noexcept {
        const std::uint64_t one = 1;
        (void)!::write(waker.get(), &one, sizeof one);
    }

    /// The thread's body.
    void answer_until_stopped() noexcept {
        constexpr std::chrono::milliseconds pause{20};
        int timeout = -1;
        while (!stopping.load(std::memory_order_relaxed)) {
            // Not watched while it would only be readable in vain: before there is an epoch, and
            // while there is no descriptor for a connection.
            const bool watch =
                timeout < 0 && granted.load(std::memory_order_relaxed) != epoch::none;
            std::array<pollfd, 2> watched{pollfd{waker.get(), POLLIN, 0},
                                          pollfd{watch ? listener.get() : -1, POLLIN, 0}};
            if (::poll(watched.data(), watched.size(), timeout) < 0 && errno != EINTR) {
                // The limit of descriptors has been put below what poll is to watch.
                std::this_thread::sleep_for(pause);
            }
            std::uint64_t count = 0;
            (void)!::read(waker.get(), &count, sizeof count);
            timeout = serve() == 0 ? -1 : static_cast<int>(pause.count());
        }
    }

    void stop() noexcept {
        if (thread.joinable()) {
            stopping.store(true, std::memory_order_relaxed);
            wake();
            thread.join();
            stopping.store(false, std::memory_order_relaxed);
        }
    }

    std::string path;
    std::string pod;
    std::atomic<epoch> granted;
    socket_folder folder;
    fork_stamp stamp{};
    os_detail::file_descriptor listener{};
    os_detail::file_descriptor waker{};
    file_identity file{};
    bool owns_file{};
    std::atomic<bool> stopping{false};
    std::thread thread{};
};

} // namespace podscope::probe_detail
