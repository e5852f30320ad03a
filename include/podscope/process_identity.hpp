// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/boot_id.hpp>

#include <boost/hana/adapt_struct.hpp>

#include <cstdint>

namespace podscope {

/// Which process: one that ran once, and no other that ever gets the same pid.
///
/// A pid alone comes back; the pair of pid and start time does not within one boot and one pid
/// namespace, and both of those are named too. The default value is nobody.
struct process_identity {
    boot_id boot{};                ///< in which it runs
    std::uint64_t pid_namespace{}; ///< inode of the pid namespace in which `pid` counts
    std::int64_t pid{};
    std::uint64_t start_time{}; ///< in clock ticks since boot, as /proc/PID/stat has it

    [[nodiscard]] bool is_nobody() const noexcept { return pid == 0 && boot == boot_id{}; }

    friend bool operator==(const process_identity&, const process_identity&) = default;
};

} // namespace podscope

BOOST_HANA_ADAPT_STRUCT(podscope::process_identity, boot, pid_namespace, pid, start_time);
