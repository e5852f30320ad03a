// SPDX-License-Identifier: BSL-1.0
// Rules and layers as the tests of the registry write them.
#pragma once

#include "support/results.hpp"

#include <podscope/error.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/rule.hpp>

#include <cstdint>
#include <string_view>

namespace podscope_test {

[[nodiscard]] inline podscope::scope_rule
rule(std::string_view target,
     podscope::permission access = podscope::permission::write,
     bool recursive = true) {
    return {must(podscope::lexical_path{}.resolve(target)), access, recursive};
}

[[nodiscard]] inline podscope::deny_layer
layer(std::string_view target, const char* child, std::uint64_t granted) {
    return {rule(target), podscope::delegation_ref{child, podscope::epoch{granted}}};
}

} // namespace podscope_test
