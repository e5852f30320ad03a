// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "assignment.hpp"
#include "messages.hpp"
#include "process.hpp"
#include "signal_watch.hpp"

#include <podscope/result.hpp>

#include <algorithm>
#include <csignal>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace demo {

/// All processes that the demo has started, dead ones too. None outlives it.
class company {
public:
    company(signal_watch& signals, std::string folder, std::string team)
        : signals_{&signals},
          folder_{std::move(folder)},
          team_{std::move(team)} {}

    company(const company&) = delete;
    company& operator=(const company&) = delete;

    ~company() {
        for (auto& one : processes_) {
            one.kill_and_wait();
        }
    }

    /// Starts a process for a pod and waits until it holds it.
    ///
    /// @param what the name of the pod; to adopt, the grant
    [[nodiscard]] podscope::result<ready>
    start(const std::string& pod, const std::string& way, const std::string& what) {
        const auto before = std::ranges::count(processes_, pod, &process::pod);
        auto started = process::start(pod, {.way = way,
                                            .what = what,
                                            .label = pod + "#" + std::to_string(before + 1),
                                            .folder = folder_,
                                            .team = team_});
        if (!started) {
            return podscope::fail(started);
        }
        return hear<ready>(processes_.emplace_back(std::move(*started)));
    }

    /// Tells a process to do something and waits for the answer.
    template <class Answer>
    [[nodiscard]] podscope::result<Answer> ask(process& whom, const order& given) {
        if (auto said = whom.line().send(podscope::result<order>{given}); !said) {
            return podscope::fail(said);
        }
        return hear<Answer>(whom);
    }

    /// Sends a signal and waits until it has had its effect.
    [[nodiscard]] podscope::result<void> send(process& whom, int signal, liveness effect) {
        whom.send(signal);
        return signals_->wait_until(
            [&]() -> std::optional<podscope::result<void>> {
                if (whom.look() == effect) {
                    return podscope::result<void>{};
                }
                return std::nullopt;
            },
            -1, whom.label() + " to be " + std::string{to_string(effect)});
    }

    /// The latest process of a pod.
    [[nodiscard]] process& of(std::string_view pod) {
        const auto found = std::find_if(processes_.rbegin(), processes_.rend(),
                                        [&](const process& one) { return one.pod() == pod; });
        return *found;
    }

    /// All processes, in the order in which they were started.
    [[nodiscard]] std::deque<process>& everybody() noexcept { return processes_; }

    [[nodiscard]] const std::deque<process>& everybody() const noexcept { return processes_; }

    /// Lets everybody who lives end, and names those that did not end as they should.
    [[nodiscard]] podscope::result<std::vector<std::string>> dismiss() {
        std::vector<std::string> wrong;
        for (auto& one : processes_) {
            if (one.look() == liveness::dead) {
                continue;
            }
            one.hang_up();
            auto gone = signals_->wait_until(
                [&]() -> std::optional<podscope::result<void>> {
                    if (one.look() == liveness::dead) {
                        return podscope::result<void>{};
                    }
                    return std::nullopt;
                },
                -1, "the end of " + one.label());
            if (!gone) {
                return podscope::fail(gone);
            }
            if (!one.ended_well()) {
                wrong.push_back(one.label());
            }
        }
        return wrong;
    }

private:
    template <class Answer>
    [[nodiscard]] podscope::result<Answer> hear(process& whom) {
        auto answer =
            signals_->wait_until([&] { return whom.line().take<Answer>(); },
                                 whom.line().descriptor(), "an answer of " + whom.label());
        if (!answer) {
            answer.error().message.insert(0, whom.label() + ": ");
        }
        return answer;
    }

    signal_watch* signals_;
    std::string folder_;
    std::string team_;
    std::deque<process> processes_{};
};

} // namespace demo
