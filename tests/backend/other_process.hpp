// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/verify/conformance/other_process.hpp>

namespace backend_test {

using podscope::verify::conformance::other_process;

} // namespace backend_test
