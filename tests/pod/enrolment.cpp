// SPDX-License-Identifier: BSL-1.0
// What is stored of a pod as it is entered, and who gives way to it.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"
#include "support/results.hpp"
#include "support/stored_state.hpp"

#include <podscope/error.hpp>
#include <podscope/pod/clock.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reclaim_policy.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/self.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/probe/process.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/sink/queue.hpp>
#include <podscope/store/records.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace {

using namespace podscope_test;
using podscope::errc;
namespace tables = podscope::tables;

// It is always the same time of day.
struct stopped_clock {
    [[nodiscard]] podscope::deadline now() const noexcept {
        return std::chrono::steady_clock::now();
    }

    [[nodiscard]] std::int64_t wall_ms() const noexcept { return 1'234; }
};

struct registrar {
    using parts = podscope::runtime_parts<in_memory::store,
                                          in_memory::sessions,
                                          podscope::process_probe,
                                          podscope::queue_sink,
                                          podscope::lexical_path,
                                          podscope::reclaim_and_fence,
                                          stopped_clock,
                                          podscope::calling_process>;

    in_memory backend{};
    podscope::basic_runtime<parts> library{
        parts{backend.open(), backend.open_sessions(), {}, {}, {}, {}, {}, {}}};
};

} // namespace

TEST_CASE("who adopts is asked at his own endpoint", "[pod]") {
    registrar on;
    auto planner = must(on.library.create(writer("planner", "/ws"), {.endpoint = "unix:/planner"}));
    const auto grant = must(planner.delegate(writer("child", "/ws/a")));
    const auto child = must(on.library.adopt(grant, {.endpoint = "unix:/child"}));
    CHECK(must(on.library.find("planner"))->endpoint == "unix:/planner");
    CHECK(must(on.library.find("child"))->endpoint == "unix:/child");
}

TEST_CASE("a record says when its pod was granted", "[pod]") {
    registrar on;
    auto planner = must(on.library.create(writer("planner", "/ws")));
    (void)must(planner.delegate(writer("child", "/ws/a")));
    auto store = on.backend.open();
    const stored_state state{store};
    CHECK(state.of<tables::pods>().at("planner").granted_ms == 1'234);
    CHECK(state.of<tables::pods>().at("child").granted_ms == 1'234);
}

TEST_CASE("a segment is its holder's as long as he lives", "[pod]") {
    registrar on;
    auto planner = must(on.library.create(writer("planner", "/ws")));
    std::optional other{must(on.library.create(writer("other", "/other")))};
    const auto held = must(other->segment());
    CHECK(why_not(planner.switch_segment(held)) == errc::segment_held);
    other.reset();
    must(planner.switch_segment(held));
    CHECK(must(planner.segment()) == held);
}
