// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/pod/judgement.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/terminate_first.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/store/when_unreachable.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// Has the reclaim policy, or what was said for a delegation, deal with children before their
/// delegations end: level by level, since whether a grandchild is any business of the pod's depends
/// on whether its parent goes.
template <reclaim_policy Policy>
class verdict_review {
public:
    /// @param heir the pod that is about to be reconciled
    verdict_review(std::string_view heir, Policy& policy, judgements& judged)
        : policy_{&policy},
          judged_{&judged},
          ended_{std::string{heir}} {}

    /// Whether anybody's processes or verdicts are dealt with at all.
    [[nodiscard]] static bool concerns(std::span<const descendant> below) noexcept {
        return reviewing_policy<Policy> || std::ranges::any_of(below, [](const descendant& one) {
                   return one.unreachable == when_unreachable::terminate;
               });
    }

    void run(std::span<const descendant> below) {
        if (!concerns(below)) {
            return;
        }
        while (!below.empty()) {
            const auto deeper = std::ranges::find_if(
                below, [&](const descendant& one) { return one.depth != below.front().depth; });
            const auto level = static_cast<std::size_t>(deeper - below.begin());
            review_level(below.first(level));
            below = below.subspan(level);
        }
    }

private:
    void review_level(std::span<const descendant> level) {
        std::vector<const descendant*> at_stake;
        group by_policy;
        group to_terminate;
        for (const descendant& one : level) {
            if (!ended_.contains(one.delegator)) {
                continue;
            }
            at_stake.push_back(&one);
            if (const judgement* const said = judgement_of(one)) {
                if (!one.unreachable) {
                    by_policy.add(*one.live, said->found);
                } else if (one.unreachable == when_unreachable::terminate) {
                    to_terminate.add(*one.live, said->found);
                }
            }
        }
        if constexpr (reviewing_policy<Policy>) {
            apply(*policy_, by_policy);
        }
        apply(terminate_first<>{}, to_terminate);
        for (const descendant* const one : at_stake) {
            if (will_end(*one)) {
                ended_.insert(one->child);
            }
        }
    }

    [[nodiscard]] bool will_end(const descendant& one) const {
        if (!one.live) {
            return !one.vanished || ends_by(*policy_, one.unreachable, verdict::unreachable);
        }
        const judgement* const said = judgement_of(one);
        return said != nullptr && ends_by(*policy_, one.unreachable, said->found);
    }

    struct group {
        std::vector<probe_subject> subjects{};
        std::vector<verdict> verdicts{};

        void add(const probe_subject& one, verdict found) {
            subjects.push_back(one);
            verdicts.push_back(found);
        }
    };

    template <class By>
    void apply(By&& by, group& of) {
        if (of.subjects.empty()) {
            return;
        }
        by.review(std::span<const probe_subject>{of.subjects}, std::span{of.verdicts});
        for (std::size_t i = 0; i < of.subjects.size(); ++i) {
            judged_->at(of.subjects[i].pod).found = of.verdicts[i];
        }
    }

    [[nodiscard]] const judgement* judgement_of(const descendant& one) const {
        if (!one.live) {
            return nullptr;
        }
        const auto said = judged_->find(one.child);
        return said != judged_->end() && said->second.granted == one.live->granted &&
                       said->second.owner == one.live->owner
                   ? &said->second
                   : nullptr;
    }

    Policy* policy_;
    judgements* judged_;
    std::set<std::string, std::less<>> ended_; // the heir, and those whose delegations will end
};

} // namespace podscope
