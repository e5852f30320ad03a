// SPDX-License-Identifier: BSL-1.0
// Many places checked, and many children delegated to, at once.
#pragma once

#include "support/anywhere.hpp"
#include "support/crew.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace podscope_test::batches {

using podscope::errc;
namespace tables = podscope::tables;

PODSCOPE_TEST_ANYWHERE("I7 many places are judged under one look", "[pod]") {
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));

    const std::vector<std::string> all{"/ws/b", "/ws/a/f", "relative", "/ws/c/d", "/other"};
    const auto refused = must(planner.check_all(all, permission::write));
    REQUIRE(refused.size() == 3);
    CHECK(refused[0].category == errc::denied);
    CHECK(refused[1].category == errc::invalid_target);
    CHECK(refused[2].category == errc::denied);
    // Word for word what a single check says.
    std::size_t i = 0;
    for (const auto& place : all) {
        if (const auto one = planner.check(place, permission::write); !one) {
            CHECK(to_string(refused.at(i++)) == to_string(one.error()));
        }
    }
    CHECK(i == refused.size());
    CHECK(must(planner.check_all({}, permission::write)).empty());

    auto& zombie = c.kill("planner");
    c.restore("planner");
    CHECK(why_not(zombie.check_all(all, permission::read)) == errc::revoked);
}

PODSCOPE_TEST_ANYWHERE("I1 children that are delegated to together are had all or none", "[pod]") {
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws"));

    SECTION("all") {
        const std::vector<manifest> wanted{writer("first", "/ws/a"), writer("second", "/ws/b"),
                                           writer("third", "/ws/x/a")};
        const auto grants = must(planner.delegate_all(wanted, patience));
        REQUIRE(grants.size() == wanted.size());
        for (std::size_t i = 0; i != grants.size(); ++i) {
            CHECK(grants[i].pod == wanted[i].name);
            CHECK(may_at(planner, wanted[i].allow.back().target) == permission::read);
        }
        c.judge();
        for (const auto& one : grants) {
            c.adopt(one);
        }
        c.judge_restored("planner");
        c.kill("second");
        CHECK(c.at("planner").reconcile(patience)->ended.size() == 1);
        CHECK(may_at(planner, "/ws/b") == permission::write);
        c.judge_restored("planner");
    }
    SECTION("none, if two of them compete") {
        const auto before = c.state();
        const auto done = planner.delegate_all(
            std::vector{writer("first", "/ws/a"), writer("second", "/ws/a/b")}, patience);
        REQUIRE_FALSE(done);
        CHECK(done.error().category == errc::conflict);
        REQUIRE(done.error().competitors.size() == 1);
        CHECK(done.error().competitors.front().pod == "first");
        CHECK(c.state().template of<tables::allocations>() ==
              before.template of<tables::allocations>());
        CHECK(c.state().template of<tables::pods>().size() == 1);
        CHECK(may_at(planner, "/ws/a") == permission::write);
        c.judge();
    }
    SECTION("none, if one has another's name or asks for too much") {
        CHECK(why_not(planner.delegate_all(
                  std::vector{writer("first", "/ws/a"), writer("first", "/ws/b")}, patience)) ==
              errc::duplicate_name);
        CHECK(why_not(planner.delegate_all(
                  std::vector{writer("first", "/ws/a"), writer("second", "/other")}, patience)) ==
              errc::not_within_authority);
        CHECK(c.state().template of<tables::allocations>().size() == 1);
        c.judge();
    }
    SECTION("nobody at all") {
        CHECK(must(planner.delegate_all({}, patience)).empty());
        c.judge();
    }
}

PODSCOPE_TEST_ANYWHERE("F34 many children are delegated to in one commit and reclaimed", "[pod]") {
    const auto count = crowd_in<Place>(5'000);
    crew_in<Place> c;
    auto& planner = c.create(writer("planner", "/ws"));
    std::vector<manifest> wanted;
    std::vector<std::string> parts;
    for (std::size_t i = 0; i != count; ++i) {
        parts.push_back("/ws/part" + std::to_string(i));
        wanted.push_back(writer("child" + std::to_string(i), parts.back()));
    }
    CHECK(must(planner.delegate_all(wanted, patience)).size() == count);
    CHECK(must(planner.check_all(parts, permission::write)).size() == count);
    CHECK(must(planner.check_all(parts, permission::read)).empty());
    CHECK(c.state().template of<tables::claims>().size() == count + 1);
    must(planner.reclaim("child7"));
    CHECK(must(planner.check_all(parts, permission::write)).size() == count - 1);
    CHECK(may_at(planner, parts[7]) == permission::write);
}

} // namespace podscope_test::batches
