// SPDX-License-Identifier: BSL-1.0
#include "registry/rules.hpp"
#include "support/catch.hpp"
#include "support/configurations.hpp"

#include <podscope/registry/conflict.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace podscope_test;
using namespace podscope;

using places = std::tuple<in_memory>;

} // namespace

#include "anywhere/conflict.hpp"

namespace {

TEST_CASE("F34 that there is a competitor is found without the others", "[registry]") {
    SECTION("within what is asked for") {
        conflicting::rivals<in_memory> r;
        for (int i = 0; i != 1'000; ++i) {
            r.add("rival" + std::to_string(i), {rule("/ws/a" + std::to_string(i))});
        }
        r.add("asker", {rule("/ws"), rule("/ws/a1")});
        CHECK(r.of("asker").size() == 1'000);
        CHECK(r.cost_of("asker").second > 1'000);
        // What follows the claims to the root, its own claim, and the first one below it.
        CHECK(r.cost_of_any("asker").second == 3);
    }
    SECTION("above what is asked for") {
        conflicting::rivals<in_memory> r;
        for (int i = 0; i != 10; ++i) {
            r.add("near" + std::to_string(i), {rule("/ws")});
            r.add("far" + std::to_string(i), {rule("/")});
        }
        r.add("asker", {rule("/ws/a")});
        CHECK(r.of("asker").size() == 20);
        CHECK(r.cost_of_any("asker").second == 1);
    }
}

TEST_CASE("I1 a competitor who answers nowhere is named without a place", "[registry]") {
    const std::vector<standing_competitor> found{
        {.holder = {.pod = "silent"}, .rule = rule("/ws/a")}};
    CHECK(conflict_error(lexical_path{}, "asker", found).message ==
          "'asker' cannot have what is written by 'silent' (write /ws/a)");
}

TEST_CASE("F34 a search costs the same among many as among few", "[registry]") {
    const auto cost_among = [](int many) {
        conflicting::rivals<in_memory> r;
        r.add("pod", {rule("/ws/a/b"), rule("/ws", permission::write, false)});
        for (int i = 0; i != many; ++i) {
            // Before, behind and below what is asked for, so that no order hides them.
            const auto n = std::to_string(i);
            r.add("before " + n, {rule("/ws/a/aa/" + n)});
            r.add("below " + n, {rule("/ws/a/c/" + n + "/x")});
            r.add("behind " + n, {rule("/zz/" + n)});
        }
        return r.cost_of("pod");
    };
    const auto few = cost_among(10);
    const auto many = cost_among(10'000);
    CHECK(many == few);
    CHECK(few.first < 40);
}

} // namespace
