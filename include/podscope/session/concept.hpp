// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace podscope {

/// Where a session segment comes from. Both names are empty for a segment that starts afresh.
struct lineage {
    std::string forked_from{};    ///< the segment whose entries before `at` come before this one's
    std::string compacted_from{}; ///< the segment whose entries before `at` this one sums up
    std::uint64_t at{};           ///< an index of an entry of that segment

    friend bool operator==(const lineage&, const lineage&) = default;
};

/// One entry of a session log. The library gives no entry any authority: whatever its kind says, it
/// is history.
struct session_entry {
    std::string kind{}; ///< what sort of entry, chosen by the writer
    std::string body{}; ///< its content: any bytes in valid UTF-8

    friend bool operator==(const session_entry&, const session_entry&) = default;
};

struct segment_info {
    lineage comes_from{};
    std::uint64_t entries{}; ///< how many whole entries it holds
    bool torn_tail{};        ///< whether an unfinished last entry was passed over
};

/// A function of the only shape that `read` may rely on.
struct any_entry_visitor {
    scan operator()(std::uint64_t index, const session_entry& entry) const;
};

/// Append-only history in segments, each with its lineage.
///
/// `create` makes a segment without entries under a fresh id. `append` adds one entry and gives its
/// index, counted from 0. `read` visits entries in order from an index on until told to stop;
/// `info` describes a segment; `list` gives the ids of all segments, in no order. A segment that is
/// not there is `unknown_segment`. What `create` and `append` have acknowledged is to last as long
/// as the commits of a backend whose records name it: a pod is not restored without its segment
/// unless its user says so. One process writes a segment at a time (the registry sees to
/// that); others may read it meanwhile.
template <class S>
concept session_store = requires(S& sessions,
                                 const lineage& from,
                                 std::string_view id,
                                 const session_entry& entry,
                                 std::uint64_t index,
                                 any_entry_visitor visit) {
    { sessions.create(from) } -> std::same_as<result<std::string>>;
    { sessions.append(id, entry) } -> std::same_as<result<std::uint64_t>>;
    { sessions.read(id, index, visit) } -> std::same_as<result<void>>;
    { sessions.info(id) } -> std::same_as<result<segment_info>>;
    { sessions.list() } -> std::same_as<result<std::vector<std::string>>>;
};

} // namespace podscope
