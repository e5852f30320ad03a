// SPDX-License-Identifier: BSL-1.0
// Judges a stored state, and the pods that live in memory, by the invariants I1 to I5 and I11, over
// an explicit universe of places. What it reads, it reads from the backend; see stored_state.hpp.
#pragma once

#include "support/reference_scope.hpp"
#include "support/stored_state.hpp"

#include <podscope/registry/keys.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/scope.hpp>
#include <podscope/store/records.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace podscope_test {

[[nodiscard]] inline reference_place place_of(const podscope::resource& target) {
    reference_place place;
    target.for_each_component([&](std::string_view name) { place.emplace_back(name); });
    return place;
}

[[nodiscard]] inline podscope::resource resource_of(const reference_place& place) {
    podscope::resource target;
    for (const auto& name : place) {
        target.push(name);
    }
    return target;
}

[[nodiscard]] inline std::string text_of(const reference_place& place) {
    std::string text;
    for (const auto& name : place) {
        text += '/' + name;
    }
    return text.empty() ? "/" : text;
}

[[nodiscard]] inline reference_rule plain(const podscope::scope_rule& rule) {
    return {place_of(rule.target), rule.access, rule.recursive};
}

[[nodiscard]] inline std::vector<reference_rule>
plain(const std::vector<podscope::scope_rule>& rules) {
    std::vector<reference_rule> all;
    for (const auto& rule : rules) {
        all.push_back(plain(rule));
    }
    return all;
}

[[nodiscard]] inline std::string text_of(const reference_rule& rule) {
    return std::string{to_string(rule.access)} + ' ' + text_of(rule.target) +
           (rule.recursive ? "" : " (here only)");
}

/// A deny layer in a form that can be compared and sorted: its rule, and whose delegation it is.
struct plain_layer {
    std::string rule{};
    std::string child{}; ///< empty for a base deny
    std::uint64_t granted{};

    friend auto operator<=>(const plain_layer&, const plain_layer&) = default;
};

using layer_set = std::set<plain_layer>;

[[nodiscard]] inline plain_layer plain(const podscope::deny_layer& layer) {
    plain_layer one{.rule = text_of(plain(layer.rule))};
    if (layer.delegation) {
        one.child = layer.delegation->child;
        one.granted = static_cast<std::uint64_t>(layer.delegation->granted);
    }
    return one;
}

[[nodiscard]] inline layer_set plain(const std::vector<podscope::deny_layer>& layers) {
    layer_set all;
    for (const auto& one : layers) {
        all.insert(plain(one));
    }
    return all;
}

/// The layers of a pod as the registry's rows have them.
[[nodiscard]] inline layer_set standing_layers(const stored_state& state, std::string_view pod) {
    layer_set all;
    for (const auto& row : rows_of<podscope::tables::layers>(state, pod)) {
        all.insert(plain(row.layer));
    }
    return all;
}

/// The layers of a pod as they follow from its stored record: a base deny for each deny rule of its
/// manifest, and one of writing for each write rule that it has delegated.
[[nodiscard]] inline layer_set recorded_layers(const stored_state& state, const std::string& pod) {
    layer_set all;
    const auto& records = state.of<podscope::tables::pods>();
    if (const auto record = records.find(pod); record != records.end()) {
        for (const auto& rule : record->second.manifest.deny) {
            all.insert({.rule = text_of(plain(rule))});
        }
    }
    for (const auto& made : rows_of<podscope::tables::delegations>(state, pod)) {
        for (const auto& rule : made.rules) {
            if (rule.access == podscope::permission::write) {
                all.insert({.rule = text_of(plain(rule)),
                            .child = made.child,
                            .granted = static_cast<std::uint64_t>(made.granted)});
            }
        }
    }
    return all;
}

/// A pod that a process of the test holds, and its scope in memory after a look of its own.
struct pod_in_memory {
    std::string name{};
    podscope::epoch granted{};
    podscope::scope scope{};
};

/// Collects what is broken, each as a sentence; none is what tests hope for.
class inspection {
public:
    inspection(const stored_state& state, const reference_universe& places)
        : state_{&state},
          places_{&places} {}

    /// I1: no place is in the effective write of two live pods.
    inspection& exclusion() {
        std::vector<std::string> writer(places_->places().size());
        for (const auto& [pod, row] : live()) {
            const auto may = permissions_by_rows(pod, row);
            for (std::size_t i = 0; i != may.size(); ++i) {
                if (may[i] != podscope::permission::write) {
                    continue;
                }
                if (!writer[i].empty()) {
                    breaks("I1", writer[i] + " and " + pod + " may both write " + place(i));
                    break;
                }
                writer[i] = pod;
            }
        }
        return *this;
    }

