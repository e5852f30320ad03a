// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/pod/clock.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/process_identity.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

namespace podscope {

/// Keeps a child that does not answer for a while: its delegation ends only if it is found
/// unreachable again after that time, and was never found otherwise in between. One that is proven
/// dead is not waited for.
///
/// The time is counted by the steady clock of this process, from the first probe in vain; a restore
/// in another process begins it anew. Whoever probes decides when: a supervisor does so now and
/// then. Copies share what is known.
///
/// @tparam Clock whose steady clock that is
template <reclaim_policy Then = reclaim_and_fence, pod_clock Clock = system_clocks>
class grace_period {
public:
    explicit grace_period(std::chrono::milliseconds time, Then then = {}, Clock clock = {})
        : time_{time},
          then_{std::move(then)},
          clock_{std::move(clock)} {}

    [[nodiscard]] bool ends(verdict found) const noexcept { return then_.ends(found); }

    void review(std::span<const probe_subject> subjects, std::span<verdict> verdicts) {
        {
            const deadline now = clock_.now();
            const std::lock_guard alone{known_->mutex};
            for (std::size_t i = 0; i < subjects.size(); ++i) {
                const incarnation who{subjects[i].pod, subjects[i].granted};
                if (verdicts[i] != verdict::unreachable) {
                    known_->silent_since.erase(who);
                    continue;
                }
                const auto since = known_->silent_since.try_emplace(who, now).first->second;
                // Not in the clock's unit, of which the longest time has too many.
                if (std::chrono::floor<std::chrono::milliseconds>(now - since) < time_) {
                    verdicts[i] = verdict::unknown;
                }
            }
        }
        if constexpr (reviewing_policy<Then>) {
            then_.review(subjects, verdicts);
        }
    }

private:
    using incarnation = std::pair<std::string, epoch>;

    struct knowledge {
        std::mutex mutex{};
        // What ended otherwise than by a probe stays here: a few bytes for each.
        std::map<incarnation, deadline> silent_since{};
    };

    std::chrono::milliseconds time_;
    Then then_;
    Clock clock_;
    std::shared_ptr<knowledge> known_{std::make_shared<knowledge>()};
};

static_assert(reviewing_policy<grace_period<>>);

} // namespace podscope
