// SPDX-License-Identifier: BSL-1.0
// The invariants with registry and pod store in different backends.
#include "laws.hpp"
#include "support/catch.hpp"
#include "support/crew.hpp"
#include "support/split_configuration.hpp"

namespace {

using namespace podscope_test;

using apart = configurations::some_apart;

TEMPLATE_LIST_TEST_CASE("I1 nobody but one may write a place", "[pod][invariants]", apart) {
    play<TestType>(laws::exclusion);
}

TEMPLATE_LIST_TEST_CASE("I2 a child gets what lies within its parent's authority",
                        "[pod][invariants]",
                        apart) {
    play<TestType>(laws::containment);
}

TEMPLATE_LIST_TEST_CASE("I3 layers are the same in registry and memory and record",
                        "[pod][invariants]",
                        apart) {
    play<TestType>(laws::agreement);
}

TEMPLATE_LIST_TEST_CASE("I4 no layer stands without a delegation", "[pod][invariants]", apart) {
    play<TestType>(laws::no_leak);
}

TEMPLATE_LIST_TEST_CASE("I5 each end is in the history once and is told",
                        "[pod][invariants]",
                        apart) {
    play<TestType>(laws::nothing_lost);
}

TEMPLATE_LIST_TEST_CASE("I6 no log entry changes a scope", "[pod][invariants]", apart) {
    play<TestType>(laws::log_is_no_authority);
}

TEMPLATE_LIST_TEST_CASE("I7 F56 who lost a pod can do nothing with it",
                        "[pod][invariants]",
                        apart) {
    play<TestType>(laws::fencing);
}

TEMPLATE_LIST_TEST_CASE("I8 a second time changes nothing", "[pod][invariants]", apart) {
    play<TestType>(laws::idempotence);
}

TEMPLATE_LIST_TEST_CASE("I9 an end takes its own layers and no other", "[pod][invariants]", apart) {
    play<TestType>(laws::exactness);
}

TEMPLATE_LIST_TEST_CASE("I10 a restored pod is reconciled before it is had",
                        "[pod][invariants]",
                        apart) {
    play<TestType>(laws::no_half_pod);
}

TEMPLATE_LIST_TEST_CASE("I11 one live pod writes a segment", "[pod][invariants]", apart) {
    play<TestType>(laws::one_writer_per_segment);
}

} // namespace
