// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/os/file_descriptor.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/vantage.hpp>
#include <podscope/process_identity.hpp>
#include <podscope/result.hpp>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <limits>
#include <span>
#include <string>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace podscope {
namespace probe_detail {

/// Whether it is certain that no process lives under a pid, told without /proc. A process that
/// may not be looked at counts as living.
[[nodiscard]] inline bool surely_exited(pid_t pid) noexcept {
    const os_detail::file_descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};
    if (process) {
        // Readable once the last thread is gone, and so for a zombie, too: man 2 pidfd_open.
        pollfd exit{process.get(), POLLIN, 0};
        return ::poll(&exit, 1, 0) == 1 && (exit.revents & POLLIN) != 0;
    }
    // A sandbox or an old kernel may refuse pidfd_open, and descriptors may run out.
    return errno == ESRCH || (::kill(pid, 0) != 0 && errno == ESRCH);
}

// Whether a process may live on another machine: one of another boot is a dead one of this machine,
// or one of another machine.
[[nodiscard]] inline bool may_be_elsewhere(const process_identity& owner,
                                           const result<vantage>& here) noexcept {
    return !owner.is_nobody() && (!here || owner.boot != here->boot);
}

[[nodiscard]] inline verdict judge_process(const process_identity& owner,
                                           const result<vantage>& here) {
    if (owner.pid <= 0 || owner.pid > std::numeric_limits<pid_t>::max()) {
        return verdict::missing;
    }
    if (!here || owner.boot == boot_id{}) {
        return verdict::unknown;
    }
    if (owner.boot != here->boot) {
        return verdict::missing;
    }
    if (owner.pid_namespace != here->pid_namespace) {
        return verdict::unknown;
    }
    if (here->proc_is_ours) {
        if (const auto stat = read_stat(std::to_string(owner.pid))) {
            const bool same = here->shared_start_time(*stat) == owner.start_time;
            return same && !stat->has_exited() ? verdict::reachable : verdict::missing;
        }
    }
    // Nothing to be read of it: it is gone, or hidden (hidepid), or another has the pid and is.
    return surely_exited(static_cast<pid_t>(owner.pid)) ? verdict::missing : verdict::unknown;
}

} // namespace probe_detail

/// Tells by its identity whether a subject's process lives. Asks the kernel, never the process, and
/// never waits: a stopped or hung process is `reachable` by this probe.
///
/// | the subject's owner | verdict |
/// | --- | --- |
/// | nobody; a pid that no process can have | missing |
/// | of another boot | missing |
/// | of another pid namespace | unknown |
/// | no process has its pid | missing |
/// | the process with its pid started at another time | missing |
/// | a zombie: exited, and not yet waited for | missing |
/// | lives, whoever's it is | reachable |
/// | /proc cannot be read, or hides it, and it has not surely exited | unknown |
///
/// **Races.** State and start time come from one reading of /proc/PID/stat, which is about one
/// process, so that a pid reused meanwhile is never taken for the subject. Where /proc is silent, a
/// pidfd tells whether the process has exited; if the pid changed hands between the two, the answer
/// is `unknown`, never a false `missing`. A process may end right after it was found alive: that is
/// what the epoch is for. A pid with an equal start time would take the kernel's whole range of
/// pids within one clock tick.
///
/// **Reach.** One machine. A boot id tells a reboot from the present boot, but not from another
/// machine: where the registry is shared among machines, use a probe that reaches them. A container
/// that is shown a boot id of its own, as systemd-nspawn does it, counts as another machine.
///
/// Per call a handful of readings of /proc, and one for each subject. No state: may be called from
/// several threads at once, and in forked copies.
class process_probe {
public:
    void
    probe(std::span<const probe_subject> subjects, deadline, std::span<verdict> verdicts) const {
        const auto here = probe_detail::present_vantage();
        for (std::size_t i = 0; i < subjects.size(); ++i) {
            verdicts[i] = probe_detail::judge_process(subjects[i].owner, here);
        }
    }
};

static_assert(reachability_probe<const process_probe>);

} // namespace podscope
