// SPDX-License-Identifier: BSL-1.0
// What a target of the fuzzer is made of: `examine`, and how it says that a promise was broken.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fuzz {

/// What a target does with an input: one definition for each target. Whatever it throws is a
/// finding too.
void examine(std::string_view input);

[[noreturn]] inline void finding(std::string_view promise) {
    std::fprintf(stderr, "finding: %.*s\n", static_cast<int>(promise.size()), promise.data());
    std::abort();
}

/// Ends the process with the broken promise unless it holds.
inline void expect(bool holds, std::string_view promise) {
    if (!holds) {
        finding(promise);
    }
}

} // namespace fuzz
