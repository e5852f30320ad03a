// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/boot_id.hpp>
#include <podscope/record_fields.hpp>

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

    using stored_fields = record_fields<field<"boot", &process_identity::boot>,
                                        field<"pid_namespace", &process_identity::pid_namespace>,
                                        field<"pid", &process_identity::pid>,
                                        field<"start_time", &process_identity::start_time>>;

    friend bool operator==(const process_identity&, const process_identity&) = default;
};

} // namespace podscope
