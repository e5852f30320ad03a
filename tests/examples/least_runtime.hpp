// SPDX-License-Identifier: BSL-1.0
// For an example to be compiled with, before its own text: its runtimes are made of parts that can
// do nothing but what their concepts name.
#pragma once

#include <podscope/podscope.hpp>
#include <podscope/scope/names_files.hpp>
#include <podscope/verify/archetypes/pod_clock.hpp>
#include <podscope/verify/archetypes/probe.hpp>
#include <podscope/verify/archetypes/reclaim_policy.hpp>
#include <podscope/verify/archetypes/resource_namespace.hpp>
#include <podscope/verify/archetypes/self_source.hpp>
#include <podscope/verify/archetypes/session_store.hpp>
#include <podscope/verify/archetypes/sink.hpp>
#include <podscope/verify/archetypes/store.hpp>

#include <boost/hana/at_key.hpp>
#include <boost/hana/type.hpp>

#include <string>
#include <utility>

/// By what the kernel confines pods is no part of the concept of a namespace.
template <class Names>
inline constexpr bool podscope::names_files<podscope::verify::namespace_archetype<Names>> =
    podscope::names_files<Names>;

namespace podscope_test {

template <class Policy, class Named, class F>
[[nodiscard]] auto part(Named& named, F&& otherwise) {
    return podscope::pod_detail::part_or<Policy>(named, otherwise);
}

template <class Backend, class Sessions, class Named>
[[nodiscard]] auto least_of(Backend backend, Sessions sessions, Named named) {
    using namespace podscope;
    using namespace podscope::verify;
    auto probe = part<policy::probe>(named, [] { return default_probe{}; });
    auto sink = part<policy::sink>(named, [] { return queue_sink{}; });
    auto names = part<policy::names>(named, [] { return canonical_path{}; });
    auto reclaim = part<policy::reclaim>(named, [] { return reclaim_and_fence{}; });
    auto clock = part<policy::clock>(named, [] { return system_clocks{}; });
    auto self = part<policy::self>(named, [] { return calling_process{}; });
    return make_runtime(
        use::backend(store_archetype{std::move(backend)}),
        use::sessions(session_store_archetype{std::move(sessions)}),
        use::probe(probe_archetype{std::move(probe)}), use::sink(sink_archetype{std::move(sink)}),
        use::names(namespace_archetype{std::move(names)}),
        use::reclaim(reclaim_archetype{std::move(reclaim)}),
        use::clock(clock_archetype{std::move(clock)}), use::self(self_archetype{std::move(self)}));
}

} // namespace podscope_test

namespace podscope {

template <class... Named>
[[nodiscard]] auto make_least_runtime(Named... named) {
    auto parts = parts_by_policy(std::move(named)...);
    auto backend = std::move(boost::hana::at_key(parts, boost::hana::type_c<policy::backend>));
    auto sessions = std::move(boost::hana::at_key(parts, boost::hana::type_c<policy::sessions>));
    return podscope_test::least_of(std::move(backend), std::move(sessions), std::move(parts));
}

template <class... Named>
[[nodiscard]] auto open_least_runtime(const std::string& folder, Named... named) {
    auto parts = parts_by_policy(std::move(named)...);
    auto backend = pod_detail::part_or_opened<policy::backend>(
        parts, [&] { return journal_backend::open(folder); });
    auto sessions = pod_detail::part_or_opened<policy::sessions>(
        parts, [&] { return file_sessions::open_within(folder); });
    using made = decltype(podscope_test::least_of(*std::move(backend), *std::move(sessions),
                                                  std::move(parts)));
    if (!backend || !sessions) {
        return result<made>{backend ? fail(sessions) : fail(backend)};
    }
    return result<made>{
        podscope_test::least_of(*std::move(backend), *std::move(sessions), std::move(parts))};
}

} // namespace podscope

#define make_runtime make_least_runtime
#define open_runtime open_least_runtime
