// SPDX-License-Identifier: BSL-1.0
// A runtime over a store that fails where a test has planned it.
#pragma once

#include "support/configurations.hpp"

#include <podscope/session/memory.hpp>
#include <podscope/verify/faulty_backend.hpp>

namespace podscope_test {

struct in_faulty_memory {
    static constexpr const char* name = "faulty memory";
    using store = podscope::verify::faulty_backend<in_memory::store>;
    using sessions = podscope::memory_sessions;

    [[nodiscard]] store open() const { return only; }

    [[nodiscard]] sessions open_sessions() const { return logs; }

    store only{in_memory::store{}};
    sessions logs{};
};

} // namespace podscope_test
