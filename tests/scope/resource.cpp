// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <podscope/scope/resource.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace podscope;
using namespace std::string_literals;

namespace {

resource of(const std::vector<std::string>& components) {
    resource r;
    for (const auto& component : components)
        r.push(component);
    return r;
}

std::vector<std::string> components_of(const resource& r) {
    std::vector<std::string> all;
    r.for_each_component([&](std::string_view component) { all.emplace_back(component); });
    return all;
}

} // namespace

TEST_CASE("A resource is its components", "[scope]") {
    CHECK(resource{}.is_root());
    CHECK(resource{}.depth() == 0);
    CHECK(components_of(resource{}).empty());
    const auto place = of({"a", "bc", "d"});
    CHECK_FALSE(place.is_root());
    CHECK(place.depth() == 3);
    CHECK(components_of(place) == std::vector{"a"s, "bc"s, "d"s});
    CHECK(place == resource{}.child("a").child("bc").child("d"));
    CHECK(place.key() == "a\0bc\0d\0"s);
}

TEST_CASE("A resource goes up to its parent and stays at the root", "[scope]") {
    auto place = of({"a", "bc"});
    place.pop();
    CHECK(place == of({"a"}));
    place.pop();
    CHECK(place.is_root());
    place.pop();
    CHECK(place.is_root());
    CHECK(resource::parent_key(of({"a", "bc"}).key()) == of({"a"}).key());
    CHECK(resource::parent_key(of({"a"}).key()).empty());
    CHECK(resource::parent_key("").empty());
}

TEST_CASE("A resource contains itself and what lies below it", "[scope]") {
    const auto place = of({"a", "b"});
    CHECK(place.contains(place));
    CHECK(place.contains(of({"a", "b", "c"})));
    CHECK(resource{}.contains(place));
    CHECK_FALSE(place.contains(of({"a"})));
    CHECK_FALSE(place.contains(of({"a", "bc"})));
    CHECK_FALSE(place.contains(of({"a", "c"})));
    CHECK_FALSE(place.contains(resource{}));
}

TEST_CASE("A resource is the parent of what lies one component below", "[scope]") {
    const auto place = of({"a", "b"});
    CHECK(place.is_parent_of(of({"a", "b", "c"})));
    CHECK(resource{}.is_parent_of(of({"a"})));
    CHECK_FALSE(place.is_parent_of(place));
    CHECK_FALSE(place.is_parent_of(of({"a", "b", "c", "d"})));
    CHECK_FALSE(place.is_parent_of(of({"a", "bc"})));
    CHECK_FALSE(place.is_parent_of(of({"a"})));
    CHECK_FALSE(resource{}.is_parent_of(resource{}));
}

TEST_CASE("Resources in order have each subtree together", "[scope]") {
    std::vector<resource> places{of({"a", "b", "c"}), of({"a", "bc"}), of({"a"}), of({}),
                                 of({"a!"}),          of({"a", "b"}),  of({"ab"})};
    std::ranges::sort(places);
    CHECK(places == std::vector{of({}), of({"a"}), of({"a", "b"}), of({"a", "b", "c"}),
                                of({"a", "bc"}), of({"a!"}), of({"ab"})});
}

TEST_CASE("A key gives its resource back and other bytes are refused as corrupt", "[scope]") {
    for (const auto& place : {of({}), of({"a"}), of({"a", "bc", "\xFF"})})
        CHECK(resource::from_key(std::string{place.key()}).value() == place);
    for (const auto& broken : {"a"s, "\0"s, "\0a\0"s, "a\0\0"s, "a\0\0b\0"s, "a\0b"s, "\0\0"s}) {
        const auto refused = resource::from_key(broken);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().category == errc::corrupt);
    }
}
