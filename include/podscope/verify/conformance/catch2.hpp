// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/verify/conformance/report.hpp>

/// Checks in a test case of Catch2, version 2 or 3, that a plug-in keeps its promises: a check for
/// each of them, which shows the steps that break it. The test includes Catch2 itself.
///
///     TEST_CASE("my store is a store") {
///         PODSCOPE_CHECK_PROMISES(podscope::verify::check_store([] { return place{}; }));
///     }
#define PODSCOPE_CHECK_PROMISES(...)                                                           \
    do {                                                                                       \
        const auto podscope_report = (__VA_ARGS__);                                            \
        for (const auto& podscope_promise : podscope_report.promises) {                        \
            const bool is_kept = podscope_promise.found != podscope::verify::standing::broken; \
            INFO(podscope_report.kit << ": " << podscope_promise.name << '\n'                  \
                                     << podscope_promise.shown);                               \
            CHECK(is_kept);                                                                    \
        }                                                                                      \
    } while (false)
