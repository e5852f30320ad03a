// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"
#include "support/results.hpp"

#include <podscope/scope/lexical_path.hpp>
#include <podscope/store/delegation_layers.hpp>

#include <vector>

namespace {

using namespace podscope_test;
using namespace podscope;

scope_rule rule(const char* target, permission access, bool recursive = true) {
    return {must(lexical_path{}.resolve(target)), access, recursive};
}

const delegation made{.child = "child",
                      .granted = epoch{7},
                      .rules = {rule("/a", permission::write), rule("/b", permission::read),
                                rule("/c", permission::write, false)}};

const deny_layer of_a{rule("/a", permission::write), delegation_ref{"child", epoch{7}}};
const deny_layer of_c{rule("/c", permission::write, false), delegation_ref{"child", epoch{7}}};

TEST_CASE("S11 a delegation lays a layer for each write rule and none for reading", "[store]") {
    CHECK(layers_of(made) == std::vector{of_a, of_c});
    CHECK(layers_of(delegation{.child = "child", .granted = epoch{7}}).empty());
}

TEST_CASE("I3 the layers of a pod are those of its manifest and of what it has delegated",
          "[store]") {
    const manifest_snapshot manifest{.allow = {rule("/", permission::write)},
                                     .deny = {rule("/x", permission::read)}};
    const deny_layer base{rule("/x", permission::read), std::nullopt};
    CHECK(layers_of(manifest, {made}) == std::vector{base, of_a, of_c});
    CHECK(layers_of(manifest, {}) == std::vector{base});
}

} // namespace
