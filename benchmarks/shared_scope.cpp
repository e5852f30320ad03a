// SPDX-License-Identifier: BSL-1.0
// Reads of a scope from several threads, while another one changes it without a pause.
#include "support/measure.hpp"
#include "support/must.hpp"

#include <podscope/podscope.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace podscope_bench {
namespace {

using podscope::permission;

// A scope, and whoever changes it.
class busy_scope {
public:
    explicit busy_scope(bool busy)
        : shared{podscope::scope{{{place("/ws"), permission::write, true}}}} {
        if (busy) {
            writer_ = std::jthread{[this](const std::stop_token& stop) {
                const podscope::delegation_ref child{.child = "child",
                                                     .granted = podscope::epoch{1}};
                const std::vector<podscope::deny_layer> layers{
                    {{place("/ws/a"), permission::write, true}, child}};
                while (!stop.stop_requested()) {
                    shared.update([&](podscope::scope& now) { now.add(layers); });
                    shared.update([&](podscope::scope& now) { now.remove(child); });
                }
            }};
        }
    }

    podscope::shared_scope shared;

private:
    std::jthread writer_{};
};

void read(benchmark::State& state, bool busy) {
    static std::unique_ptr<busy_scope> common;
    if (state.thread_index() == 0) {
        common = std::make_unique<busy_scope>(busy);
    }
    const auto at = place("/ws/b/src/core/detail/engine.cpp");
    for (auto _ : state) {
        benchmark::DoNotOptimize(common->shared.permission_at(at));
    }
    if (state.thread_index() == 0) {
        common.reset();
    }
}

const on_load here{[] {
    const std::string alone = "read of a shared scope, alone";
    add_timed(alone, [](benchmark::State& state) { read(state, false); });
    for (const int threads : {1, 2, 4}) {
        const std::string name = "read beside a writer, " + std::to_string(threads) +
                                 (threads == 1 ? " thread" : " threads");
        add_timed(name, [](benchmark::State& state) { read(state, true); }, threads);
        compare_time(name, name, alone);
    }
}};

} // namespace
} // namespace podscope_bench
