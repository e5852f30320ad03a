// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/backend/journal_format.hpp>

#include <algorithm>
#include <cstdint>

namespace podscope::backend_detail {

/// Whether a commit is synced, and what is said of those before it that are not known to be on the
/// disk: of all handles' commits, since what is lost from under a frame must be among what the
/// frame says.
struct journal_sync_plan {
    bool syncs{};             ///< the commit, and all before it
    bool counts{};            ///< as one that waits for a sync
    std::uint16_t unsynced{}; ///< what its frame says

    /// How many delayed commits wait before one of them syncs: so many may be lost by what would be
    /// taken for damage if they were fewer.
    static constexpr std::uint64_t most_delayed = 64;
};

/// For a commit of so many transactions to a file of that version, behind so many unsynced ones.
///
/// One that promises no more than `process` syncs only where its frame could not say what it leaves
/// unsynced; a version that says nothing at all has to do with that.
[[nodiscard]] constexpr journal_sync_plan plan_sync(std::uint32_t version,
                                                    durability promised,
                                                    bool delayed,
                                                    std::uint64_t unsynced,
                                                    std::uint16_t transactions) noexcept {
    const bool is_power = promised == durability::power;
    if (version < journal_version_with_unsynced) {
        return {.syncs = is_power};
    }
    const auto most = is_power ? journal_sync_plan::most_delayed : frame_header::most_unsynced;
    const bool waits = (delayed || !is_power) && unsynced + transactions <= most;
    return {.syncs = !waits,
            .counts = waits,
            .unsynced =
                static_cast<std::uint16_t>(std::min(unsynced, frame_header::most_unsynced))};
}

} // namespace podscope::backend_detail
