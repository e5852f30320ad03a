// SPDX-License-Identifier: BSL-1.0
// The one place that includes Catch2, so that a test does not care which major
// version it is built with.
//
// A test case's name may hold any character except a line break; ctest shows it
// as it is. Its tags become ctest labels, beside the folder's own: `ctest -L
// concurrent` runs what is tagged [concurrent]. [slow] raises the time limit.
#pragma once

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_message.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
#define PODSCOPE_CATCH_MAJOR 3
#else
#include <catch2/catch.hpp>
#define PODSCOPE_CATCH_MAJOR 2
#endif

#include <set>
#include <string>

namespace podscope_test {

/// Why test cases were skipped.
inline std::set<std::string> reasons_to_skip;

} // namespace podscope_test

/// Leaves a test case that this machine cannot run. ctest then lists it as
/// skipped, not as passed, and as failed if a check had failed before; `./dev
/// test` says why. Our own, since version 2 has no SKIP.
#define PODSCOPE_SKIP(reason)                          \
    do {                                               \
        WARN("skipped: " << (reason));                 \
        podscope_test::reasons_to_skip.insert(reason); \
        return;                                        \
    } while (false)
