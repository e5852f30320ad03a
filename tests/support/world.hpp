// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>
#include <podscope/probe/this_process.hpp>
#include <podscope/process_identity.hpp>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace podscope_test {

/// The processes of a test that needs none to be real: which of them are dead or hang. Copies share
/// one world.
class world {
public:
    /// A new living process. To this machine it is one that has ended, whoever has its pid.
    [[nodiscard]] podscope::process_identity process() {
        static const auto self = podscope::this_process().value();
        const std::lock_guard alone{shared_->mutex};
        return {.boot = self.boot,
                .pid_namespace = self.pid_namespace,
                .pid = ++shared_->last_pid,
                .start_time = std::numeric_limits<std::int64_t>::max()};
    }

    void kill(const podscope::process_identity& who) { set(who, podscope::verdict::missing); }

    void hang(const podscope::process_identity& who) { set(who, podscope::verdict::unreachable); }

    void wake(const podscope::process_identity& who) { set(who, podscope::verdict::reachable); }

    void hide(const podscope::process_identity& who) { set(who, podscope::verdict::unknown); }

    [[nodiscard]] podscope::verdict state_of(const podscope::process_identity& who) const {
        const std::lock_guard alone{shared_->mutex};
        if (who.is_nobody()) {
            return podscope::verdict::missing;
        }
        const auto found = shared_->states.find(who.pid);
        return found == shared_->states.end() ? podscope::verdict::reachable : found->second;
    }

private:
    struct state {
        std::mutex mutex;
        std::int64_t last_pid{0};
        std::map<std::int64_t, podscope::verdict> states;
    };

    void set(const podscope::process_identity& who, podscope::verdict v) {
        const std::lock_guard alone{shared_->mutex};
        shared_->states[who.pid] = v;
    }

    std::shared_ptr<state> shared_{std::make_shared<state>()};
};

/// Sees a world as it is.
class world_probe {
public:
    explicit world_probe(world seen) : world_{std::move(seen)} {}

    void probe(std::span<const podscope::probe_subject> subjects,
               podscope::deadline,
               std::span<podscope::verdict> verdicts) {
        for (std::size_t i = 0; i != subjects.size(); ++i) {
            verdicts[i] = world_.state_of(subjects[i].owner);
        }
    }

private:
    world world_;
};

} // namespace podscope_test
