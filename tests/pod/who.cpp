// SPDX-License-Identifier: BSL-1.0
// Who holds a place, since when, and why.
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/pod/make_runtime.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/pod/use.hpp>
#include <podscope/probe/concept.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/session/memory.hpp>
#include <podscope/store/pod_store.hpp>
#include <podscope/store/records.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace {

using namespace podscope_test;
using podscope::errc;
using podscope::manifest;
namespace rules = podscope::rules;
namespace use = podscope::use;

// Wall time as a test sets it.
struct set_clock {
    std::shared_ptr<std::int64_t> wall = std::make_shared<std::int64_t>(1'000);

    [[nodiscard]] static podscope::deadline now() noexcept {
        return podscope::deadline::clock::now();
    }

    [[nodiscard]] std::int64_t wall_ms() const noexcept { return *wall; }
};

struct answered_scene {
    set_clock clock{};
    podscope::basic_memory<podscope::pod_schema> store{};
    podscope::memory_sessions sessions{};

    auto open() {
        return podscope::make_runtime(use::backend(store), use::sessions(sessions),
                                      use::names(podscope::lexical_path{}), use::clock(clock));
    }
};

// What is said of the owner of a place: its name, since when, and why.
template <class Runtime>
std::string answer_of(const Runtime& world, const char* place) {
    const auto found = must(world.who(place));
    if (!found) {
        return "nobody";
    }
    return found->owner.pod + " since " +
           (found->since_ms ? std::to_string(*found->since_ms) : "unknown") + ": " +
           found->reason.value_or("not said");
}

} // namespace

TEST_CASE("P23 who holds a place says since when and why", "[pod]") {
    answered_scene s;
    auto world = s.open();
    CHECK(answer_of(world, "/ws/a") == "nobody");
    auto planner = std::optional{must(world.create(manifest{"planner"}.may(rules::write("/ws"))))};
    CHECK(answer_of(world, "/ws/a") == "planner since 1000: not said");

    *s.clock.wall = 2'000;
    const auto granted = must(planner->delegate(
        manifest{"coder"}.may(rules::write("/ws/a")).because("mends the parser")));
    CHECK(answer_of(world, "/ws/a") == "coder since 2000: mends the parser");
    *s.clock.wall = 3'000;
    auto coder = std::optional{must(world.adopt(granted))};
    CHECK(answer_of(world, "/ws/a") == "coder since 2000: mends the parser");

    SECTION("a restore is a new grant for the old reason, unless it gives another") {
        coder.reset();
        *s.clock.wall = 4'000;
        auto back = must(world.restore("coder"));
        CHECK(answer_of(world, "/ws/a") == "coder since 4000: mends the parser");
        planner.reset();
        *s.clock.wall = 5'000;
        planner =
            must(world.restore(manifest{"planner"}.may(rules::write("/ws")).because("leads"))).pod;
        CHECK(answer_of(world, "/ws/b") == "planner since 5000: leads");
        CHECK(answer_of(world, "/ws/a") == "coder since 4000: mends the parser");
        planner.reset();
        planner = must(world.restore(manifest{"planner"}.may(rules::write("/ws")))).pod;
        CHECK(answer_of(world, "/ws/b") == "planner since 5000: leads");
    }
    SECTION("a clock that was set back says so and changes nothing else") {
        *s.clock.wall = -7;
        must(coder->release());
        CHECK(answer_of(world, "/ws/a") == "planner since 1000: not said");
        must(planner->delegate(manifest{"next"}.may(rules::write("/ws/a"))));
        CHECK(answer_of(world, "/ws/a") == "next since -7: not said");
    }
    SECTION("a damaged record hides nobody") {
        must(s.store.write([](auto& txn) {
            auto record = must(podscope::pod_store{txn}.require("coder"));
            record.pod = "another";
            return txn.template put<podscope::tables::pods>("coder", std::move(record));
        }));
        CHECK(answer_of(world, "/ws/a") == "coder since unknown: not said");
    }
    SECTION("a record of another grant says nothing of this one") {
        must(s.store.write([](auto& txn) {
            podscope::pod_store records{txn};
            auto record = must(records.require("coder"));
            record.granted = podscope::epoch{99};
            return records.put(std::move(record));
        }));
        CHECK(answer_of(world, "/ws/a") == "coder since unknown: not said");
    }
}

TEST_CASE("P23 a reason is one line that can be shown", "[pod]") {
    const auto wanted = [](std::string reason) {
        return manifest{"pod"}.may(rules::write("/ws")).because(std::move(reason));
    };
    for (const auto& fit : {std::string{}, std::string(podscope::max_reason_length, 'a'),
                            std::string{"m\xC3\xA4"
                                        "kes 'it' \"so\""}}) {
        CAPTURE(fit);
        must(podscope::check_manifest(wanted(fit)));
    }
    for (const auto& unfit :
         {std::string(podscope::max_reason_length + 1, 'a'), std::string{"two\nlines"},
          std::string{"a\0b", 3}, std::string{"\x1B[2J"}, std::string{"\xFF"}, std::string{"\x7F"},
          std::string{"\xC2\x9B"}}) {
        CAPTURE(unfit);
        const auto refused = error_of(podscope::check_manifest(wanted(unfit)));
        CHECK(refused.category == errc::invalid_manifest);
        CHECK(refused.message.find("'pod'") != std::string::npos);
    }
}
