// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/commit_line.hpp>
#include <podscope/backend/commit_request.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/backend/file_layer.hpp>
#include <podscope/backend/journal_channel.hpp>
#include <podscope/backend/journal_image.hpp>
#include <podscope/backend/journal_options.hpp>
#include <podscope/backend/journal_transaction.hpp>
#include <podscope/backend/shared_page.hpp>
#include <podscope/os/delete_in_its_process.hpp>
#include <podscope/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <type_traits>
#include <utility>

namespace podscope {

/// A store in one file, for the processes of one machine: the embedded default.
///
/// Every process holds the records in memory, and reads there. A commit appends one checksummed
/// frame to the file, under a lock of all processes, and moves a generation in a page that they
/// share; a process that sees another generation than its own reads what was appended before it
/// answers. So reads and writes are linearisable between processes. What a crash leaves half
/// written is cut off by the next to come, what is damaged in any other way is an error, and
/// nothing is ever begun anew in silence. See journal_format.hpp for the bytes.
///
/// `Durable` says what a commit that was reported as done survives: `power` syncs each before it is
/// reported, `process` and `none` leave that to the system, which keeps what was written whatever
/// happens to processes. `write_delayed` is for what need not last by itself: it is written at once
/// and synced with the next commit. Handles of different durability may be open on one folder; each
/// answers for its own commits. A loss of power takes the last of what was not synced, and with it
/// all that came after and was not synced either, and leaves what was before; it is then past
/// telling from damage to the same.
///
/// Threads of one process that commit at the same time share one append and one sync: whoever comes
/// first runs the bodies of those who wait with its own. So a body may be run by another thread of
/// the process than the one that called, while that one waits.
///
/// Costs: a read without news is that of the image and one load, without a system call; a write is
/// one append, one sync and a few calls for the lock; news cost their reading. Once the file has
/// grown enough it is written anew, a piece of bounded size with each commit (journal_options).
///
/// Copies are handles of the same store. In a forked copy of the process every call is `forked`,
/// and no lock of the parent is held or released. Open it again in such a process.
///
/// `Files` are the calls that change files, for tests to record or to fail.
template <class Schema, durability Durable = durability::power, file_layer Files = system_files>
class basic_journal {
public:
    static constexpr durability durable = Durable;
    static constexpr podscope::reach reaches = podscope::reach::machine;
    /// Bodies of `write` run one after the other, each once.
    static constexpr bool in_turn = true;

    using reader = const journal_reader<Schema>;
    using writer = journal_writer<Schema>;

    /// Opens the journal in a folder of its own, making both (0700, 0600) if they are not there:
    /// the folder's parent must be. A file of no bytes is a new journal.
    ///
    /// Errors: `corrupt`, with path and offset; `unsupported_version`; `unsafe_file` if the folder
    /// or a file in it is a link, is of another kind, belongs to another user, may be written by
    /// others, or lies on a network file system; `timeout`; `io`; `out_of_memory`.
    [[nodiscard]] static result<basic_journal> open(std::string folder,
                                                    const journal_options& options = {}) {
        return guarded([&]() -> result<basic_journal> {
            auto channel = channel_type::open(std::move(folder), options, Durable);
            if (!channel) {
                return fail(channel);
            }
            basic_journal opened{std::shared_ptr<state>{new state{*std::move(channel)},
                                                        os_detail::delete_in_its_process{}}};
            if (auto read = opened.catch_up(); !read) {
                return fail(read);
            }
            return opened;
        });
    }

    /// Runs `body(reader)` on the present state, once.
    ///
    /// Errors: what `body` returns; `timeout` if there is news and the lock cannot be had;
    /// `corrupt` and `io` if the news cannot be read; `forked`.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F, reader&> read(F&& body) const {
        if (auto here = channel().check_process(); !here) {
            return fail(here);
        }
        {
            const std::shared_lock reading{channel().image};
            if (channel().is_current()) {
                return run(std::forward<F>(body));
            }
        }
        if (auto read = catch_up(); !read) {
            return fail(read);
        }
        // Whatever has happened since, the image is as new as when this call began.
        const std::shared_lock reading{channel().image};
        return run(std::forward<F>(body));
    }

    /// Runs `body(writer)` on the present state, once, and commits if it succeeds.
    ///
    /// Errors: what `body` returns, `timeout`, `forked`: nothing has changed. `io` if the commit
    /// could not be written or synced: nothing has changed, or, where the disk leaves that in
    /// doubt, every later call on this handle is `io` too. `corrupt` as for `read`.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> write(F&& body) {
        return commit(body, false);
    }

    /// The same, but the commit reaches the disk with the next one that does, by anybody, and until
    /// then a loss of power may take it back. All that commits after it finds it, and none of that
    /// outlives it.
    template <class F>
    [[nodiscard]] std::invoke_result_t<F, writer&> write_delayed(F&& body) {
        return commit(body, true);
    }

    /// Moves with every commit by anybody, before it is reported. One load.
    [[nodiscard]] std::uint64_t generation() const noexcept { return page_->generation(); }

