// SPDX-License-Identifier: BSL-1.0
// A runtime in memory in which many pods live.
#pragma once

#include "support/must.hpp"

#include <podscope/podscope.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace podscope_bench {

inline std::string place_of(std::size_t number) {
    // A few hundred to a folder, as a tree that people made would have them.
    return "/ws/part" + std::to_string(number / 256) + "/module" + std::to_string(number);
}

/// The manifest of one more child, at a place of its own.
inline podscope::manifest newcomer(std::size_t number) {
    const auto name = std::to_string(number);
    return podscope::manifest{"newcomer" + name}.may(
        podscope::rules::write("/ws/new/place" + name));
}

/// One pod, "planner", that has delegated a place to each of `size` live children.
///
/// They are entered as the library enters them, row for row, but many to a commit and without the
/// search for competitors, so that a million take seconds.
template <class Backend>
class basic_population {
public:
    using parts = podscope::runtime_parts<Backend,
                                          podscope::memory_sessions,
                                          podscope::default_probe,
                                          podscope::queue_sink,
                                          podscope::lexical_path,
                                          podscope::reclaim_and_fence,
                                          podscope::system_clocks,
                                          podscope::calling_process>;
    using runtime = podscope::basic_runtime<parts>;
    using pod = podscope::basic_pod<parts>;

    basic_population(Backend backend, std::size_t size, std::size_t at_once = 10'000)
        : backend_{backend},
          library{parts{std::move(backend), {}, {}, sink, {}, {}, {}, {}}},
          planner{must(library.create(podscope::manifest{"planner"}
                                          .may(podscope::rules::write("/ws"))
                                          .may_delegate(podscope::rules::write("/ws"))))} {
        for (std::size_t from = 0; from < size; from += at_once) {
            must(backend_.write([&](auto& txn) -> podscope::result<void> {
                for (auto i = from; i != std::min(size, from + at_once); ++i) {
                    if (auto done = enter(txn, i); !done) {
                        return done;
                    }
                }
                return {};
            }));
        }
        must(planner.check("/ws/f", podscope::permission::write));
    }

    Backend backend_;
    podscope::queue_sink sink{};
    runtime library;
    pod planner;

private:
    template <class Txn>
    podscope::result<void> enter(Txn& txn, std::size_t number) {
        const podscope::scope_rule rule{place(place_of(number)), podscope::permission::write, true};
        podscope::pod_store store{txn};
        podscope::registry live{txn};
        auto granted = store.next_epoch();
        if (!granted) {
            return podscope::fail(granted);
        }
        podscope::pod_record record{.pod = "child" + std::to_string(number),
                                    .delegated_from = "planner",
                                    .granted = *granted};
        record.manifest.allow = {rule};
        const podscope::delegation made{.child = record.pod, .granted = *granted, .rules = {rule}};
        auto done = store.put_delegation("planner", made);
        if (done) {
            done = live.add_layers("planner", layers_of(made));
        }
        if (done) {
            done = live.insert({.pod = record.pod,
                                .owner = self_,
                                .allow = {rule},
                                .delegated_from = "planner",
                                .granted = *granted,
                                .adopted = true},
                               {});
        }
        return done ? store.put(record) : done;
    }

    podscope::process_identity self_{must(podscope::calling_process{}.self())};
};

using memory_backend = podscope::basic_memory<podscope::pod_schema>;
using population = basic_population<memory_backend>;

/// The population of that size: made once, since a million take their time.
inline population& population_of(std::size_t size) {
    static std::map<std::size_t, std::unique_ptr<population>> all;
    auto& one = all[size];
    if (!one) {
        one = std::make_unique<population>(memory_backend{}, size);
    }
    return *one;
}

} // namespace podscope_bench
