// SPDX-License-Identifier: BSL-1.0
// What a stored state says, read by code that knows nothing of the library's.
#pragma once

#include "support/invariants.hpp"
#include "support/stored_state.hpp"

#include <podscope/error.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/scope/permission.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace regimes {

/// The places that scenarios are about.
[[nodiscard]] inline const podscope_test::reference_universe& explored_places() {
    static const podscope_test::reference_universe all{{"w", "c", "g", "x"}, 4};
    return all;
}

/// The fence under which a pod may write at a place, if it is live under that very grant and may.
[[nodiscard]] inline std::optional<podscope::epoch>
writes_under(const podscope_test::stored_state& now,
             const podscope::grant& shown,
             const std::string& place) {
    const auto row = now.of<podscope::tables::allocations>().find(shown.pod);
    if (row == now.of<podscope::tables::allocations>().end() ||
        row->second.granted != shown.granted) {
        return std::nullopt;
    }
    std::vector<podscope_test::reference_rule> denies;
    for (const auto& one : podscope_test::rows_of<podscope::tables::layers>(now, shown.pod)) {
        denies.push_back(podscope_test::plain(one.layer.rule));
    }
    const auto may = podscope_test::reference_permissions(
        explored_places(), podscope_test::plain(row->second.allow), denies);
    const auto& all = explored_places().places();
    for (std::size_t i = 0; i != all.size(); ++i) {
        if (podscope_test::text_of(all[i]) == place) {
            return may[i] == podscope::permission::write ? std::optional{row->second.fence()}
                                                         : std::nullopt;
        }
    }
    return std::nullopt;
}

/// Whether a grant ended without a word of a probe: it was taken back, or given back.
[[nodiscard]] inline bool was_given_up(const podscope_test::stored_state& now,
                                       const podscope::grant& shown) {
    for (const auto& [key, end] : now.of<podscope::tables::history>()) {
        if (end.child == shown.pod && end.granted == shown.granted &&
            (end.reason == podscope::end_reason::revoked ||
             end.reason == podscope::end_reason::released)) {
            return true;
        }
    }
    return false;
}

[[nodiscard]] inline std::string
not_live(const std::string& pod, const std::string& what, const podscope::error& why) {
    return "liveness: '" + pod + "' cannot be " + what + ": " + to_string(why);
}

/// What is there that may not be once all pods were released, each as a sentence.
[[nodiscard]] inline std::vector<std::string> left_over(const podscope_test::stored_state& end) {
    std::vector<std::string> all;
    const auto expect_empty = [&](const auto& rows, const char* what) {
        if (!rows.empty()) {
            all.push_back("liveness: " + std::to_string(rows.size()) + ' ' + what +
                          " left over: " + rows.begin()->first);
        }
    };
    expect_empty(end.of<podscope::tables::allocations>(), "allocations");
    expect_empty(end.of<podscope::tables::claims>(), "claims");
    expect_empty(end.of<podscope::tables::layers>(), "layers");
    expect_empty(end.of<podscope::tables::children>(), "edges");
    expect_empty(end.of<podscope::tables::segments>(), "segments");
    expect_empty(end.of<podscope::tables::delegations>(), "delegations");
    expect_empty(end.of<podscope::tables::outbox>(), "notifications");
    return all;
}

} // namespace regimes
