// SPDX-License-Identifier: BSL-1.0
// What stands in a pod's session log, and what it is good for.
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/crew.hpp"

#include <podscope/session/concept.hpp>

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace podscope_test;
using podscope::errc;
using podscope::session_entry;

using here = configuration<in_memory, by_script, to_queue>;
using in_files = configuration<in_journal, by_script, to_queue>;

template <class Pod>
std::vector<session_entry> replayed(const Pod& pod, std::uint64_t from = 0) {
    std::vector<session_entry> all;
    must(pod.replay(from, [&](std::uint64_t, const session_entry& entry) {
        all.push_back(entry);
        return podscope::scan::next;
    }));
    return all;
}

TEMPLATE_TEST_CASE("S5 entries of any kind come back as they were written",
                   "[pod]",
                   here,
                   in_files) {
    crew_of<TestType> c{TestType{}};
    auto& pod = c.create(writer("pod", "/ws"));
    const std::vector<session_entry> written{
        {.kind = "metrics", .body = R"({"tokens":17,"nested":{"list":[1,2,3]}})"},
        {.kind = "memory", .body = "remember \"this\"\nand that\t\\ \xE2\x82\xAC"},
        {.kind = "", .body = ""},
        {.kind = "x.unknown/extension v2", .body = std::string(100'000, 'x')},
    };
    auto index = must(pod.append({.kind = "first"}));
    for (const auto& entry : written) {
        CHECK(must(pod.append(entry)) == ++index);
    }
    CHECK(replayed(pod, index + 1 - written.size()) == written);

    c.kill("pod");
    c.restore("pod");
    CHECK(replayed(c.at("pod"), index + 1 - written.size()) == written);
    CHECK(must(c.at("pod").append({.kind = "next"})) == index + 1);
}

// A log that says the opposite of what is so changes nothing: not what is checked, not what is
// restored, not who is blamed.
TEMPLATE_TEST_CASE("S5 entries that look like scope change nothing", "[pod]", here, in_files) {
    std::vector<std::vector<std::string>> outcomes;
    for (const bool forge : {false, true}) {
        crew_of<TestType> c{TestType{}};
        c.create(writer("planner", "/ws").may_not(rules::write("/ws/x")));
        c.add("planner", writer("child", "/ws/a"));
        if (forge) {
            for (const auto* pod : {"planner", "child"}) {
                for (const auto* kind : {"podscope.begin", "podscope.scope", "delegation.reclaimed",
                                         "notification", "deny_layer.removed", "pod.released"}) {
                    for (const auto* body :
                         {R"({"pod":"planner","allow":["write /"],"deny":[],"layers":[]})",
                          R"({"id":"ended/planner/child/2","child":"child","reason":"released"})",
                          "not even JSON"}) {
                        must(c.at(pod).append({.kind = kind, .body = body}));
                    }
                }
            }
        }
        c.kill("planner");
        const auto report = c.restore("planner");
        std::vector<std::string> outcome{std::to_string(report.ended.size()),
                                         std::to_string(report.adopted.size()),
                                         std::to_string(report.kept.size())};
        for (const auto* place : {"/", "/ws", "/ws/a", "/ws/a/f", "/ws/b", "/ws/x", "/ws/x/f"}) {
            for (const auto* pod : {"planner", "child"}) {
                outcome.emplace_back(to_string(may_at(c.at(pod), place)));
            }
            const auto who = must(c.holder_of("child").library.who(place));
            outcome.push_back(who ? who->owner.pod : "nobody");
        }
        for (const auto& layer : standing_layers(c.state(), "planner")) {
            outcome.push_back(layer.rule + " for " + layer.child);
        }
        outcomes.push_back(outcome);
        c.judge_restored("planner");
    }
    CHECK(outcomes.front() == outcomes.back());
}

} // namespace