    /// I2, as far as a state shows it: a live pod that was delegated to has nothing that the
    /// delegation does not give, and hangs where the delegation says.
    inspection& containment() {
        for (const auto& [pod, row] : live()) {
            if (row.delegated_from.empty()) {
                continue;
            }
            const auto made = delegation_of(row.delegated_from, pod);
            if (!made || made->granted != row.granted) {
                breaks("I2", pod + " has no delegation of " + row.delegated_from + " to live on");
                continue;
            }
            const auto has = reference_permissions(*places_, plain(row.allow), {});
            const auto given = reference_permissions(*places_, plain(made->rules), {});
            for (std::size_t i = 0; i != has.size(); ++i) {
                if (has[i] > given[i]) {
                    breaks("I2", pod + " has more than it was given at " + place(i));
                    break;
                }
            }
        }
        return *this;
    }

    /// I3: the layers in the registry, in memory and by the stored record are the same, and so are
    /// the permissions.
    inspection& agreement(const std::vector<pod_in_memory>& pods) {
        for (const auto& [pod, row] : live()) {
            if (standing_layers(*state_, pod) != recorded_layers(*state_, pod)) {
                breaks("I3", "the layers of " + pod + " are, by the registry, " +
                                 told(standing_layers(*state_, pod)) + " and by its record " +
                                 told(recorded_layers(*state_, pod)));
            }
            const auto record = records().find(pod);
            if (record == records().end() || record->second.granted != row.granted ||
                record->second.delegated_from != row.delegated_from ||
                record->second.manifest.allow != row.allow) {
                breaks("I3", "the row of " + pod + " and its record differ");
            }
        }
        for (const auto& one : pods) {
            const auto row = live().find(one.name);
            if (row == live().end() || row->second.granted != one.granted) {
                breaks("I3", one.name + " is held in memory and is not live");
                continue;
            }
            if (plain(one.scope.layers()) != standing_layers(*state_, one.name)) {
                breaks("I3", "the layers of " + one.name + " are, in memory, " +
                                 told(plain(one.scope.layers())) + " and by the registry " +
                                 told(standing_layers(*state_, one.name)));
            }
            const auto may = permissions_by_rows(one.name, row->second);
            for (std::size_t i = 0; i != may.size(); ++i) {
                if (one.scope.permission_at(resource_of(places_->places()[i])) != may[i]) {
                    breaks("I3", one.name + " has another permission in memory at " + place(i));
                    break;
                }
            }
        }
        return *this;
    }

    /// I4: each layer of a delegation belongs to a delegation on record.
    inspection& no_leak() {
        for (const auto& [key, row] : state_->of<podscope::tables::layers>()) {
            const std::string pod = key.substr(0, key.find('\0'));
            if (!live().contains(pod)) {
                breaks("I4", "a layer of " + pod + " stands, which is not live");
            }
            if (!row.layer.delegation) {
                continue;
            }
            const auto made = delegation_of(pod, row.layer.delegation->child);
            if (!made || made->granted != row.layer.delegation->granted) {
                breaks("I4", "a layer of " + pod + " for " + row.layer.delegation->child +
                                 " stands, and no delegation");
            }
        }
        return *this;
    }

    /// I4 for a pod that was just restored or reconciled: everybody it has delegated to is live.
    inspection& all_children_live(const std::string& pod) {
        for (const auto& made : rows_of<podscope::tables::delegations>(*state_, pod)) {
            const auto row = live().find(made.child);
            if (row == live().end() || row->second.granted != made.granted) {
                breaks("I4", pod + " still has a delegation to " + made.child +
                                 ", which is not live under it");
            }
        }
        return *this;
    }

    /// I5: a delegation ends once, and a notification tells so, which waits in an outbox or was
    /// taken. `taken` are the ids that a sink has got.
    inspection& nothing_lost(const std::set<std::string>& taken) {
        std::set<std::string> waiting;
        for (const auto& [key, told] : state_->of<podscope::tables::outbox>()) {
            if (!waiting.insert(told.id).second) {
                breaks("I5", "two notifications wait as " + told.id);
            }
            if (!key.starts_with(told.pod + '\0')) {
                breaks("I5", told.id + " waits in the outbox of somebody else");
            }
        }
        std::set<std::pair<std::string, podscope::epoch>> ended;
        for (const auto& [key, end] : state_->of<podscope::tables::history>()) {
            if (!ended.emplace(end.child, end.granted).second) {
                breaks("I5", "a delegation to " + end.child + " ended twice");
            }
            const std::string heir = key.substr(0, key.find('\0'));
            const std::string id = "ended/" + heir + '/' + end.child + '/' +
                                   std::to_string(static_cast<std::uint64_t>(end.granted));
            if (!taken.contains(id) && !waiting.contains(id)) {
                breaks("I5", "nobody is told of " + id);
            }
        }
        std::set<std::string> outstanding;
        for (const auto& [key, made] : state_->of<podscope::tables::delegations>()) {
            if (!outstanding.insert(made.child).second) {
                breaks("I5", "two delegations to " + made.child + " are outstanding");
            }
            if (ended.contains({made.child, made.granted})) {
                breaks("I5", "a delegation to " + made.child + " is both outstanding and ended");
            }
        }
        return *this;
    }

