// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>

#include <chrono>
#include <cstddef>

namespace podscope {

/// How a folder of session segments is opened.
struct file_session_options {
    /// What an acknowledged create or append survives. `none` is kept as `process` is.
    durability durable{durability::process};

    /// The longest line that is written or read, in bytes with its newline: what a reader has to
    /// hold.
    std::size_t max_line{16UL * 1024 * 1024};

    /// How long an append waits for another process that is appending to the same segment.
    std::chrono::milliseconds lock_wait{5000};

    /// Accepts a network file system. Say so only if flock(2) is known to hold between all
    /// processes that open the folder.
    bool trust_network_file_system{false};
};

} // namespace podscope
