// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/result.hpp>
#include <podscope/session/concept.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podscope {

namespace session_detail {

/// A segment of a replay, and how many of its entries belong to it.
struct replay_part {
    std::string segment{};
    std::uint64_t entries{};
};

/// The segment and those that it was forked from, youngest first.
template <session_store Sessions>
[[nodiscard]] result<std::vector<replay_part>> replay_parts(Sessions& sessions,
                                                            std::string segment) {
    std::vector<replay_part> parts;
    std::set<std::string, std::less<>> met;
    auto wanted = std::numeric_limits<std::uint64_t>::max();
    while (!segment.empty()) {
        const auto broken = [&](const char* how) {
            return fail({.category = errc::corrupt, .message = how, .subject = segment});
        };
        if (!met.insert(segment).second) {
            return broken("the lineage of the session segment leads back to itself");
        }
        auto info = sessions.info(segment);
        if (!info) {
            return fail(info);
        }
        const auto& from = info->comes_from;
        if (!from.forked_from.empty() && !from.compacted_from.empty()) {
            return broken("the session segment says that it was both forked and compacted");
        }
        const bool is_leaf = parts.empty();
        if (!is_leaf && info->entries < wanted) {
            return broken("a segment was forked from the session segment behind its last entry");
        }
        parts.push_back({std::move(segment), is_leaf ? info->entries : wanted});
        segment = from.forked_from;
        wanted = from.at;
    }
    return parts;
}

} // namespace session_detail

/// Visits the whole history that a segment ends: of each segment that it was forked from, the
/// oldest first, the entries before the fork, and then its own. `visit(segment, index, entry)` gets
/// each entry with its place, and answers whether to go on.
///
/// The history of a compacted segment begins with that segment, which sums up what came before it.
/// Linear in the entries of all segments on the way. Errors: what `info` and `read` of the store
/// give, `unknown_segment` for an ancestor among them; `corrupt` (before any visit) for a lineage
/// that leads back to itself, that is both forked and compacted, or that needs entries that its
/// ancestor does not have. The error's subject is the segment.
template <session_store Sessions, class Visitor>
    requires std::
        is_invocable_r_v<scan, Visitor&, std::string_view, std::uint64_t, const session_entry&>
    [[nodiscard]] result<void>
    replay(Sessions& sessions, std::string_view segment, Visitor&& visit) {
    return guarded([&]() -> result<void> {
        auto parts = session_detail::replay_parts(sessions, std::string{segment});
        if (!parts) {
            return fail(parts);
        }
        bool stopped = false;
        for (auto part = parts->rbegin(); part != parts->rend() && !stopped; ++part) {
            if (part->entries == 0) {
                continue;
            }
            // Told to stop by the last one: what stands behind it is not asked for, and may be
            // damaged.
            const auto visit_part = [&](std::uint64_t index, const session_entry& entry) {
                const auto next = visit(std::string_view{part->segment}, index, entry);
                stopped = next == scan::stop;
                return index + 1 < part->entries ? next : scan::stop;
            };
            if (auto visited = sessions.read(part->segment, 0, visit_part); !visited) {
                return visited;
            }
        }
        return {};
    });
}

} // namespace podscope
