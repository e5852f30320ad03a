// SPDX-License-Identifier: BSL-1.0
// Who owns a place.
#pragma once

#include "registry/rules.hpp"
#include "support/anywhere.hpp"
#include "support/results.hpp"

#include <podscope/registry/owner.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/scope/lexical_path.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace podscope_test::owning {

using namespace podscope;

PODSCOPE_TEST_ANYWHERE("I1 a place has the one owner who may write there", "[registry]") {
    const Place place;
    auto store = place.open();
    std::uint64_t granted = 0;
    const auto add = [&](const char* pod, std::vector<scope_rule> allow,
                         std::vector<deny_layer> layers, const char* parent) {
        must(store.write([&](auto& txn) {
            return podscope::registry{txn}.insert({.pod = pod,
                                                   .allow = allow,
                                                   .delegated_from = parent,
                                                   .granted = epoch{++granted},
                                                   .adopted = true},
                                                  layers);
        }));
        return delegation_ref{pod, epoch{granted}};
    };
    const auto low = add("low", {rule("/ws/a/b")}, {}, "middle");
    const auto middle = add("middle", {rule("/ws/a"), rule("/ws/a", permission::read)},
                            {{rule("/ws/a/b"), low}}, "top");
    add("top", {rule("/ws")}, {{rule("/ws/a"), middle}, {rule("/ws/x"), std::nullopt}}, "");
    add("beside", {rule("/data", permission::write, false)}, {}, "");

    const auto who = [&](const char* target) {
        const auto at = must(lexical_path{}.resolve(target));
        const auto found = must(store.read([&](auto& txn) { return owner_of(txn, at); }));
        std::vector<std::string> chain;
        if (found) {
            chain = found->chain;
            CHECK(found->owner.pod == chain.front());
            CHECK(contains(region_of(found->rule), region{at, extent::point}));
        }
        return chain;
    };
    using chain = std::vector<std::string>;
    CHECK(who("/ws/a/b/c") == chain{"low", "middle", "top"});
    CHECK(who("/ws/a") == chain{"middle", "top"});
    CHECK(who("/ws/a/c") == chain{"middle", "top"});
    CHECK(who("/ws/f") == chain{"top"});
    CHECK(who("/ws/x/f").empty());
    CHECK(who("/data/f") == chain{"beside"});
    CHECK(who("/data/f/g").empty());
    CHECK(who("/").empty());

    // Claims that a pod has left behind say nothing.
    must(store.write([](auto& txn) { return txn.template erase<tables::allocations>("low"); }));
    CHECK(who("/ws/a/b/c").empty());
    // Nor do those of an older grant.
    must(store.write([](auto& txn) {
        return txn.template put<tables::allocations>(
            "low", {.pod = "low", .granted = epoch{9}, .adopted = true});
    }));
    CHECK(who("/ws/a/b/c").empty());
}

} // namespace podscope_test::owning
