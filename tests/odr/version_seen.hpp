// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/version.hpp>

const podscope::version* version_seen_by_b();
