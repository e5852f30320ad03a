// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/concept.hpp>
#include <podscope/probe/socket_round.hpp>
#include <podscope/probe/tcp_address.hpp>

#include <cstddef>
#include <limits>
#include <span>

namespace podscope {

/// Asks subjects at TCP sockets, for processes on other machines or in other containers: as
/// unix_socket_probe does at Unix sockets, with the same greeting, the same limits and the same
/// guarantees. Endpoints are of the form `tcp:127.0.0.1:4242` or `tcp:[::1]:4242`.
///
/// | what happens | verdict |
/// | --- | --- |
/// | greets as the subject | reachable |
/// | greets as another pod or epoch: this incarnation is not there | missing |
/// | greets in a later version of the greeting | unknown |
/// | says anything else, or hangs up | unreachable, at once |
/// | its machine answers that nobody listens | unreachable, at once |
/// | no answer of any kind by the deadline | unreachable |
/// | the same, but asked only in the last quarter of the time | unknown |
/// | this machine has no way to that one, or may not connect | unknown |
/// | no endpoint, or one of another form | unknown |
/// | there was never a descriptor free for it | unknown |
///
/// Silence proves nothing about a process: a network may be cut, and its holder may go on. So it is
/// never `missing` for that; what comes of it is the reclaim policy's to say, and the fence is the
/// epoch. Whoever can listen on an address can greet in anybody's name: keep to networks whose
/// users are trusted, or put a probe of your own over an authenticated channel.
class tcp_probe {
public:
    tcp_probe() = default;

    /// Keeps at most that many connections open at once, 0 counting as 1.
    explicit tcp_probe(std::size_t most_at_once) noexcept : most_at_once_{most_at_once} {}

    void probe(std::span<const probe_subject> subjects,
               deadline until,
               std::span<verdict> verdicts) const {
        probe_detail::socket_round{probe_detail::tcp_endpoint_address, subjects, until, verdicts,
                                   most_at_once_}
            .run();
    }

private:
    std::size_t most_at_once_{std::numeric_limits<std::size_t>::max()};
};

static_assert(reachability_probe<const tcp_probe>);

} // namespace podscope
