// SPDX-License-Identifier: BSL-1.0
// What is stored, told as the reference model tells it.
#pragma once

#include "support/invariants.hpp"
#include "support/reference_model.hpp"
#include "support/stored_state.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace podscope_test {

/// What a state says, in the model's terms.
[[nodiscard]] inline model_state in_model_terms(const stored_state& state) {
    namespace tables = podscope::tables;
    const auto number = [](podscope::epoch e) { return static_cast<std::uint64_t>(e); };
    const auto owner_of_key = [](const std::string& key) { return key.substr(0, key.find('\0')); };
    model_state seen;
    for (const auto& [pod, record] : state.of<tables::pods>()) {
        seen.records[pod] = {.manifest = {.allow = plain(record.manifest.allow),
                                          .deny = plain(record.manifest.deny),
                                          .authority = plain(record.manifest.authority),
                                          .unreachable = record.manifest.unreachable},
                             .parent = record.delegated_from,
                             .granted = number(record.granted),
                             .segment = record.active_segment};
    }
    for (const auto& [pod, row] : state.of<tables::allocations>()) {
        seen.live[pod] = {.process = row.owner.pid,
                          .granted = number(row.granted),
                          .adopted = row.adopted,
                          .parent = row.delegated_from,
                          .segment = row.segment,
                          .allow = plain(row.allow),
                          .returned = number(row.returned.value_or(podscope::epoch::none))};
    }
    for (const auto& [key, made] : state.of<tables::delegations>()) {
        seen.delegations.push_back({.from = owner_of_key(key),
                                    .to = made.child,
                                    .granted = number(made.granted),
                                    .rules = plain(made.rules),
                                    .unreachable = made.unreachable});
    }
    for (const auto& [key, end] : state.of<tables::history>()) {
        seen.history.insert(
            {owner_of_key(key), end.delegator, end.child, number(end.granted), end.reason});
    }
    for (const auto& [key, told] : state.of<tables::outbox>()) {
        seen.outbox.insert({told.pod, told.what, told.child, number(told.granted)});
    }
    seen.sort();
    return seen;
}

/// Where two states differ, a line for each part of them.
[[nodiscard]] inline std::string difference(const model_state& wanted, const model_state& seen) {
    std::string text;
    const auto compare = [&](std::string_view what, const auto& a, const auto& b,
                             const auto& name_of) {
        for (const auto& one : a) {
            if (std::find(b.begin(), b.end(), one) == b.end()) {
                text += "  missing or different: " + std::string{what} + ' ' + name_of(one) + '\n';
            }
        }
        for (const auto& one : b) {
            if (std::find(a.begin(), a.end(), one) == a.end()) {
                text += "  not expected: " + std::string{what} + ' ' + name_of(one) + '\n';
            }
        }
    };
    const auto by_key = [](const auto& one) { return one.first; };
    compare("record", wanted.records, seen.records, by_key);
    compare("row", wanted.live, seen.live, by_key);
    compare("delegation", wanted.delegations, seen.delegations, [](const auto& one) {
        return one.from + " to " + one.to + '/' + std::to_string(one.granted);
    });
    compare("end", wanted.history, seen.history, [](const auto& one) {
        return one.heir + " gets back from " + one.to + '/' + std::to_string(one.granted) + ' ' +
               std::string{to_string(one.reason)};
    });
    compare("notification", wanted.outbox, seen.outbox, [](const auto& one) {
        return std::string{to_string(one.what)} + " of " + one.child + " for " + one.to;
    });
    return text;
}

} // namespace podscope_test
