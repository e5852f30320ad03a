// SPDX-License-Identifier: BSL-1.0
#include "version_seen.hpp"

#include <podscope/podscope.hpp>

const podscope::version* version_seen_by_b() {
    return &podscope::library_version;
}
