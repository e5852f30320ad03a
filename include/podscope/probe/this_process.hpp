// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/vantage.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <cstdint>
#include <string>

#include <unistd.h>

namespace podscope {

/// Which process this is.
///
/// Nothing is remembered between calls, so that a forked copy never answers with its parent's
/// identity; a call reads a handful of small files of /proc. The identity is the same from every
/// thread of the process and survives exec. Start times are given as outside any time namespace.
///
/// Errors: `io` if /proc is not mounted or not readable; `unavailable` if it does not say enough
/// (a kernel before 4.1, a time namespace that is shifted by part of a clock tick, a process that
/// made a time namespace for its children and is not in it); `out_of_memory`.
[[nodiscard]] inline result<process_identity> this_process() {
    return guarded([]() -> result<process_identity> {
        auto here = probe_detail::present_vantage();
        if (!here) {
            return fail(here);
        }
        // By "self", and not by pid, which /proc need not count as this process does.
        auto stat = probe_detail::read_stat("self");
        if (!stat) {
            return fail(stat);
        }
        return process_identity{here->boot, here->pid_namespace, ::getpid(),
                                here->shared_start_time(*stat)};
    });
}

/// Which process has that pid now, as counted in this process's pid namespace. It may be a zombie,
/// and may have ended by the time of the answer; but the answer names one process, the one that had
/// the pid at some moment of the call.
///
/// Errors: those of `this_process`, and `io` with ESRCH or ENOENT if no process has that pid;
/// `unavailable` if /proc counts the pids of another namespace.
[[nodiscard]] inline result<process_identity> identity_of(std::int64_t pid) {
    return guarded([&]() -> result<process_identity> {
        const auto number = std::to_string(pid);
        if (pid <= 0) {
            return fail(probe_detail::system_error(ESRCH, "no process has the pid " + number, {}));
        }
        auto here = probe_detail::present_vantage();
        if (!here) {
            return fail(here);
        }
        if (!here->proc_is_ours) {
            return fail({.category = errc::unavailable,
                         .message = "/proc shows another pid namespace; mount it anew in this one",
                         .path = "/proc"});
        }
        auto stat = probe_detail::read_stat(number);
        if (!stat) {
            return fail(stat);
        }
        return process_identity{here->boot, here->pid_namespace, pid,
                                here->shared_start_time(*stat)};
    });
}

} // namespace podscope
