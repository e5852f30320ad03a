// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/file.hpp>
#include <podscope/backend/file_lock.hpp>
#include <podscope/backend/journal_options.hpp>
#include <podscope/backend/private_descriptor.hpp>
#include <podscope/backend/shared_page.hpp>
#include <podscope/backend/timed_gate.hpp>
#include <podscope/backend/trusted_file.hpp>
#include <podscope/os/deadline_after.hpp>
#include <podscope/os/network_file_system.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podscope::backend_detail {

/// A journal's folder, and whose turn it is in it: the lock of all processes, the page that they
/// share, and the gate before which the threads of this one wait.
class journal_folder {
public:
    static constexpr const char* journal_name = "journal";
    static constexpr const char* lock_name = "journal.lock";

    /// Opens the folder, making it and the lock's file if they are not there.
    [[nodiscard]] static result<std::unique_ptr<journal_folder>>
    open(std::string path, const journal_options& options) {
        auto folder = open_trusted_folder(path);
        if (!folder) {
            return fail(folder);
        }
        auto local =
            os_detail::check_is_local(folder->get(), path, options.trust_network_file_system);
        if (!local) {
            return fail(local);
        }
        if (!private_descriptor::guard_forks()) {
            return fail({.category = errc::out_of_memory, .message = "out of memory"});
        }
        std::unique_ptr<journal_folder> opened{
            new journal_folder{std::move(path), *std::move(folder), options}};
        auto locked = opened->lock_.open([&] {
            return open_trusted_file(opened->folder_.get(), lock_name, O_CREAT,
                                     opened->lock_path());
        });
        if (!locked) {
            return fail(locked);
        }
        if (auto mapped = opened->map_page(); !mapped) {
            return fail(mapped);
        }
        return opened;
    }

    [[nodiscard]] int descriptor() const noexcept { return folder_.get(); }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    [[nodiscard]] std::string journal_path() const { return path_ + "/" + journal_name; }

    [[nodiscard]] std::string lock_path() const { return path_ + "/" + lock_name; }

    [[nodiscard]] shared_page& page() noexcept { return *page_; }

    [[nodiscard]] bool is_in_its_process() const noexcept { return !lock_.is_in_forked_copy(); }

    /// First thing in every call: a forked copy may not even look at a mutex.
    [[nodiscard]] result<void> check_process() const {
        if (!is_in_its_process()) {
            return fail({.category = errc::forked,
                         .message = "a journal cannot be used in a forked copy of the process that "
                                    "opened it: open it anew there",
                         .path = journal_path()});
        }
        return {};
    }

    /// The right to read and write the files of the folder, until it goes out of scope.
    class turn {
    public:
        turn(turn&&) = default;
        turn& operator=(turn&&) = delete;

        ~turn() {
            if (!gate_) {
                return;
            }
            if (!folder_->is_in_its_process()) {
                // Nobody else is here to wait at the gate, whose lock is in the parent.
                gate_.release();
            } else if (folder_->page_) {
                folder_->page_->set_holder(0);
            }
        }

    private:
        friend journal_folder;

        turn(journal_folder& folder, std::unique_lock<timed_gate> gate, file_lock lock)
            : folder_{&folder},
              gate_{std::move(gate)},
              lock_{std::move(lock)} {}

        journal_folder* folder_;
        std::unique_lock<timed_gate> gate_;
        file_lock lock_;
    };

    /// Until when a call that begins now may wait for others.
    [[nodiscard]] lock_deadline deadline() const noexcept {
        return os_detail::deadline_after(deadline_);
    }

    /// The error of a call that waited longer for somebody.
    [[nodiscard]] failure timed_out(const std::string& who) const {
        return fail({.category = errc::timeout,
                     .message = who + " is still busy with " + journal_path() + " after " +
                                std::to_string(deadline_.count()) +
                                " ms: if it is stopped or hangs, continue it or end it",
                     .path = journal_path()});
    }

    /// Whether the files have to be looked at in this turn: what was seen of them is too old.
    [[nodiscard]] bool is_examining() const noexcept { return is_examining_; }

    /// Waits for the turn until then, and tries at least once.
    [[nodiscard]] result<turn> take_turn(lock_deadline until) {
        std::unique_lock gate{gate_, until};
        if (!gate) {
            return timed_out("another thread of this process");
        }
        file_lock lock;
        if (const int code = lock.acquire(lock_, until); code == ETIMEDOUT) {
            const auto holder = page_ ? page_->holder() : 0;
            return timed_out(holder == 0 ? "another process" : "process " + std::to_string(holder));
        } else if (code != 0) {
            return system_failure("lock", lock_path(), code);
        }
        const auto now = std::chrono::steady_clock::now(); // after the wait, which may be long
        is_examining_ = now - examined_ >= examine_every_;
        if (is_examining_) {
            if (auto there = check_lock_is_there(); !there) {
                return fail(there);
            }
            examined_ = now;
        }
        if (page_) {
            page_->set_holder(pid_);
        }
        return turn{*this, std::move(gate), std::move(lock)};
    }

private:
    journal_folder(std::string path, file_descriptor folder, const journal_options& options)
        : path_{std::move(path)},
          folder_{std::move(folder)},
          deadline_{options.lock_deadline},
          examine_every_{options.examine_every},
          pid_{static_cast<std::uint64_t>(::getpid())} {}

    [[nodiscard]] result<void> check_lock_is_there() const {
        struct stat status{};
        if (const int code = status_of(lock_.get(), status); code != 0) {
            return system_failure("examine", lock_path(), code);
        }
        if (status.st_nlink == 0) {
            // Whoever opens the folder from now on makes another lock, which excludes nobody here.
            return fail({.category = errc::io,
                         .message = "somebody has removed " + lock_path() +
                                    " while it was in use: open the journal anew",
                         .path = lock_path(),
                         .system = std::make_error_code(std::errc::no_such_file_or_directory)});
        }
        return {};
    }

    [[nodiscard]] result<void> map_page() {
        auto held = take_turn(deadline());
        if (!held) {
            return fail(held);
        }
        // Opened once more, since a mapping keeps the descriptor's description, and with it the
        // lock, alive in every forked copy of the process that has the mapping.
        auto file = open_trusted_file(folder_.get(), lock_name, 0, lock_path());
        if (!file) {
            return fail(file);
        }
        auto page = shared_page::open(file->get(), lock_path());
        if (!page) {
            return fail(page);
        }
        page_.emplace(*std::move(page));
        return {};
    }

    std::string path_;
    file_descriptor folder_;
    private_descriptor lock_;
    std::chrono::milliseconds deadline_;
    std::chrono::milliseconds examine_every_;
    std::uint64_t pid_;
    timed_gate gate_;
    std::chrono::steady_clock::time_point examined_{}; // in turns only, as the next
    bool is_examining_ = true;
    std::optional<shared_page> page_;
};

} // namespace podscope::backend_detail
