// SPDX-License-Identifier: BSL-1.0
// Who competes for what somebody asks for.
#pragma once

#include "registry/rules.hpp"
#include "support/anywhere.hpp"
#include "support/results.hpp"

#include <podscope/registry/conflict.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope_test::conflicting {

using namespace podscope;

/// Counts what a search asks a transaction for.
template <class Reader>
struct counting_reader {
    Reader* txn;
    std::size_t* seeks;
    std::size_t* visits;

    template <table T>
    auto get(std::string_view key) {
        ++*seeks;
        return txn->template get<T>(key);
    }

    template <table T, class Visitor>
    result<void> scan(std::string_view from, Visitor&& visit) {
        ++*seeks;
        return txn->template scan<T>(from, [&](std::string_view key, const auto& record) {
            ++*visits;
            return visit(key, record);
        });
    }
};

template <class Place>
class rivals {
public:
    void add(const std::string& pod,
             std::vector<scope_rule> allow,
             std::vector<deny_layer> layers = {},
             const std::string& parent = {}) {
        ++granted_;
        must(store_.write([&](auto& txn) {
            return podscope::registry{txn}.insert({.pod = pod,
                                                   .endpoint = "at " + pod,
                                                   .allow = allow,
                                                   .delegated_from = parent,
                                                   .granted = epoch{granted_},
                                                   .adopted = true},
                                                  layers);
        }));
    }

    /// The allocation goes, and nothing else: as after a fault of the store's.
    void lose(const char* pod) {
        must(store_.write([&](auto& txn) { return txn.template erase<tables::allocations>(pod); }));
    }

    /// The same pod under a new grant, of which nothing but its allocation is there.
    void replace(const char* pod) {
        ++granted_;
        must(store_.write([&](auto& txn) {
            return txn.template put<tables::allocations>(
                pod, {.pod = pod, .granted = epoch{granted_}, .adopted = true});
        }));
    }

    void remove(const char* pod) {
        must(store_.write([&](auto& txn) { return podscope::registry{txn}.erase(pod); }));
    }

    [[nodiscard]] epoch last_grant() const { return epoch{granted_}; }

    error refusal_of(const std::string& pod) {
        return conflict_error(lexical_path{}, pod, must(store_.read([&](auto& txn) {
                                  return conflict_search{txn}.of(pod);
                              })));
    }

    std::vector<std::string> of(const std::string& pod) {
        std::vector<std::string> named;
        for (const auto& one :
             must(store_.read([&](auto& txn) { return conflict_search{txn}.of(pod); }))) {
            named.push_back(one.holder.pod + ": " + display(lexical_path{}, one.rule));
        }
        const auto any =
            must(store_.read([&](auto& txn) { return conflict_search{txn}.any_of(pod); }));
        CHECK(any.has_value() == !named.empty());
        return named;
    }

    /// Seeks and visited rows of a search.
    std::pair<std::size_t, std::size_t> cost_of(const std::string& pod) {
        return cost([&](auto& search) { return search.of(pod); });
    }

    std::pair<std::size_t, std::size_t> cost_of_any(const std::string& pod) {
        return cost([&](auto& search) { return search.any_of(pod); });
    }

private:
    template <class F>
    std::pair<std::size_t, std::size_t> cost(F&& ask) {
        std::size_t seeks = 0;
        std::size_t visits = 0;
        must(store_.read([&](auto& txn) {
            counting_reader<std::remove_reference_t<decltype(txn)>> counted{&txn, &seeks, &visits};
            conflict_search search{counted};
            return ask(search);
        }));
        return {seeks, visits};
    }

    Place place_{};
    typename Place::store store_{place_.open()};
    std::uint64_t granted_{0};
};

using competitors = std::vector<std::string>;

