// SPDX-License-Identifier: BSL-1.0
// How long tests wait for what has to come. In one place, since all files of a folder are linked
// together: of two constants of one name each would be the other somewhere.
#pragma once

#include <chrono>

namespace podscope_test {

/// Long enough for the slowest machine; what hangs fails the test instead of the suite.
inline constexpr std::chrono::milliseconds patience{20'000};

} // namespace podscope_test
