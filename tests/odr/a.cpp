// SPDX-License-Identifier: BSL-1.0
// With b.cpp: a function or variable that a header defines without `inline`
// links in each file alone and fails in the two together.
#include "version_seen.hpp"

#include <podscope/podscope.hpp>

int main() {
    return version_seen_by_b() == &podscope::library_version ? 0 : 1;
}
