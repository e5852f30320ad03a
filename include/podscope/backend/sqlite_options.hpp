// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>

namespace podscope {

/// How an SQLite database is opened.
struct sqlite_options {
    /// How long a call waits for others, threads and processes together, before it is `timeout`.
    std::chrono::milliseconds busy_deadline{std::chrono::seconds{10}};

    /// Accepts a network file system. Say so only if its locks and its shared mappings are known to
    /// hold between all processes that open the folder: they never do between machines.
    bool trust_network_file_system{false};
};

} // namespace podscope
