// SPDX-License-Identifier: BSL-1.0
// As support/precompiled.hpp, with the library itself, of which these tests read all.
#pragma once

#include "support/precompiled.hpp"

#include <podscope/podscope.hpp>
