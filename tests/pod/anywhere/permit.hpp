// SPDX-License-Identifier: BSL-1.0
// What a pod shows to whoever acts on its behalf, as the scope goes round.
#pragma once

#include "support/anywhere.hpp"
#include "support/crew.hpp"

#include <podscope/pod/permit.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

namespace podscope_test::permits {

using podscope::epoch;
using podscope::errc;
using podscope::permit;

PODSCOPE_TEST_ANYWHERE("I7, P1 whoever gets a place has a higher fence than all who had it before",
                       "[pod]") {
    // A service that has no runtime.
    struct {
        std::map<std::string, epoch> highest{};

        bool takes(const permit& shown) {
            auto& seen = highest[std::string{shown.place.key()}];
            const bool is_fit = shown.fence() >= seen;
            seen = std::max(seen, shown.fence());
            return is_fit;
        }
    } service;

    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    const auto permit_of = [&](const char* name) {
        return must(permit::from_text(
            must(c.at(name).permit_for("/ws/a/b/f", permission::write)).to_text()));
    };
    const auto before = permit_of("planner");
    CHECK(before.fence() == c.at("planner").granted());
    CHECK(service.takes(before));
    c.add("planner", writer("child", "/ws/a"));
    const auto of_child = permit_of("child");
    CHECK(service.takes(of_child));
    CHECK_FALSE(service.takes(before));
    c.add("child", writer("grandchild", "/ws/a/b"));
    const auto of_grandchild = permit_of("grandchild");
    CHECK(service.takes(of_grandchild));
    CHECK_FALSE(service.takes(of_child));

    SECTION("from below, step by step") {
        must(c.at("child").reclaim("grandchild"));
        const auto again = permit_of("child");
        CHECK(service.takes(again));
        CHECK_FALSE(service.takes(of_grandchild));
        CHECK(service.takes(again));
        c.kill("child");
        must(c.at("planner").reconcile(patience));
        CHECK(service.takes(permit_of("planner")));
        CHECK_FALSE(service.takes(again));
    }
    SECTION("from below, all at once") {
        must(c.at("child").reclaim("grandchild"));
        c.add("child", writer("other", "/ws/a/b"));
        const auto of_other = permit_of("other");
        CHECK(service.takes(of_other));
        c.kill("child");
        c.kill("other");
        must(c.at("planner").reconcile(patience));
        CHECK(service.takes(permit_of("planner")));
        CHECK_FALSE(service.takes(of_other));
        CHECK_FALSE(service.takes(of_child));
        must(c.holder_of("planner").library.validate(permit_of("planner")));
    }
    SECTION("from above, again") {
        must(c.at("child").release());
        c.forget("child");
        const auto of_planner = permit_of("grandchild"); // its own still
        CHECK(of_planner == of_grandchild);
        must(c.at("planner").reclaim("grandchild"));
        c.forget("grandchild");
        const auto back = permit_of("planner");
        CHECK(service.takes(back));
        CHECK_FALSE(service.takes(of_grandchild));
        c.add("planner", writer("next", "/ws/a/b"));
        CHECK(service.takes(permit_of("next")));
        CHECK_FALSE(service.takes(back));
    }
    SECTION("by a restore") {
        c.kill("planner");
        c.kill("child");
        c.kill("grandchild");
        c.restore("planner");
        const auto back = permit_of("planner");
        CHECK(back.fence() == c.at("planner").granted()); // which is new enough
        CHECK(service.takes(back));
        CHECK_FALSE(service.takes(of_grandchild));
    }
    SECTION("reading returns nothing") {
        const auto fence = permit_of("grandchild").fence();
        c.add("grandchild", manifest{"looker"}.may(podscope::rules::read("/ws/a/b")));
        must(c.at("grandchild").reclaim("looker"));
        CHECK(permit_of("grandchild").fence() == fence);
    }
}

PODSCOPE_TEST_ANYWHERE("I7 a permit holds as long as what it says", "[pod]") {
    crew_in<Place> c;
    c.create(writer("planner", "/ws"));
    c.add("planner", writer("child", "/ws/a"));
    // A service that knows the store and nothing else.
    auto service = c.hire();
    const auto shown = must(c.at("child").permit_for("/ws/a/f", permission::write));
    CHECK(shown.by.granted == c.at("child").granted());
    must(service.library.validate(shown));
    CHECK(why_not(c.at("child").permit_for("/ws/b", permission::write)) == errc::denied);
    CHECK(why_not(c.at("child").permit_for("ws", permission::write)) == errc::invalid_target);

    SECTION("it has handed the place on") {
        c.add("child", writer("grandchild", "/ws/a/f"));
        const auto refused = service.library.validate(shown);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().category == errc::denied);
        CHECK(refused.error().message.find("grandchild") != std::string::npos);
        must(service.library.validate(
            must(c.at("grandchild").permit_for("/ws/a/f", permission::write))));
    }
    SECTION("it was reclaimed, and its scope and name are another one's") {
        must(c.at("planner").reclaim("child"));
        auto& zombie = *c.forget("child");
        CHECK(why_not(service.library.validate(shown)) == errc::revoked);
        c.add("planner", writer("child", "/ws/a"));
        const auto refused = service.library.validate(shown);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().category == errc::revoked);
        CHECK(refused.error().shown == shown.by.granted);
        CHECK(refused.error().current == c.at("child").granted());
        CHECK(why_not(zombie.permit_for("/ws/a/f", permission::write)) == errc::revoked);
        const auto next = must(c.at("child").permit_for("/ws/a/f", permission::write));
        must(service.library.validate(next));
        CHECK(next.by.granted > shown.by.granted);
    }
    SECTION("what it names was made up, and is no place at all") {
        // Each of them would be below what the child has, and each leads out of it as a path.
        for (const auto* out : {"..%2Fb", ".", "..", "../../etc", "f/../../b", "f%2F..%2F..%2Fb"}) {
            const auto text = "/child/write/ws/a/" + std::string{out};
            CAPTURE(text);
            const auto read = must(permit::from_text(
                std::to_string(static_cast<std::uint64_t>(shown.by.granted)) + text));
            CHECK(why_not(service.library.validate(read)) == errc::invalid_target);
        }
    }
    SECTION("what it names was handed on and has come back") {
        const auto before = must(c.at("planner").permit_for("/ws/b", permission::write));
        c.add("planner", writer("other", "/ws/b"));
        CHECK(why_not(service.library.validate(before)) == errc::denied);
        must(c.at("planner").reclaim("other"));
        c.forget("other");
        must(service.library.validate(before)); // what is in between is for the fence to tell
        CHECK(must(c.at("planner").permit_for("/ws/b", permission::write)).fence() >
              before.fence());
    }
    SECTION("its fence was made up") {
        auto above = shown;
        above.returned = epoch{static_cast<std::uint64_t>(shown.fence()) + 1};
        const auto refused = service.library.validate(above);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().category == errc::revoked);
        CHECK(refused.error().shown == above.returned);
        CHECK(refused.error().current == shown.fence());
        c.add("child", writer("grandchild", "/ws/a/f"));
        must(c.at("child").reclaim("grandchild"));
        c.forget("grandchild");
        const auto now = must(c.at("child").permit_for("/ws/a/f", permission::write));
        REQUIRE(now.returned.has_value());
        must(service.library.validate(now));
        above.returned = epoch{static_cast<std::uint64_t>(now.fence()) + 1};
        CHECK(why_not(service.library.validate(above)) == errc::revoked);
    }
    SECTION("it was restored by another process") {
        c.kill("child");
        c.restore("child");
        CHECK(why_not(service.library.validate(shown)) == errc::revoked);
        must(
            service.library.validate(must(c.at("child").permit_for("/ws/a/f", permission::write))));
    }
}

} // namespace podscope_test::permits
