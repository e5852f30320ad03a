// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>

namespace podscope {

/// How a journal is opened.
struct journal_options {
    /// How long a call waits for others, threads and processes together, before it is `timeout`.
    std::chrono::milliseconds lock_deadline{std::chrono::seconds{10}};

    /// Accepts a network file system. Say so only if its locks and its shared mappings are known to
    /// hold between all processes that open the folder: they never do between machines.
    bool trust_network_file_system{false};

    /// The journal is compacted by a commit that leaves it longer than this, in bytes, and longer
    /// than `compact_factor` times what it was after it was last compacted.
    std::uint64_t compact_above{std::uint64_t{1} << 20};
    std::uint64_t compact_factor{4};
};

} // namespace podscope
