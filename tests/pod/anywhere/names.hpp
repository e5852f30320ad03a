// SPDX-License-Identifier: BSL-1.0
// Names and targets as they come in from outside.
#pragma once

#include "support/anywhere.hpp"
#include "support/crew.hpp"

#include <podscope/scope/lexical_path.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace podscope_test::names_and_targets {

using podscope::errc;
namespace tables = podscope::tables;

PODSCOPE_TEST_ANYWHERE("F35 names that no pod may have are refused by every way in", "[pod]") {
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws"));
    const auto before = c.state();
    for (const auto& name : {std::string{}, std::string{"."}, std::string{".."}, std::string{"a/b"},
                             std::string{"a\0b", 3}, std::string{"a\nb"}, std::string(256, 'a'),
                             std::string{"\xff"}}) {
        CAPTURE(name);
        CHECK(why_not(c.try_create(writer(name, "/elsewhere"))) == errc::invalid_name);
        CHECK(why_not(planner.delegate(writer(name, "/ws/a"))) == errc::invalid_name);
        CHECK(why_not(c.try_adopt({name, podscope::epoch{1}})) == errc::invalid_name);
        CHECK(why_not(c.try_restore(name)) == errc::invalid_name);
        CHECK(why_not(c.try_restore(writer(name, "/elsewhere"))) == errc::invalid_name);
    }
    CHECK(c.state() == before);
}

// What a text is as a target: its place, or nothing if it is none.
struct target {
    std::string text;
    std::optional<std::string> place;
};

inline const std::vector<target>& targets() {
    std::string deep = "/ws";
    for (int i = 0; i != 10'000; ++i) {
        deep += "/a";
    }
    static const std::vector<target> all{
        {"/ws/a", "/ws/a"},
        {"//ws///a//", "/ws/a"},
        {"/ws/./a/.", "/ws/a"},
        {"/ws/b/../a", "/ws/a"},
        {"/ws/a/x/../../b", "/ws/b"},
        {"/ws/" + std::string(255, 'n'), "/ws/" + std::string(255, 'n')},
        {"", std::nullopt},
        {"ws/a", std::nullopt},
        {"./a", std::nullopt},
        {"/ws/../..", std::nullopt},
        {"/../ws", std::nullopt},
        {std::string{"/ws/a\0b", 7}, std::nullopt},
        {"/ws/" + std::string(256, 'n'), std::nullopt},
        {"/ws/" + std::string(4'096, '/'), std::nullopt},
        {deep, std::nullopt},
    };
    return all;
}

PODSCOPE_TEST_ANYWHERE("F36 a target is the same place everywhere or is refused everywhere",
                       "[pod]") {
    for (const auto& one : targets()) {
        CAPTURE(one.text);
        crew_in<Place> c;
        auto& planner = c.create(orchestrator("planner", "/ws"));
        const auto before = c.state();
        auto created = c.try_create(writer("root", one.text));
        auto delegated = planner.delegate(writer("child", one.text));
        auto base = c.try_create(writer("denied", "/elsewhere").may_not(rules::write(one.text)));
        auto checked = planner.check(one.text, permission::read);
        auto explained = planner.explain(one.text);
        auto asked = c.hire().library.who(one.text);
        if (!one.place) {
            CHECK(why_not(std::move(created)) == errc::invalid_target);
            CHECK(why_not(std::move(delegated)) == errc::invalid_target);
            CHECK(why_not(std::move(base)) == errc::invalid_target);
            CHECK(why_not(std::move(checked)) == errc::invalid_target);
            CHECK(why_not(std::move(explained)) == errc::invalid_target);
            CHECK(why_not(std::move(asked)) == errc::invalid_target);
            CHECK(c.state() == before);
            continue;
        }
        // The root has it, so that the planner cannot hand it on; and that is so because all three
        // speak of one place.
        REQUIRE(created);
        CHECK(why_not(std::move(delegated)) == errc::conflict);
        CHECK(checked);
        CHECK(must(std::move(explained)).granted == permission::read);
        const auto owner = must(std::move(asked));
        REQUIRE(owner);
        CHECK(owner->owner.pod == "root");
        CHECK(podscope::lexical_path{}.display(owner->rule.target) == *one.place);
        CHECK(
            podscope::lexical_path{}.display(
                c.state().template of<tables::pods>().at("denied").manifest.deny.front().target) ==
            *one.place);
    }
}

} // namespace podscope_test::names_and_targets
