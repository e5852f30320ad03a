// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>
#include <podscope/probe/socket_round.hpp>
#include <podscope/probe/unix_address.hpp>

#include <cstddef>
#include <limits>
#include <span>

namespace podscope {

/// Asks subjects at their Unix sockets: connects to all of them at once and waits, until the one
/// deadline, for each to greet as the pod and epoch that is asked for (greeting.hpp). Endpoints are
/// of the form `unix:/absolute/path`.
///
/// | what happens | verdict |
/// | --- | --- |
/// | greets as the subject | reachable |
/// | greets as another pod or epoch: this incarnation is not there | missing |
/// | greets in a later version of the greeting | unknown |
/// | says anything else, or hangs up | unreachable, at once |
/// | no such socket, or nobody listens (its process may live all the same) | unreachable, at once |
/// | connected, and no greeting by the deadline | unreachable |
/// | the same, but connected only in the last quarter of the time | unknown |
/// | its backlog is full to the end, though tried again: busy is not gone | unknown |
/// | may not connect | unknown |
/// | no endpoint, one of another form, or a path too long for a socket | unknown |
/// | there was never a descriptor free for it | unknown |
///
/// A deadline that has passed already leaves no time to answer: only what needs no waiting is told
/// then, and everybody else is unknown. The call returns as soon as everybody is decided. One whose
/// answer has come by the time the call looks for the last time is heard, even if that is late
/// because this process was held up itself.
///
/// Uses one descriptor per subject that is being waited for, and no thread. It leaves some
/// descriptors to the rest of the process: as many as a thirty-second of the soft limit of
/// RLIMIT_NOFILE, at least 8 and at most 256. Subjects beyond that wait for a free one; raise the
/// soft limit if more of them may hang at once. All descriptors are close-on-exec. Never sends, and
/// so never raises SIGPIPE.
///
/// Time: linear in the number of subjects, and the wait. No state: may be called from several
/// threads at once, and in forked copies.
class unix_socket_probe {
public:
    unix_socket_probe() = default;

    /// Keeps at most that many connections open at once, 0 counting as 1.
    explicit unix_socket_probe(std::size_t most_at_once) noexcept : most_at_once_{most_at_once} {}

    void probe(std::span<const probe_subject> subjects,
               deadline until,
               std::span<verdict> verdicts) const {
        probe_detail::socket_round{probe_detail::unix_endpoint_address, subjects, until, verdicts,
                                   most_at_once_}
            .run();
    }

private:
    std::size_t most_at_once_{std::numeric_limits<std::size_t>::max()};
};

static_assert(reachability_probe<const unix_socket_probe>);

} // namespace podscope
