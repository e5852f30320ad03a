// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>

namespace podscope {

/// How an LMDB database is opened. All processes that open one folder do best to say the same.
struct lmdb_options {
    /// How long a call waits for others, threads and processes together, before it is `timeout`.
    std::chrono::milliseconds lock_deadline{std::chrono::seconds{10}};

    /// What the file may grow to, in bytes. That much address space is taken at once, and of the
    /// disk what is used. A commit that does not fit is `io`.
    std::size_t map_size{std::size_t{1} << 30U};

    /// How many transactions may read at once, in all processes together. The process that opens
    /// the database while nobody else has it open says it for all.
    unsigned most_readers{510};

    /// Accepts a network file system. Say so only if its locks and its shared mappings are known to
    /// hold between all processes that open the folder: they never do between machines.
    bool trust_network_file_system{false};
};

} // namespace podscope