    /// I11: no two live pods hold the same segment, and it is held by who writes it.
    inspection& one_writer_per_segment() {
        std::map<std::string, std::string> writers;
        for (const auto& [pod, row] : live()) {
            if (row.segment.empty()) {
                continue;
            }
            const auto [other, is_first] = writers.emplace(row.segment, pod);
            if (!is_first) {
                breaks("I11", other->second + " and " + pod + " write the same segment");
            }
        }
        std::map<std::string, std::string> holders;
        for (const auto& [segment, hold] : state_->of<podscope::tables::segments>()) {
            holders.emplace(segment, hold.pod);
            const auto row = live().find(hold.pod);
            if (row == live().end() || row->second.granted != hold.granted) {
                breaks("I11", hold.pod + " holds a segment under a grant that is over");
            }
        }
        if (holders != writers) {
            breaks("I11", "the segments that are held are not those that are written");
        }
        return *this;
    }

    /// The registry's tables are in step: claims and edges are what the rows call for.
    inspection& registry_in_step() {
        std::multiset<std::string> claims;
        std::multiset<std::string> edges;
        for (const auto& [pod, row] : live()) {
            std::set<std::string> distinct;
            for (const auto& rule : row.allow) {
                if (rule.access == podscope::permission::write) {
                    distinct.insert(pod + ' ' + text_of(plain(rule)));
                }
            }
            claims.insert(distinct.begin(), distinct.end());
            if (!row.delegated_from.empty()) {
                edges.insert(row.delegated_from + '\0' + pod);
            }
        }
        std::multiset<std::string> stored_claims;
        for (const auto& [key, claim] : state_->of<podscope::tables::claims>()) {
            const auto read = must(podscope::registry_keys::read_claim(key));
            const std::string pod{read.pod};
            stored_claims.insert(pod + ' ' + text_of(plain(must(read.rule()))));
            const auto holder = live().find(pod);
            if (holder == live().end() || holder->second.granted != claim.granted) {
                breaks("registry", "a claim of '" + pod + "' is of no live grant");
            }
        }
        std::multiset<std::string> stored_edges;
        for (const auto& [key, link] : state_->of<podscope::tables::children>()) {
            stored_edges.insert(key);
        }
        if (claims != stored_claims) {
            breaks("registry", "the claims are not those of the rows");
        }
        if (edges != stored_edges) {
            breaks("registry", "the edges are not those of the rows");
        }
        return *this;
    }

    [[nodiscard]] const std::vector<std::string>& broken() const { return broken_; }

private:
    [[nodiscard]] const std::map<std::string, podscope::allocation>& live() const {
        return state_->of<podscope::tables::allocations>();
    }

    [[nodiscard]] const std::map<std::string, podscope::pod_record>& records() const {
        return state_->of<podscope::tables::pods>();
    }

    [[nodiscard]] std::optional<podscope::delegation>
    delegation_of(const std::string& parent, const std::string& child) const {
        const auto& all = state_->of<podscope::tables::delegations>();
        const auto found = all.find(parent + '\0' + child);
        return found == all.end() ? std::nullopt : std::optional{found->second};
    }

    [[nodiscard]] std::vector<podscope::permission>
    permissions_by_rows(const std::string& pod, const podscope::allocation& row) const {
        std::vector<reference_rule> denies;
        for (const auto& one : rows_of<podscope::tables::layers>(*state_, pod)) {
            denies.push_back(plain(one.layer.rule));
        }
        return reference_permissions(*places_, plain(row.allow), denies);
    }

    [[nodiscard]] std::string place(std::size_t index) const {
        return text_of(places_->places()[index]);
    }

    static std::string told(const layer_set& layers) {
        std::string text = "{";
        for (const auto& one : layers) {
            text += ' ' + one.rule;
            if (!one.child.empty()) {
                text += " for " + one.child + '/' + std::to_string(one.granted);
            }
            text += ';';
        }
        return text + " }";
    }

    void breaks(std::string_view invariant, const std::string& how) {
        broken_.push_back(std::string{invariant} + ": " + how);
    }

    const stored_state* state_;
    const reference_universe* places_;
    std::vector<std::string> broken_{};
};

/// Judges by all of them.
[[nodiscard]] inline std::vector<std::string>
broken_invariants(const stored_state& state,
                  const reference_universe& places,
                  const std::vector<pod_in_memory>& pods,
                  const std::set<std::string>& taken) {
    return inspection{state, places}
        .exclusion()
        .containment()
        .agreement(pods)
        .no_leak()
        .nothing_lost(taken)
        .one_writer_per_segment()
        .registry_in_step()
        .broken();
}

} // namespace podscope_test