PODSCOPE_TEST_ANYWHERE("I1 claims compete where their regions meet", "[registry]") {
    rivals<Place> r;
    r.add("deep", {rule("/ws/a/b/c")});
    r.add("shallow", {rule("/ws/a", permission::write, false)});
    r.add("beside", {rule("/ws/ab")});
    r.add("reader", {rule("/", permission::read)});
    const auto against = [&](std::vector<scope_rule> allow) {
        r.add("asker", std::move(allow));
        auto named = r.of("asker");
        r.remove("asker");
        return named;
    };
    CHECK(against({rule("/ws/a/b/c/d")}) == competitors{"deep: write /ws/a/b/c"});
    CHECK(against({rule("/ws/a/b", permission::write, false)}) ==
          competitors{"deep: write /ws/a/b/c", "shallow: write /ws/a (here only)"});
    CHECK(against({rule("/ws/a/x/y")}).empty());
    CHECK(against({rule("/ws/a/x")}) == competitors{"shallow: write /ws/a (here only)"});
    CHECK(against({rule("/ws/a/b/x")}).empty());
    CHECK(against({rule("/ws", permission::write, false)}) ==
          competitors{"beside: write /ws/ab", "shallow: write /ws/a (here only)"});
    CHECK(against({rule("/", permission::write, false)}).empty());
    CHECK(against({rule("/", permission::read)}).empty());
    CHECK(against({rule("/")}) == competitors{"deep: write /ws/a/b/c", "beside: write /ws/ab",
                                              "shallow: write /ws/a (here only)"});
}

PODSCOPE_TEST_ANYWHERE("I1 everybody is named where a rule that is not recursive reaches",
                       "[registry]") {
    rivals<Place> r;
    for (const auto* place : {"/ws", "/ws/a"}) {
        r.add(std::string{"one at "} + place, {rule(place)});
        r.add(std::string{"two at "} + place, {rule(place)});
    }
    r.add("below", {rule("/ws/a/b")});
    r.add("asker", {rule("/ws", permission::write, false)});
    CHECK(r.of("asker") == competitors{"one at /ws/a: write /ws/a", "two at /ws/a: write /ws/a",
                                       "one at /ws: write /ws", "two at /ws: write /ws"});
}

PODSCOPE_TEST_ANYWHERE("F28 what a base deny of either takes is nobody's to compete for",
                       "[registry]") {
    rivals<Place> r;
    r.add("pod", {rule("/ws")}, {{rule("/ws/a"), std::nullopt}});
    r.add("within", {rule("/ws/a/b")});
    CHECK(r.of("within").empty());
    r.add("at the edge", {rule("/ws/a", permission::write, false)});
    CHECK(r.of("at the edge") == competitors{"within: write /ws/a/b"});
    r.add("wider", {rule("/ws")}, {{rule("/ws/b"), std::nullopt}});
    CHECK(r.of("wider") == competitors{"within: write /ws/a/b",
                                       "at the edge: write /ws/a (here only)", "pod: write /ws"});
}

PODSCOPE_TEST_ANYWHERE("F28 a base deny counts under whatever was delegated", "[registry]") {
    rivals<Place> r;
    r.add("child", {rule("/ws/a/b")}, {}, "pod");
    const deny_layer for_child{rule("/ws/a/b"), delegation_ref{"child", r.last_grant()}};
    r.add("pod", {rule("/ws")}, {for_child, {rule("/ws/a"), std::nullopt}});
    r.remove("child");
    r.add("within", {rule("/ws/a/b")});
    CHECK(r.of("within").empty());
    CHECK(r.of("pod").empty());
}

PODSCOPE_TEST_ANYWHERE("I4 claims that a pod has left behind compete with nobody", "[registry]") {
    rivals<Place> r;
    r.add("left", {rule("/ws/a")});
    r.add("came back", {rule("/ws/a")});
    r.add("asker", {rule("/ws")});
    CHECK(r.of("asker").size() == 2);
    r.lose("left");
    r.replace("came back");
    CHECK(r.of("asker").empty());
}

PODSCOPE_TEST_ANYWHERE("I4 who is not live has no competitors", "[registry]") {
    rivals<Place> r;
    r.add("rival", {rule("/ws")});
    r.add("gone", {rule("/ws")});
    CHECK(r.of("gone").size() == 1);
    r.lose("gone");
    CHECK(r.of("gone").empty());
}

PODSCOPE_TEST_ANYWHERE("I1 a competitor is named once for each rule, the deepest and widest first",
                       "[registry]") {
    rivals<Place> r;
    r.add("rival", {rule("/ws/a", permission::write, false), rule("/ws/a"), rule("/ws")});
    std::vector<scope_rule> many;
    for (int i = 0; i != 40; ++i) {
        many.push_back(rule("/ws/a/" + std::to_string(i)));
    }
    r.add("asker", many);
    CHECK(r.of("asker") ==
          competitors{"rival: write /ws/a", "rival: write /ws/a (here only)", "rival: write /ws"});
}

