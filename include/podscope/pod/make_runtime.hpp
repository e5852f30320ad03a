// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/pod/clock.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/pod/use.hpp>
#include <podscope/probe/default_probe.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/canonical_path.hpp>
#include <podscope/sink/queue.hpp>

#include <boost/hana/at_key.hpp>
#include <boost/hana/contains.hpp>
#include <boost/hana/type.hpp>

#include <type_traits>
#include <utility>

namespace podscope {

namespace pod_detail {

/// The part that was named for a policy, or what `otherwise()` makes.
template <class Policy, class Named, class F>
[[nodiscard]] auto part_or(Named& named, F&& otherwise) {
    constexpr auto key = boost::hana::type_c<Policy>;
    if constexpr (decltype(boost::hana::contains(named, key))::value) {
        return std::move(boost::hana::at_key(named, key));
    } else {
        return otherwise();
    }
}

template <class Policy, class Named>
inline constexpr bool names_policy =
    decltype(boost::hana::contains(std::declval<Named&>(), boost::hana::type_c<Policy>))::value;

/// Puts a runtime together from a backend, a session store and whatever else was named.
template <class Backend, class Sessions, class Named>
[[nodiscard]] auto assemble(Backend backend, Sessions sessions, Named named) {
    static_assert(
        Backend::reaches != reach::cluster || names_policy<policy::probe, Named>,
        "podscope: a store of several machines needs use::probe(…): the default probe sees "
        "one machine, and takes the processes of another for dead");
    auto probe = part_or<policy::probe>(named, [] { return default_probe{}; });
    auto sink = part_or<policy::sink>(named, [] { return queue_sink{}; });
    auto names = part_or<policy::names>(named, [] { return canonical_path{}; });
    auto reclaim = part_or<policy::reclaim>(named, [] { return reclaim_and_fence{}; });
    auto clock = part_or<policy::clock>(named, [] { return system_clocks{}; });
    auto self = part_or<policy::self>(named, [] { return calling_process{}; });
    using parts = runtime_parts<Backend, Sessions, decltype(probe), decltype(sink), decltype(names),
                                decltype(reclaim), decltype(clock), decltype(self)>;
    return basic_runtime<parts>{parts{
        .backend = std::move(backend),
        .sessions = std::move(sessions),
        .probe = std::move(probe),
        .sink = std::move(sink),
        .names = std::move(names),
        .reclaim = std::move(reclaim),
        .clock = std::move(clock),
        .self = std::move(self),
    }};
}

} // namespace pod_detail

/// The parts of a runtime of which nothing but backend and session store was named.
template <class Backend, class Sessions>
using default_parts = runtime_parts<Backend,
                                    Sessions,
                                    default_probe,
                                    queue_sink,
                                    canonical_path,
                                    reclaim_and_fence,
                                    system_clocks,
                                    calling_process>;

/// Puts a runtime together from named parts, of which `use::backend` and `use::sessions` must be
/// given. The others are by default: the process and Unix socket probe, a queue, canonical paths,
/// reclaim and fence, the system's clocks, the calling process. A backend that reaches a cluster
/// has no default for the probe.
template <class... Named>
[[nodiscard]] auto make_runtime(Named... named) {
    auto parts = parts_by_policy(std::move(named)...);
    using named_parts = decltype(parts);
    static_assert(pod_detail::names_policy<policy::backend, named_parts>,
                  "podscope: make_runtime needs use::backend(…); open_runtime(folder, …) has a "
                  "default for it");
    static_assert(pod_detail::names_policy<policy::sessions, named_parts>,
                  "podscope: make_runtime needs use::sessions(…); open_runtime(folder, …) has a "
                  "default for it");
    auto backend = std::move(boost::hana::at_key(parts, boost::hana::type_c<policy::backend>));
    auto sessions = std::move(boost::hana::at_key(parts, boost::hana::type_c<policy::sessions>));
    return pod_detail::assemble(std::move(backend), std::move(sessions), std::move(parts));
}

} // namespace podscope
