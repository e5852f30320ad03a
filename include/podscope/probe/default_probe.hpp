// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/probe/combinators.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/probe/unix_socket.hpp>

namespace podscope {

/// What the library asks unless it is told otherwise: all_of(process_probe, unix_socket_probe).
///
/// | the process | its socket | verdict |
/// | --- | --- | --- |
/// | dead, or another has its pid | not asked | missing |
/// | lives, or cannot be seen | greets as the subject | reachable |
/// | lives, or cannot be seen | greets as another pod or epoch | missing |
/// | lives, or cannot be seen | gone, deaf, or silent until the deadline | unreachable |
/// | lives | no endpoint, or cannot tell: a full backlog, no permission | reachable |
/// | cannot be seen | no endpoint, or cannot tell | unknown |
///
/// For processes of one machine: see process_probe.
using default_probe = all_of_probe<process_probe, unix_socket_probe>;

static_assert(reachability_probe<const default_probe>);

} // namespace podscope
