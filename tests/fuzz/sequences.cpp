// SPDX-License-Identifier: BSL-1.0
// The input are the choices of a sequence of operations, deaths and other accidents, which the
// library and the reference model play at once: they answer alike, hold the same, and I1 to I11
// hold after each step.
#include "support/sequences.hpp"

#include "fuzz/target.hpp"
#include "support/choices.hpp"

#include <podscope/backend/memory.hpp>
#include <podscope/pod/schema.hpp>

#include <string>
#include <string_view>

void fuzz::examine(std::string_view input) {
    const podscope::basic_memory<podscope::pod_schema> store;
    podscope_test::sequence<podscope::basic_memory<podscope::pod_schema>> game{
        [&] { return store; }, podscope_test::choices{std::string{input}}};
    game.play(60);
}
