// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/names.hpp>
#include <podscope/os/blocked_signals.hpp>
#include <podscope/probe/answering_socket.hpp>
#include <podscope/probe/proc_file.hpp>
#include <podscope/probe/socket_folder.hpp>
#include <podscope/probe/unix_address.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace podscope {

/// Answers for a pod at a Unix socket: what unix_socket_probe asks.
///
/// It is driven in one of two ways. **By the program's own loop:** watch `descriptor()` for
/// readability and call `serve_ready()`; a program whose loop hangs is then found unreachable,
/// which is the stronger statement, and the way to choose if there is a loop. **By a thread:**
/// `run_in_thread()`; it answers as long as the process is scheduled at all, even if the program's
/// main loop hangs. Choose that for programs that compute for longer than a probe's deadline.
///
/// A pod's endpoint is written into the same row that gives it its epoch. So a responder may be
/// opened without an epoch: it listens, and lets callers wait, until `announce` tells it one.
///
/// The socket is made with mode 0600 in a folder that only this user may change; what a dead
/// predecessor left at the path is replaced. All descriptors are close-on-exec. The file goes with
/// the responder, if it is still the one that the responder made; after a crash it stays, and the
/// next responder at that path replaces it.
///
/// A forked copy of the process owns nothing of it: there every operation fails with `forked`, and
/// the destructor neither removes the file nor touches the original's thread. The forked copy keeps
/// the listening socket open until its copy of the responder is destroyed or it runs exec.
///
/// A responder that was moved from may only be destroyed or assigned to.
class responder {
public:
    /// Listens at an absolute path. `granted` is the epoch of the pod's allocation, `none` if it is
    /// not known yet.
    ///
    /// Waits for at most two seconds, for others that open or close sockets in the same folder.
    /// Errors: `invalid_name`; `unsafe_file` (the folder, or what lies at the path, is not fit);
    /// `already_live` (a living process listens there); `timeout`; `io`, with ENAMETOOLONG if the
    /// path is longer than `max_unix_path_length`, and EINVAL if it is not absolute, or names no
    /// file; `out_of_memory`.
    [[nodiscard]] static result<responder>
    open(std::string path, std::string pod, epoch granted = epoch::none);

    responder(responder&&) noexcept = default;

    responder& operator=(responder&& other) noexcept {
        if (this != &other) {
            close();
            state_ = std::move(other.state_);
        }
        return *this;
    }

    /// Stops the thread, if there is one, and removes the socket's file. Waits for no peer; for
    /// others that work in the same folder it waits for at most half a second, and leaves the file
    /// behind as a crash would.
    ~responder() { close(); }

    /// What to register as the pod's endpoint.
    [[nodiscard]] std::string endpoint() const { return unix_endpoint(state_->path); }

    /// The listening socket, readable when somebody waits to be answered. Do not watch it before an
    /// epoch is announced: it would be readable, and stay so.
    [[nodiscard]] int descriptor() const noexcept { return state_->listener.get(); }

    /// Answers from now on with that epoch; with `none`, lets callers wait. May be called from any
    /// thread. Errors: `forked`.
    [[nodiscard]] result<void> announce(epoch granted) {
        return in_own_process([&]() -> result<void> {
            state_->granted.store(granted, std::memory_order_relaxed);
            state_->wake();
            return {};
        });
    }

    /// Answers everybody who waits, or the first 256 of them. Never waits. Does nothing as long as
    /// no epoch is announced. Harmless beside the thread.
    ///
    /// Errors: `forked`; `io` if the system has no descriptor or memory left for a connection, in
    /// which case those who wait go on waiting.
    [[nodiscard]] result<void> serve_ready() {
        return in_own_process([&]() -> result<void> {
            if (const int code = state_->serve(); code != 0) {
                return fail(probe_detail::system_error(
                    code, "cannot accept a connection now; try again", state_->path));
            }
            return {};
        });
    }

    /// Starts a thread that answers, with all signals blocked. Does nothing if it runs already.
    /// Errors: `forked`; `io` if there can be no thread.
    [[nodiscard]] result<void> run_in_thread();

