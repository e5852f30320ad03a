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

    /// How much of a compaction a commit does at most, in bytes: what it may cost one more than
    /// others. It is done by as many commits as it takes. If it falls behind, because those who
    /// begin one do not live to complete it, the pieces grow with the file.
    std::uint64_t compact_piece{std::uint64_t{1} << 18};

    /// By how much a commit of power durability lengthens the file beyond its own need when it is
    /// full, in bytes, so that those after it find room; 0 for none.
    std::uint64_t room{std::uint64_t{1} << 17};

    /// How long commits rely on what a look at the folder's files has shown: that somebody else has
    /// removed one or cut it off is an error of the first commit after that time. Zero to look
    /// before each, at the cost of two more calls.
    std::chrono::milliseconds examine_every{10};
};

} // namespace podscope
