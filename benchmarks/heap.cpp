// SPDX-License-Identifier: BSL-1.0
// How much memory live claims take.
#include "support/heap.hpp"

#include "reference/registry_steps.hpp"
#include "support/measure.hpp"
#include "support/population.hpp"

#include <podscope/podscope.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

namespace podscope_bench {
namespace {

// Root pods with one write rule each; the store is given back at the end.
double bytes_each(std::size_t count) {
    const auto self = must(podscope::calling_process{}.self());
    const auto before = heap_in_use();
    podscope::basic_memory<registry_schema> store;
    must(store.write([&](auto& txn) -> podscope::result<void> {
        podscope::registry live{txn};
        for (std::size_t i = 0; i != count; ++i) {
            const podscope::scope_rule rule{place(place_of(i)), podscope::permission::write, true};
            auto done = live.insert({.pod = "pod" + std::to_string(i),
                                     .owner = self,
                                     .allow = {rule},
                                     .granted = podscope::epoch{i + 1},
                                     .adopted = true},
                                    {});
            if (!done) {
                return done;
            }
        }
        return {};
    }));
    return static_cast<double>(heap_in_use() - before) / static_cast<double>(count);
}

const on_load here{[] {
    for (const std::size_t count : {1'000U, 100'000U, 1'000'000U}) {
        state(
            "heap of an allocation with one claim, " + std::to_string(count) + " live", "bytes",
            [count] { return bytes_each(count); }, 600);
    }
}};

} // namespace
} // namespace podscope_bench
