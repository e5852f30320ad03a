// SPDX-License-Identifier: BSL-1.0
// Which hands a place came down by.
#pragma once

#include "registry/rules.hpp"
#include "support/anywhere.hpp"
#include "support/results.hpp"

#include <podscope/registry/descent.hpp>
#include <podscope/registry/registry.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace podscope_test::descending {

using namespace podscope;

template <class Place>
class line {
public:
    void add(const char* pod,
             std::uint64_t granted,
             const char* parent,
             std::vector<deny_layer> layers) {
        must(store_.write([&](auto& txn) {
            return podscope::registry{txn}.insert({.pod = pod,
                                                   .allow = {},
                                                   .delegated_from = parent,
                                                   .granted = epoch{granted},
                                                   .adopted = true},
                                                  layers);
        }));
    }

    void remove(const char* pod) {
        must(store_.write([&](auto& txn) { return podscope::registry{txn}.erase(pod); }));
    }

    result<bool> came(const char* from, const char* to, const char* place) {
        return store_.read([&](auto& txn) {
            hand_down down{txn, region_of(rule(place))};
            auto once = down.is_from_to(from, to);
            auto again = down.is_from_to(from, to);
            CHECK(once.has_value() == again.has_value());
            CHECK(once.value_or(false) == again.value_or(false));
            return once;
        });
    }

private:
    Place place_{};
    typename Place::store store_{place_.open()};
};

PODSCOPE_TEST_ANYWHERE("I1 a place comes down only by hands that all hold it", "[registry]") {
    line<Place> l;
    l.add("top", 1, "", {layer("/ws", "middle", 2), layer("/data", "other", 3)});
    l.add("middle", 2, "top", {layer("/ws/a", "low", 4), layer("/data", "low", 4)});
    l.add("low", 4, "middle", {});
    CHECK(must(l.came("top", "middle", "/ws/b")));
    CHECK(must(l.came("top", "low", "/ws/a")));
    CHECK(must(l.came("top", "low", "/ws/a/x")));
    CHECK(must(l.came("middle", "low", "/ws/a")));
    CHECK_FALSE(must(l.came("top", "low", "/ws/b")));
    CHECK_FALSE(must(l.came("top", "low", "/ws")));
    CHECK_FALSE(must(l.came("top", "low", "/data")));
    CHECK(must(l.came("middle", "low", "/data")));
    CHECK_FALSE(must(l.came("low", "top", "/ws/a")));
    CHECK_FALSE(must(l.came("low", "low", "/ws/a")));
    CHECK_FALSE(must(l.came("top", "nobody", "/ws/a")));
    CHECK_FALSE(must(l.came("nobody", "low", "/ws/a")));
}

PODSCOPE_TEST_ANYWHERE("I1 nothing comes down through a gap or by an old grant", "[registry]") {
    line<Place> l;
    l.add("top", 1, "", {layer("/ws", "middle", 2)});
    l.add("middle", 2, "top", {layer("/ws", "low", 3)});
    l.add("low", 4, "middle", {});
    CHECK_FALSE(must(l.came("middle", "low", "/ws")));
    l.remove("low");
    l.add("low", 3, "middle", {});
    CHECK(must(l.came("top", "low", "/ws")));
    l.remove("middle");
    CHECK_FALSE(must(l.came("top", "low", "/ws")));
}

PODSCOPE_TEST_ANYWHERE("I1 a place comes down though others were given it or more", "[registry]") {
    line<Place> l;
    l.add("top", 1, "",
          {layer("/ws/a", "before", 3), layer("/ws/a", "low", 2), layer("/ws", "other", 4)});
    l.add("low", 2, "top", {});
    CHECK(must(l.came("top", "low", "/ws/a")));
    CHECK_FALSE(must(l.came("top", "low", "/ws")));
}

PODSCOPE_TEST_ANYWHERE("I2 a line that closes on itself is corrupt", "[registry]") {
    line<Place> l;
    l.add("a", 1, "b", {layer("/ws", "b", 2)});
    l.add("b", 2, "a", {layer("/ws", "a", 1)});
    CHECK(why_not(l.came("c", "a", "/ws")) == errc::corrupt);
}

PODSCOPE_TEST_ANYWHERE("I2 a line that closes on itself further up is corrupt", "[registry]") {
    line<Place> l;
    l.add("a", 1, "b", {});
    l.add("b", 2, "c", {layer("/ws", "a", 1), layer("/ws", "c", 3)});
    l.add("c", 3, "b", {layer("/ws", "b", 2)});
    CHECK(why_not(l.came("d", "a", "/ws")) == errc::corrupt);
}

PODSCOPE_TEST_ANYWHERE("F28 a base deny of whoever is above hands nothing down", "[registry]") {
    line<Place> l;
    l.add("top", 1, "", {{rule("/ws"), std::nullopt}, layer("/ws/a", "low", 2)});
    l.add("low", 2, "top", {});
    CHECK(must(l.came("top", "low", "/ws/a")));
    CHECK_FALSE(must(l.came("top", "low", "/ws/b")));
}

PODSCOPE_TEST_ANYWHERE("I2 an answer about one pod outlives the failure of one about another",
                       "[registry]") {
    const Place place;
    auto store = place.open();
    must(store.write([](auto& txn) {
        podscope::registry live{txn};
        const auto add = [&](const char* pod, const char* parent, std::vector<deny_layer> layers) {
            must(live.insert({.pod = pod, .delegated_from = parent, .granted = epoch{1}}, layers));
        };
        add("top", "", {layer("/ws", "low", 1)});
        add("low", "top", {});
        add("a", "b", {layer("/ws", "b", 1)});
        add("b", "a", {layer("/ws", "a", 1)});
        return result<void>{};
    }));
    must(store.read([](auto& txn) -> result<void> {
        hand_down down{txn, region_of(rule("/ws"))};
        CHECK(must(down.is_from_to("top", "low")));
        CHECK(why_not(down.is_from_to("top", "a")) == errc::corrupt);
        CHECK(must(down.is_from_to("top", "low")));
        return {};
    }));
}

} // namespace podscope_test::descending
