// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/byte_backend.hpp>
#include <podscope/backend/concept.hpp>
#include <podscope/pod/clock.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/sink/concept.hpp>

#include <boost/hana/at_key.hpp>
#include <boost/hana/contains.hpp>
#include <boost/hana/map.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/type.hpp>

#include <type_traits>
#include <utility>

namespace podscope {

/// The policies of a runtime, one for each of its parts.
namespace policy {

struct backend {};

struct sessions {};

struct probe {};

struct sink {};

struct names {};

struct reclaim {};

struct clock {};

struct self {};

} // namespace policy

/// One part of a runtime and the policy that it is for.
template <class Policy, class Part>
struct named_part {
    Part part;
};

/// Names the parts of a runtime: `open_runtime(folder, use::sink(my_sink))`. What is not named is
/// the default.
namespace use {

template <class Backend>
[[nodiscard]] auto backend(Backend part) {
    static_assert(
        typed_store<Backend>,
        "podscope: use::backend takes a typed_store: durable, reaches, read(f), write(f)");
    static_assert(!byte_backend<Backend>,
                  "podscope: use::backend takes a byte_backend as lifted{…}, a typed_store of it");
    return named_part<policy::backend, Backend>{std::move(part)};
}

template <class Sessions>
[[nodiscard]] auto sessions(Sessions part) {
    static_assert(session_store<Sessions>, "podscope: use::sessions takes a session_store: "
                                           "create, append, read, info, list");
    return named_part<policy::sessions, Sessions>{std::move(part)};
}

template <class Probe>
[[nodiscard]] auto probe(Probe part) {
    static_assert(reachability_probe<Probe>, "podscope: use::probe takes a reachability_probe: "
                                             "probe(subjects, deadline, verdicts)");
    return named_part<policy::probe, Probe>{std::move(part)};
}

template <class Sink>
[[nodiscard]] auto sink(Sink part) {
    static_assert(notification_sink<Sink>, "podscope: use::sink takes a notification_sink: "
                                           "result<void> notify(const notification&)");
    return named_part<policy::sink, Sink>{std::move(part)};
}

template <class Names>
[[nodiscard]] auto names(Names part) {
    static_assert(resource_namespace<Names>, "podscope: use::names takes a resource_namespace: "
                                             "resolve(text), display(resource)");
    return named_part<policy::names, Names>{std::move(part)};
}

template <class Reclaim>
[[nodiscard]] auto reclaim(Reclaim part) {
    static_assert(reclaim_policy<Reclaim>,
                  "podscope: use::reclaim takes a reclaim_policy: bool ends(verdict) noexcept");
    return named_part<policy::reclaim, Reclaim>{std::move(part)};
}

template <class Clock>
[[nodiscard]] auto clock(Clock part) {
    static_assert(pod_clock<Clock>,
                  "podscope: use::clock takes a pod_clock: now() and wall_ms(), both noexcept");
    return named_part<policy::clock, Clock>{std::move(part)};
}

template <class Self>
[[nodiscard]] auto self(Self part) {
    static_assert(self_source<Self>,
                  "podscope: use::self takes a self_source: result<process_identity> self()");
    return named_part<policy::self, Self>{std::move(part)};
}

} // namespace use

namespace pod_detail {

template <class Policy, class... Policies>
inline constexpr int times_named = (0 + ... + (std::is_same_v<Policy, Policies> ? 1 : 0));

} // namespace pod_detail

/// The parts that were named, by policy.
template <class... Policies, class... Parts>
[[nodiscard]] auto parts_by_policy(named_part<Policies, Parts>... named) {
    static_assert((... && (pod_detail::times_named<Policies, Policies...> == 1)),
                  "podscope: a runtime has one part for each policy, and one of them was named "
                  "twice");
    return boost::hana::make_map(
        boost::hana::make_pair(boost::hana::type_c<Policies>, std::move(named.part))...);
}

} // namespace podscope