private:
    using channel_type = backend_detail::journal_channel<Files>;
    using image_type = backend_detail::journal_image<Schema>;
    using request = backend_detail::commit_request<Schema>;
    using line_answer = backend_detail::commit_line::answer;

    template <class F>
    using request_for = backend_detail::commit_request_for<Schema, F>;

    struct state {
        explicit state(std::unique_ptr<channel_type> opened) : channel{std::move(opened)} {}

        [[nodiscard]] bool is_in_its_process() const noexcept {
            return channel->is_in_its_process();
        }

        std::unique_ptr<channel_type> channel;
        image_type image;
        backend_detail::commit_line line;
    };

    explicit basic_journal(std::shared_ptr<state> opened) noexcept
        : state_{std::move(opened)},
          page_{&channel().page()} {}

    [[nodiscard]] channel_type& channel() const noexcept { return *state_->channel; }

    template <class F>
    [[nodiscard]] auto run(F&& body) const {
        reader txn{state_->image};
        return std::forward<F>(body)(txn);
    }

    template <class F>
    [[nodiscard]] std::invoke_result_t<F&, writer&> commit(F& body, bool delayed) {
        if (auto here = channel().check_process(); !here) {
            return fail(here);
        }
        request_for<F> mine{body, delayed};
        const auto until = channel().deadline();
        switch (state_->line.join(mine, until)) {
        case line_answer::timed_out: return channel().timed_out();
        case line_answer::lead: lead(mine, until); break;
        case line_answer::served: break;
        }
        return mine.take_outcome();
    }

    // Commits for those who wait, `mine` the first of them, who waits until then.
    void lead(request& mine, backend_detail::lock_deadline until) noexcept {
        auto led = guarded([&]() -> result<void> {
            if constexpr (Durable == durability::power) {
                state_->line.gather();
            }
            const auto turn = channel().take_turn(until);
            if (!turn) {
                return fail(error{turn.error()});
            }
            std::unique_lock writing{channel().image};
            if (auto ready = catch_up_in_turn(); !ready) {
                return ready;
            }
            serve_all(mine, channel().begin_frame());
            if (!state_->is_in_its_process()) {
                static_cast<void>(writing.release());
            }
            return {};
        });
        // A body has forked: of those who wait none is here, and what they held is held for ever.
        if (!state_->is_in_its_process()) {
            return;
        }
        if (!led) {
            state_->line.leave(mine);
            mine.fail_with(led.error());
        }
        state_->line.step_down(mine);
    }

    void serve_all(request& mine, std::string& frame) noexcept {
        auto& last = static_cast<request&>(state_->line.take(mine, most_at_once));
        std::uint16_t transactions = 0;
        bool delayed = true;
        for (auto* each = &mine; each != nullptr; each = each->next_request()) {
            const auto fits = [&] { return channel().check_frame(); };
            if (each->run(state_->image, frame, fits)) {
                ++transactions;
                delayed = delayed && each->is_delayed();
            }
        }
        if (transactions == 0) {
            return;
        }
        auto committed = guarded([&] {
            auto here = channel().check_process();
            return here ? channel().commit_frame(transactions, delayed) : std::move(here);
        });
        if (!committed) {
            // Of all: what one of them found may be what another had left.
            for (auto* each = &last; each != nullptr; each = each->previous_request()) {
                each->take_back();
                each->fail_with(committed.error());
            }
            return;
        }
        for (auto* each = &mine; each != nullptr; each = each->next_request()) {
            each->keep();
        }
        channel().compact(state_->image);
    }

    [[nodiscard]] result<void> catch_up() const {
        const auto turn = channel().take_turn(channel().deadline());
        if (!turn) {
            return fail(error{turn.error()});
        }
        const std::unique_lock writing{channel().image};
        return catch_up_in_turn();
    }

    [[nodiscard]] result<void> catch_up_in_turn() const {
        auto usable = channel().check_usable();
        return usable ? channel().catch_up(state_->image) : std::move(usable);
    }

    static constexpr std::size_t most_at_once = 64;

    std::shared_ptr<state> state_;
    const backend_detail::shared_page* page_; // of the channel: on the way of every check by a pod
};

} // namespace podscope
