// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/boot_id.hpp>
#include <podscope/probe/proc_file.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace podscope::probe_detail {

/// What /proc/PID/stat says of a process, in one reading and so of one process.
struct process_stat {
    char state{};
    std::uint64_t threads{};
    std::uint64_t start_time{}; ///< in clock ticks since boot, in the reader's time namespace

    /// Whether every thread is gone. The first thread alone may be a zombie while others go on.
    [[nodiscard]] bool has_exited() const noexcept {
        return (state == 'Z' || state == 'X' || state == 'x') && threads <= 1;
    }
};

/// Reads the text of a /proc/PID/stat (man 5 proc): the state is field 3, the number of threads
/// field 20, the start time field 22.
[[nodiscard]] inline std::optional<process_stat> parse_stat(std::string_view text) noexcept {
    // Field 2 is the command's name in parentheses, which may itself hold blanks, newlines and
    // parentheses; whatever follows it holds none.
    const auto name_end = text.rfind(')');
    if (name_end == std::string_view::npos) {
        return std::nullopt;
    }
    text.remove_prefix(name_end + 1);
    const auto state = next_word(text);
    auto skip_to = [&, field = 3](int wanted) mutable {
        std::string_view word;
        for (; field < wanted; ++field) {
            word = next_word(text);
        }
        return word;
    };
    const auto threads = parse_number<std::uint64_t>(skip_to(20));
    const auto start_time = parse_number<std::uint64_t>(skip_to(22));
    if (state.size() != 1 || !threads || !start_time) {
        return std::nullopt;
    }
    return process_stat{state.front(), *threads, *start_time};
}

/// From where this process looks at others.
struct vantage {
    boot_id boot{};
    std::uint64_t pid_namespace{};
    /// Whether the pids in /proc are those of this pid namespace. They are not in a process that
    /// entered a new pid namespace and kept the /proc of the old one.
    bool proc_is_ours{};
    /// How many clock ticks /proc adds to start times for a reader in this time namespace.
    std::int64_t tick_offset{};

    /// A start time as every time namespace of this boot agrees on it.
    [[nodiscard]] std::uint64_t shared_start_time(const process_stat& stat) const noexcept {
        return stat.start_time - static_cast<std::uint64_t>(tick_offset);
    }
};

/// How far the start times that this process reads are shifted: man 7 time_namespaces. 0 outside
/// any time namespace and on kernels that have none.
[[nodiscard]] inline result<std::int64_t> tick_offset() {
    const auto offsets = read_proc_file("/proc/self/timens_offsets");
    if (!offsets) {
        return offsets.error().system.value() == ENOENT ? result<std::int64_t>{0}
                                                        : fail(error{offsets.error()});
    }
    const auto own = namespace_inode("/proc/self/ns/time");
    const auto for_children = namespace_inode("/proc/self/ns/time_for_children");
    auto line = line_after(*offsets, "boottime");
    const auto seconds = parse_number<std::int64_t>(next_word(line));
    const auto nanoseconds = parse_number<std::int64_t>(next_word(line));
    const std::int64_t ticks_per_second = ::sysconf(_SC_CLK_TCK);
    // The file speaks of the namespace that children get. A part of a tick would round either way.
    if (!own || !for_children || *own != *for_children || !seconds || !nanoseconds ||
        ticks_per_second <= 0 || *nanoseconds % (1'000'000'000 / ticks_per_second) != 0 ||
        *seconds > std::numeric_limits<std::int64_t>::max() / ticks_per_second - 1 ||
        *seconds < std::numeric_limits<std::int64_t>::min() / ticks_per_second + 1) {
        return fail({.category = errc::unavailable,
                     .message = "start times cannot be compared from this time namespace; give it "
                                "a boottime offset of whole seconds",
                     .path = "/proc/self/timens_offsets"});
    }
    return *seconds * ticks_per_second + *nanoseconds / (1'000'000'000 / ticks_per_second);
}

/// The number of this process's time namespace, whose clocks are shifted against those of others; 0
/// on a kernel that has none.
[[nodiscard]] inline result<std::uint64_t> time_namespace() {
    auto found = namespace_inode("/proc/self/ns/time");
    const bool has_none = !found && found.error().system.value() == ENOENT;
    return has_none ? result<std::uint64_t>{0} : found;
}

/// Looks anew at every call: a forked copy may have moved to another namespace.
[[nodiscard]] inline result<vantage> present_vantage() {
    constexpr const char* boot_id_file = "/proc/sys/kernel/random/boot_id";
    auto boot_file = read_proc_file(boot_id_file);
    if (!boot_file) {
        return fail(boot_file);
    }
    std::string_view boot_text = *boot_file;
    const auto boot = boot_id::from_text(next_word(boot_text));
    auto pid_namespace = namespace_inode("/proc/self/ns/pid");
    if (!pid_namespace) {
        return fail(pid_namespace);
    }
    auto status = read_proc_file("/proc/self/status");
    if (!status) {
        return fail(status);
    }
    // NSpid lists our pids from the namespace that /proc was mounted for down to our own: one pid
    // means that both are the same namespace.
    auto pids = line_after(*status, "NSpid:");
    const bool named = !next_word(pids).empty();
    const bool named_deeper = !next_word(pids).empty();
    auto offset = tick_offset();
    if (!offset) {
        return fail(offset);
    }
    if (!boot || !named) {
        return fail({.category = errc::unavailable,
                     .message = "/proc does not say which process this is; mount the proc file "
                                "system of a Linux kernel from 4.1 on",
                     .path = !boot ? boot_id_file : "/proc/self/status"});
    }
    return vantage{*boot, *pid_namespace, !named_deeper, *offset};
}

/// Reads /proc/PID/stat, for a pid or "self".
[[nodiscard]] inline result<process_stat> read_stat(const std::string& pid) {
    auto path = "/proc/" + pid + "/stat";
    auto text = read_proc_file(path);
    if (!text) {
        return fail(text);
    }
    const auto stat = parse_stat(*text);
    if (!stat) {
        return fail({.category = errc::unavailable,
                     .message = "/proc describes a process in a form that is not known",
                     .path = std::move(path)});
    }
    return *stat;
}

} // namespace podscope::probe_detail
