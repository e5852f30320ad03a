// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/reference_model.hpp"

#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/probe/concept.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace podscope_test {

/// Any of the policies, as the model has them, and a note of whom it was shown. A terminated
/// process of the world stays as it is there: it is its pod's end that counts.
class policy_of_model {
public:
    policy_of_model() = default;

    explicit policy_of_model(model_policy as) : as_{as} {}

    [[nodiscard]] bool ends(podscope::verdict found) const noexcept {
        return found == podscope::verdict::missing ||
               (found == podscope::verdict::unreachable && as_ == model_policy::fence);
    }

    void review(std::span<const podscope::probe_subject> subjects,
                std::span<podscope::verdict> verdicts) {
        for (std::size_t i = 0; as_ == model_policy::terminate && i != subjects.size(); ++i) {
            if (verdicts[i] == podscope::verdict::unreachable) {
                shown_->emplace(subjects[i].pod, static_cast<std::uint64_t>(subjects[i].granted));
                verdicts[i] = podscope::verdict::missing;
            }
        }
    }

    [[nodiscard]] const std::set<std::pair<std::string, std::uint64_t>>& shown() const {
        return *shown_;
    }

private:
    using names = std::set<std::pair<std::string, std::uint64_t>>;

    model_policy as_{model_policy::fence};
    std::shared_ptr<names> shown_{std::make_shared<names>()};
};

static_assert(podscope::reviewing_policy<policy_of_model>);

} // namespace podscope_test
