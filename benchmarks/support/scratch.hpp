// SPDX-License-Identifier: BSL-1.0
// Where a benchmark may make files.
#pragma once

#include "support/temporary_folder.hpp"

#include <string>

namespace podscope_bench {

/// A folder that goes with the program.
inline const std::string& scratch() {
    static const podscope_test::temporary_folder only;
    return only.path();
}

/// A path there, or in another folder, that was not given before.
inline std::string fresh(const std::string& name, const std::string& folder = scratch()) {
    static int made = 0;
    return folder + "/" + name + std::to_string(++made);
}

} // namespace podscope_bench
