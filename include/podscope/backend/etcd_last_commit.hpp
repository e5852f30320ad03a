// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/etcd_snapshot.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace podscope::backend_detail {

/// What the last commit of a handle has left of the rows that it had read or changed: for the next
/// one to bet on, and for nobody besides. From several threads at once.
class etcd_last_commit {
public:
    void keep(etcd_snapshot left) {
        const std::lock_guard held{mutex_};
        if (left.revision() > left_.revision()) {
            left_ = std::move(left);
        }
    }

    /// Nothing if the last one was before that revision, or somebody else has taken it.
    [[nodiscard]] std::optional<etcd_snapshot> take_since(std::uint64_t revision) {
        const std::lock_guard held{mutex_};
        if (left_.revision() == 0 || left_.revision() < revision) {
            return std::nullopt;
        }
        return std::exchange(left_, {});
    }

private:
    std::mutex mutex_{};
    etcd_snapshot left_{};
};

} // namespace podscope::backend_detail