PODSCOPE_TEST_ANYWHERE("I1 a refusal says who writes what and where he answers", "[registry]") {
    rivals<Place> r;
    r.add("top", {});
    r.add("one", {rule("/ws/a")}, {}, "top");
    r.add("two", {rule("/ws")});
    r.add("asker", {rule("/ws/a/b")});
    const auto refused = r.refusal_of("asker");
    CHECK(refused.category == errc::conflict);
    CHECK(refused.subject == "asker");
    CHECK(refused.message ==
          "'asker' cannot have what is written by 'one' (write /ws/a at at one), "
          "'two' (write /ws at at two)");
    REQUIRE(refused.competitors.size() == 2);
    const auto& first = refused.competitors.front();
    CHECK(first.pod == "one");
    CHECK(first.rule == "write /ws/a");
    CHECK(first.endpoint == "at one");
    CHECK(first.delegated_from == "top");
    CHECK(first.granted == epoch{2});
}

PODSCOPE_TEST_ANYWHERE("S12 who has handed a place on is named only where nobody else is",
                       "[registry]") {
    rivals<Place> r;
    r.add("low", {rule("/ws/a")}, {}, "child");
    const deny_layer for_low{rule("/ws/a"), delegation_ref{"low", r.last_grant()}};
    r.add("child", {rule("/ws/a")}, {for_low}, "top");
    const deny_layer for_child{rule("/ws/a"), delegation_ref{"child", r.last_grant()}};
    r.add("top", {rule("/ws")}, {for_child});
    for (const auto* pod : {"low", "child", "top"}) {
        CHECK(r.of(pod).empty());
    }
    r.add("stranger", {rule("/ws/a/x")});
    CHECK(r.of("stranger") == competitors{"low: write /ws/a"});
    for (const auto* pod : {"low", "child", "top"}) {
        CHECK(r.of(pod) == competitors{"stranger: write /ws/a/x"});
    }
    r.remove("low");
    CHECK(r.of("stranger") == competitors{"child: write /ws/a"});
    r.remove("child");
    CHECK(r.of("stranger") == competitors{"top: write /ws"});
}

PODSCOPE_TEST_ANYWHERE("S12 a place is handed on while any of those lives who have it",
                       "[registry]") {
    for (const auto* gone : {"a", "z"}) { // before and behind the one who lives
        CAPTURE(gone);
        rivals<Place> r;
        r.add("child", {rule("/ws/a")}, {}, "top");
        const deny_layer for_child{rule("/ws/a"), delegation_ref{"child", r.last_grant()}};
        const deny_layer for_gone{rule("/ws/a"), delegation_ref{gone, epoch{99}}};
        r.add("top", {rule("/ws")}, {for_child, for_gone});
        r.add("stranger", {rule("/ws/a/x")});
        CHECK(r.of("stranger") == competitors{"child: write /ws/a"});
    }
}

PODSCOPE_TEST_ANYWHERE("I1 a place that came down by some hands and not by all is competed for",
                       "[registry]") {
    for (const bool by_all : {true, false}) {
        CAPTURE(by_all);
        rivals<Place> r;
        r.add("low", {rule("/ws/a")}, {}, "middle");
        std::vector<deny_layer> layers;
        if (by_all) {
            layers.push_back({rule("/ws/a"), delegation_ref{"low", r.last_grant()}});
        }
        // It has no claim of its own there, and so would not be in anybody's way.
        r.add("middle", {rule("/ws/b")}, layers, "top");
        r.add("top", {rule("/ws")}, {{rule("/ws"), delegation_ref{"middle", r.last_grant()}}});
        CHECK(r.of("low") == (by_all ? competitors{} : competitors{"top: write /ws"}));
        CHECK(r.of("top") == (by_all ? competitors{} : competitors{"low: write /ws/a"}));
    }
}

PODSCOPE_TEST_ANYWHERE("I1 that one place was handed down says nothing of another", "[registry]") {
    for (const bool first_was : {true, false}) {
        CAPTURE(first_was);
        rivals<Place> r;
        r.add("low", {rule("/ws/a"), rule("/ws/b")}, {}, "top");
        const delegation_ref low{"low", r.last_grant()};
        const delegation_ref gone{"gone", epoch{99}};
        r.add("top", {rule("/ws")},
              {{rule("/ws/a"), first_was ? low : gone}, {rule("/ws/b"), first_was ? gone : low}});
        CHECK(r.of("low") == competitors{"top: write /ws"});
        CHECK(r.of("top") == competitors{first_was ? "low: write /ws/b" : "low: write /ws/a"});
    }
}

} // namespace podscope_test::conflicting
