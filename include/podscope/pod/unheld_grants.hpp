// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/registry/records.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace podscope {

/// Which grants the pods of a runtime hold, and which of those that they held may still be in the
/// registry though nobody has them: of an entry whose commit failed and may have taken effect, of a
/// pod whose end could not be written. This process lives, so no probe finds that out.
///
/// Used by several threads at once. A forked copy of the process neither knows of any nor notes
/// any: what its parent holds is the parent's.
class unheld_grants {
public:
    /// Notes that somebody holds a grant from now on: before it is committed, so that it is never
    /// taken from who has it. Logarithmic in the number of pods.
    void hold(const allocation& row) {
        if (!born_.is_current()) {
            return;
        }
        const std::lock_guard alone{mutex_};
        auto& all = by_pod_[row.pod];
        auto one = std::ranges::find(all, row.granted, &held::granted);
        if (one == all.end()) {
            one = all.insert(one, {.granted = row.granted});
        }
        one->owner = row.owner;
        ++one->holds;
    }

    /// Notes that one who held it does not any more, and whether the registry may still have it.
    void let_go(const grant& own, bool is_left) noexcept {
        change(own, [&](std::vector<held>& all) {
            const auto one = std::ranges::find(all, own.granted, &held::granted);
            --one->holds;
            one->is_left = one->is_left || is_left;
            if (one->holds == 0 && !one->is_left) {
                all.erase(one);
            }
        });
    }

    /// Notes that a grant that is held was committed: none of that pod from before can be there any
    /// more.
    void set_committed(const grant& own) noexcept {
        change(own, [](std::vector<held>& all) {
            std::erase_if(all, [](const held& one) { return one.holds == 0; });
        });
    }

    /// Whether an allocation is of this process, and nobody holds it.
    [[nodiscard]] bool contains(const probe_subject& one) const noexcept {
        if (!born_.is_current()) {
            return false;
        }
        const std::lock_guard alone{mutex_};
        const auto of = by_pod_.find(one.pod);
        return of != by_pod_.end() && std::ranges::any_of(of->second, [&](const held& each) {
                   return each.granted == one.granted && each.owner == one.owner && each.is_left &&
                          each.holds == 0;
               });
    }

private:
    struct held {
        epoch granted{};
        process_identity owner{};
        std::size_t holds{}; // more than one while a transaction runs its body again
        bool is_left{false};
    };

    // Of what is held, so that the pod is known.
    template <class F>
    void change(const grant& own, F&& by) noexcept {
        if (!born_.is_current()) {
            return;
        }
        const std::lock_guard alone{mutex_};
        const auto of = by_pod_.find(own.pod);
        by(of->second);
        if (of->second.empty()) {
            by_pod_.erase(of);
        }
    }

    std::map<std::string, std::vector<held>, std::less<>> by_pod_{};
    const fork_stamp born_{};
    mutable std::mutex mutex_{};
};

} // namespace podscope
