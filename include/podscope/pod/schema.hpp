// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/store/records.hpp>

namespace podscope {

/// All tables of a runtime, for backends that hold their records as they are.
using pod_schema = schema<tables::allocations,
                          tables::claims,
                          tables::layers,
                          tables::children,
                          tables::segments,
                          tables::pods,
                          tables::delegations,
                          tables::history,
                          tables::outbox,
                          tables::counters>;

} // namespace podscope
