// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace podscope {

/// Gives verdicts that were decided beforehand, by the pod's name: for tests of programs that use
/// the library, and for pods whose state is known from elsewhere. Never waits; may be asked from
/// several threads at once.
class fixed_probe {
public:
    using map = std::map<std::string, verdict, std::less<>>;

    /// The same verdict for everybody.
    explicit fixed_probe(verdict for_all) noexcept : otherwise_{for_all} {}

    /// A verdict for each pod that is named, and one for all others.
    explicit fixed_probe(map verdicts, verdict otherwise = verdict::unknown)
        : verdicts_{std::move(verdicts)},
          otherwise_{otherwise} {}

    void
    probe(std::span<const probe_subject> subjects, deadline, std::span<verdict> verdicts) const {
        for (std::size_t i = 0; i < subjects.size(); ++i) {
            const auto found = verdicts_.find(subjects[i].pod);
            verdicts[i] = found == verdicts_.end() ? otherwise_ : found->second;
        }
    }

private:
    map verdicts_{};
    verdict otherwise_{verdict::unknown};
};

static_assert(reachability_probe<const fixed_probe>);

} // namespace podscope
