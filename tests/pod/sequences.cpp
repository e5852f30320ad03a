// SPDX-License-Identifier: BSL-1.0
// PODSCOPE_SEED=n begins with the sequence of that seed, PODSCOPE_SEQUENCES=n plays so many.
#include "support/sequences.hpp"

#include "support/catch.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/pod/schema.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace podscope;
using namespace podscope_test;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::stoull(text);
}

TEST_CASE("I1 to I11 hold after every step of random sequences in memory", "[pod][random]") {
    const auto first = number_from("PODSCOPE_SEED", 1);
    const auto count = number_from("PODSCOPE_SEQUENCES", 2'000);
    for (auto seed = first; seed != first + count; ++seed) {
        const basic_memory<pod_schema> store;
        sequence<basic_memory<pod_schema>>{[&] { return store; }, seed}.play(40);
    }
}

} // namespace