    /// Stops that thread and waits for its end, which no peer can delay. Does nothing if there is
    /// none, or in a forked copy. Not to be called from several threads at once, nor beside
    /// `run_in_thread`.
    void stop() noexcept {
        if (state_ && state_->stamp.is_current()) {
            state_->stop();
        }
    }

private:
    explicit responder(std::unique_ptr<probe_detail::answering_socket> made) noexcept
        : state_{std::move(made)} {}

    template <class Body>
    [[nodiscard]] result<void> in_own_process(Body body) {
        return guarded([&]() -> result<void> {
            if (!state_->stamp.is_current()) {
                return fail({.category = errc::forked,
                             .message = "this is a forked copy of the process that answers for the "
                                        "pod; open a responder of its own"});
            }
            return body();
        });
    }

    [[nodiscard]] static result<responder>
    open_checked(std::string path, std::string pod, epoch granted);

    void start_thread();

    void close() noexcept;

    std::unique_ptr<probe_detail::answering_socket> state_;
};

inline result<responder> responder::open(std::string path, std::string pod, epoch granted) {
    return guarded([&] { return open_checked(std::move(path), std::move(pod), granted); });
}

inline result<responder> responder::open_checked(std::string path, std::string pod, epoch granted) {
    if (auto named = check_name(pod); !named) {
        return fail(named);
    }
    if (path.size() > max_unix_path_length) {
        return fail(probe_detail::system_error(ENAMETOOLONG,
                                               "a socket's path must not be longer than " +
                                                   std::to_string(max_unix_path_length) +
                                                   " bytes; choose a shorter folder",
                                               std::move(path)));
    }
    const auto name = std::string_view{path}.substr(path.rfind('/') + 1);
    if (!probe_detail::unix_address(path) || name.empty() || name == "." || name == "..") {
        return fail(probe_detail::system_error(
            EINVAL, "a socket's path must be absolute and name a file", std::move(path)));
    }
    auto folder = probe_detail::socket_folder::of(path);
    if (!folder) {
        return fail(folder);
    }
    // Whatever goes wrong from here on, the responder's destructor takes back what was made; the
    // lock, declared after it, is given back before that.
    responder made{std::make_unique<probe_detail::answering_socket>(std::move(path), std::move(pod),
                                                                    granted, std::move(*folder))};
    auto held = made.state_->folder.acquire(std::chrono::seconds{2});
    if (!held) {
        return fail(held);
    }
    if (auto cleared = made.state_->folder.clear(*held); !cleared) {
        return fail(cleared);
    }
    if (auto listening = made.state_->listen(*held); !listening) {
        return fail(listening);
    }
    return made;
}

inline result<void> responder::run_in_thread() {
    return in_own_process([&]() -> result<void> {
        try {
            start_thread();
            return {};
        } catch (const std::system_error& refused) {
            return fail({.category = errc::io,
                         .message = "cannot start a thread; answer from the program's own loop",
                         .path = state_->path,
                         .system = refused.code()});
        }
    });
}

inline void responder::start_thread() {
    if (state_->thread.joinable()) {
        return;
    }

    const os_detail::blocked_signals inherited;
    state_->thread = std::thread{[state = state_.get()] { state->answer_until_stopped(); }};
}

inline void responder::close() noexcept {
    if (!state_) {
        return;
    }
    if (!state_->stamp.is_current()) {
        // The thread was never in this process: there is nothing to join, and no destructor of
        // std::thread accepts that.
        std::construct_at(&state_->thread);
        state_.reset();
        return;
    }
    state_->stop();
    // Before the socket is closed: until then its inode cannot become another file's.
    if (state_->owns_file) {
        (void)guarded([&]() -> result<void> {
            const auto held = state_->folder.acquire(std::chrono::milliseconds{500});
            if (held) {
                state_->folder.remove(*held, state_->file);
            }
            return {};
        });
    }
    state_.reset();
}

} // namespace podscope
