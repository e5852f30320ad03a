// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/answer.hpp>
#include <podscope/probe/concept.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace podscope {

/// Starts what finds out about one subject, and returns without waiting for it. It gives nothing
/// back, so that a coroutine that somebody would have to start is not taken for one that runs.
template <class F>
concept starts_probing =
    std::invocable<F&, const probe_subject&, deadline, probe_answer> &&
    std::is_void_v<std::invoke_result_t<F&, const probe_subject&, deadline, probe_answer>>;

/// Runs an event loop for a while: until it has done something, or until the deadline, or until it
/// finds that there is nothing in it to wait for. Says whether it did something.
template <class F>
concept drives_loop = std::is_invocable_r_v<bool, F&, deadline>;

/// Of an event loop that another thread runs: the thread that probes only waits.
struct driven_elsewhere {};

/// Asks by operations on an event loop of the user's own: a probe out of callbacks or coroutines.
///
/// Starts one operation for each subject, by `start(subject, by, answer)`, and waits until all are
/// answered (probe_answer) or the deadline is over.
///
/// | the operation | verdict |
/// | --- | --- |
/// | answers in time | its answer |
/// | answers later, or never | unknown |
/// | throws out of `start`, or drops its answer | unknown, at once |
///
/// `by` is when an operation has to have answered: a little before the probe's own deadline (an
/// eighth of the time that is left, and at most 100 ms), so that one which gives up then is still
/// heard. Nobody ends an operation but itself: let it look at `by`, or it goes on after the probe.
/// The subject is there until `start` returns; an operation that wants it later takes a copy, as a
/// coroutine with parameters by value does.
///
/// **Who runs the loop.** Either another thread, always; or the thread that probes, by `drive(by)`,
/// which is called until all are answered. With Boost.Asio, whose loop stops when it runs out of
/// work: `[&](deadline by) { loop.restart(); return loop.run_one_until(by) > 0; }`. Without
/// `drive`, a probe in the only thread that runs the loop waits in vain until its deadline. With
/// it, whatever else is in the loop is run meanwhile; so probe outside of the loop's handlers, or
/// from within one only if the loop may be run there. An answer from another thread is noticed by a
/// probe that drives within 20 milliseconds.
///
/// No thread and no descriptor of its own; two allocations and one for each subject. May be called
/// from several threads at once if `start` and `drive` may; const if they are. What `drive` throws,
/// as when a handler of the loop does, leaves the probe.
template <starts_probing Start, class Drive = driven_elsewhere>
    requires std::same_as<Drive, driven_elsewhere> || drives_loop<Drive>
class asynchronous_probe {
public:
    explicit asynchronous_probe(Start start)
        requires std::same_as<Drive, driven_elsewhere>
        : start_{std::move(start)} {}

    asynchronous_probe(Start start, Drive drive)
        requires drives_loop<Drive>
        : start_{std::move(start)},
          drive_{std::move(drive)} {}

    void
    probe(std::span<const probe_subject> subjects, deadline until, std::span<verdict> verdicts) {
        ask(start_, drive_, subjects, until, verdicts);
    }

    void probe(std::span<const probe_subject> subjects,
               deadline until,
               std::span<verdict> verdicts) const
        requires starts_probing<const Start> &&
                 (std::same_as<Drive, driven_elsewhere> || drives_loop<const Drive>)
    {
        ask(start_, drive_, subjects, until, verdicts);
    }

private:
    using clock = std::chrono::steady_clock;
    using milliseconds = std::chrono::milliseconds;

    static constexpr milliseconds longest_margin{100};
    static constexpr milliseconds longest_drive{20};
    static constexpr milliseconds longest_pause{16};

    template <class S, class D>
    static void ask(S& start,
                    D& drive,
                    std::span<const probe_subject> subjects,
                    deadline until,
                    std::span<verdict> verdicts) {
        const auto round = std::make_shared<probe_detail::answer_round>(subjects.size());
        const auto by = until - margin(until);
        for (std::size_t i = 0; i < subjects.size(); ++i) {
            probe_answer answer{std::make_shared<probe_detail::answer_place>(round, i)};
            try {
                start(subjects[i], by, std::move(answer));
            } catch (...) {
                // Its answer is dropped, which says that nothing is known.
            }
        }
        if constexpr (drives_loop<D>) {
            run(drive, *round, until);
        } else {
            (void)round->wait_until(until);
        }
        round->copy_to(verdicts);
    }

    [[nodiscard]] static clock::duration margin(deadline until) noexcept {
        const auto now = clock::now();
        return until > now ? std::min<clock::duration>((until - now) / 8, longest_margin)
                           : clock::duration{0};
    }

    template <class D>
    static void run(D& drive, probe_detail::answer_round& round, deadline until) {
        for (milliseconds pause{1}; !round.is_settled();) {
            const auto begin = clock::now();
            if (begin >= until) {
                return;
            }
            const auto by = until - begin > longest_drive ? begin + longest_drive : until;
            if (drive(by)) {
                pause = milliseconds{1};
            } else if (const auto now = clock::now(); now < by) {
                // Nothing is in it; another thread may answer, or put something there.
                (void)round.wait_until(std::min(by, now + pause));
                pause = std::min(pause * 2, longest_pause);
            }
        }
    }

    Start start_;
    Drive drive_{};
};

} // namespace podscope
