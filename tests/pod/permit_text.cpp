// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/pod/permit.hpp>

#include <string>

using namespace podscope;
using namespace podscope_test;

TEST_CASE("F39 a permit keeps a component of another namespace that has a slash", "[pod]") {
    permit written{.by = {"pod", epoch{7}}};
    written.access = permission::write;
    written.place.push("a/b");
    const auto text = written.to_text();
    CHECK(text.find("a%2Fb") != std::string::npos);
    const auto read = must(permit::from_text(text));
    CHECK(read.place == written.place);
    CHECK(read.to_text() == text);
}

TEST_CASE("F39 a permit in which a percent sign is no escape is refused", "[pod]") {
    CHECK(permit::from_text("7/pod/write/a%25b"));
    for (const auto* place : {"%zz", "%2z", "%", "a%2"})
        CHECK(why_not(permit::from_text(std::string{"7/pod/write/"} + place)) ==
              errc::invalid_target);
}
