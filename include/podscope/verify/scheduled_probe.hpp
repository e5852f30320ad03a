// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>
#include <podscope/verify/schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace podscope::verify {

/// A probe whose answers the schedule chooses, out of those that could be given:
/// `possible(subject)` lists them, at least one. For the schedule's thread.
class scheduled_probe {
public:
    using possibilities = std::function<std::vector<verdict>(const probe_subject&)>;

    /// @param told is given every answer
    scheduled_probe(schedule& plan,
                    possibilities possible,
                    std::function<void(const probe_subject&, verdict)> told = {})
        : plan_{&plan},
          possible_{std::move(possible)},
          told_{std::move(told)} {}

    void probe(std::span<const probe_subject> subjects,
               deadline /*until*/,
               std::span<verdict> verdicts) {
        if (!plan_->point("probe")) {
            return;
        }
        for (std::size_t i = 0; i != subjects.size(); ++i) {
            const auto could_be = possible_(subjects[i]);
            std::vector<std::string> words;
            for (const verdict one : could_be) {
                words.push_back("is told that " + subjects[i].pod + " is " +
                                std::string{to_string(one)});
            }
            const auto answer = plan_->choose(std::move(words));
            verdicts[i] = could_be[answer];
            // What could be said may have been another thing at another time.
            plan_->observe(static_cast<std::uint64_t>(verdicts[i]));
            if (told_) {
                told_(subjects[i], verdicts[i]);
            }
        }
    }

private:
    schedule* plan_;
    possibilities possible_;
    std::function<void(const probe_subject&, verdict)> told_;
};

static_assert(reachability_probe<scheduled_probe>);

} // namespace podscope::verify
