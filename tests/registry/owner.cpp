// SPDX-License-Identifier: BSL-1.0
#include "support/configurations.hpp"

#include <tuple>

namespace {

using places = std::tuple<podscope_test::in_memory>;

} // namespace

#include "anywhere/owner.hpp"
