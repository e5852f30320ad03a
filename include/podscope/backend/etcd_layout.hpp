// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

namespace podscope::backend_detail {

/// Where things are below the prefix of a store.
///
/// Whether anything has changed is told by `clock` and the leases below it: rows go without a
/// commit when the lease ends that they hang on, and its own row goes with them.
struct etcd_layout {
    explicit etcd_layout(const std::string& prefix)
        : rows{prefix + "rows/"},
          rows_end{prefix + "rows0"},
          clock{prefix + "clock"},
          leases{prefix + "clock/"},
          leases_end{prefix + "clock0"},
          commits{prefix + "commits/"} {}

    /// The row of a lease, which hangs on it.
    [[nodiscard]] std::string lease(std::uint64_t id) const { return leases + std::to_string(id); }

    std::string rows;       ///< what the keys of rows begin with
    std::string rows_end;   ///< the first key above those
    std::string clock;      ///< a row that every commit puts
    std::string leases;     ///< what the keys begin with of the rows of leases
    std::string leases_end; ///< the first key above those
    std::string commits;    ///< what the keys begin with under which commits leave their number
};

} // namespace podscope::backend_detail
