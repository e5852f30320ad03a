// SPDX-License-Identifier: BSL-1.0
// A runtime over a store whose rows hang on leases, and one where that fails as a test has planned.
#pragma once

#include "support/leased_memory.hpp"

#include <podscope/pod/schema.hpp>
#include <podscope/session/memory.hpp>
#include <podscope/verify/fault_plan.hpp>
#include <podscope/verify/faulty_backend.hpp>

#include <memory>
#include <string>

namespace podscope_test {

struct in_leased_memory {
    static constexpr const char* name = "leased memory";
    using store = leased_memory;
    using sessions = podscope::memory_sessions;

    // Each process has a lease of its own.
    [[nodiscard]] store open() const { return only.with_lease(std::to_string(++*opened)); }

    [[nodiscard]] sessions open_sessions() const { return logs; }

    void end_lease_of(const std::string& pod) {
        only.end(std::string{only.leases().at({podscope::tables::allocations::name, pod})});
    }

    store only{"nobody's"};
    sessions logs{};
    std::shared_ptr<int> opened{std::make_shared<int>(0)};
};

struct in_faulty_leased_memory : in_leased_memory {
    static constexpr const char* name = "faulty leased memory";
    using store = podscope::verify::faulty_backend<leased_memory>;

    [[nodiscard]] store open() const { return store{in_leased_memory::open(), plan}; }

    podscope::verify::fault_plan plan{};
};

} // namespace podscope_test
