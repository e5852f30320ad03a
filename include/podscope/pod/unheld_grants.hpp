// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/registry/records.hpp>

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
        for (auto& one : all) {
            if (one.granted == row.granted) {
                one.owner = row.owner;
                ++one.holds;
                return;
            }
        }
        all.push_back({.granted = row.granted, .owner = row.owner});
    }

    /// Notes that one who held it does not any more, and whether the registry may still have it.
    void let_go(const grant& own, bool is_left) noexcept {
        erase_if(own.pod, [&](held& one) {
            if (one.granted == own.granted) {
                --one.holds;
                one.is_left = one.is_left || is_left;
            }
            return one.holds == 0 && !one.is_left;
        });
    }

    /// Notes that a grant was committed: none of that pod from before can be there any more.
    void set_committed(const grant& own) noexcept {
        erase_if(own.pod,
                 [&](const held& one) { return one.holds == 0 && one.granted != own.granted; });
    }

    /// Whether an allocation is of this process, and nobody holds it.
    [[nodiscard]] bool contains(const probe_subject& one) const noexcept {
        if (!born_.is_current()) {
            return false;
        }
        const std::lock_guard alone{mutex_};
        const auto of = by_pod_.find(one.pod);
        if (of == by_pod_.end()) {
            return false;
        }
        for (const auto& each : of->second) {
            if (each.granted == one.granted) {
                return each.is_left && each.holds == 0 && each.owner == one.owner;
            }
        }
        return false;
    }

private:
    struct held {
        epoch granted{};
        process_identity owner{};
        std::size_t holds{1}; // more than one while a transaction runs its body again
        bool is_left{false};
    };

    template <class F>
    void erase_if(const std::string& pod, F&& is_over) noexcept {
        if (!born_.is_current()) {
            return;
        }
        const std::lock_guard alone{mutex_};
        const auto of = by_pod_.find(pod);
        if (of == by_pod_.end()) {
            return;
        }
        std::erase_if(of->second, is_over);
        if (of->second.empty()) {
            by_pod_.erase(of);
        }
    }

    std::map<std::string, std::vector<held>, std::less<>> by_pod_{};
    const fork_stamp born_{};
    mutable std::mutex mutex_{};
};

} // namespace podscope
