// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "hand_written_tables.hpp"

#include <podscope/error.hpp>
#include <podscope/registry/conflict.hpp>
#include <podscope/registry/keys.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace podscope_bench {

/// The look-ups that a search is made of. They point into the tables, as anybody would who knows
/// that the rows stay where they are meanwhile.
[[nodiscard]] inline const podscope::allocation* find_allocation(const hand_written_tables& tables,
                                                                 std::string_view pod) {
    const auto found = tables.allocations.find(pod);
    return found == tables.allocations.end() ? nullptr : &found->second;
}

/// The deny layers of a pod that cover a region whole.
[[nodiscard]] inline std::vector<const podscope::deny_layer*> covering_layers(
    const hand_written_tables& tables, std::string_view pod, const podscope::region& where) {
    std::vector<const podscope::deny_layer*> found;
    std::string_view key = where.target.key();
    for (std::string prefix = podscope::registry_keys::layers_at(pod, key);;) {
        for (auto at = tables.layers.lower_bound(prefix);
             at != tables.layers.end() && at->first.starts_with(prefix); ++at) {
            const podscope::deny_layer& layer = at->second.layer;
            if (contains(podscope::region_of(layer.rule), where)) {
                found.push_back(&layer);
            }
        }
        if (key.empty()) {
            return found;
        }
        podscope::registry_keys::ascend(prefix, key);
        key = podscope::resource::parent_key(key);
    }
}

/// Tells through whose hands one region came down: podscope::hand_down for these tables.
class hand_written_hand_down {
public:
    hand_written_hand_down(const hand_written_tables& tables, podscope::region where)
        : tables_{&tables},
          where_{std::move(where)} {}

    [[nodiscard]] const podscope::region& where() const noexcept { return where_; }

    [[nodiscard]] podscope::result<bool> is_from_to(std::string_view upper,
                                                    std::string_view lower) {
        if (line_of_ != lower) {
            if (auto done = follow_up_from(lower); !done) {
                return podscope::fail(done);
            }
        }
        return line_.contains(upper);
    }

private:
    [[nodiscard]] podscope::result<void> follow_up_from(std::string_view lower) {
        line_of_.clear();
        line_.clear();
        for (std::string_view at = giver_of(lower); !at.empty(); at = giver_of(at)) {
            if (at == lower || !line_.insert(at).second) {
                return podscope::fail({.category = podscope::errc::corrupt,
                                       .message = "by the registry, the pod '" + std::string{at} +
                                                  "' descends from itself",
                                       .subject = std::string{at}});
            }
        }
        line_of_ = lower;
        return {};
    }

    // The parent of a pod if its delegation covers the region, else an empty name.
    [[nodiscard]] std::string_view giver_of(std::string_view pod) {
        if (const auto known = given_by_.find(pod); known != given_by_.end()) {
            return known->second;
        }
        std::string_view giver;
        const podscope::allocation* const row = find_allocation(*tables_, pod);
        if (row != nullptr && !row->delegated_from.empty()) {
            const auto layers = covering_layers(*tables_, row->delegated_from, where_);
            if (std::ranges::any_of(layers, [&](const podscope::deny_layer* one) {
                    return one->delegation && one->delegation->child == pod &&
                           one->delegation->granted == row->granted;
                })) {
                giver = row->delegated_from;
            }
        }
        given_by_.emplace(pod, giver);
        return giver;
    }

    const hand_written_tables* tables_;
    podscope::region where_;
    std::map<std::string_view, std::string_view, std::less<>> given_by_{};
    std::string line_of_{};
    std::set<std::string_view> line_{};
};

/// Searches for pods that may write where a given live pod may: podscope::conflict_search for these
/// tables, by the same steps on the same keys in the same order.
class hand_written_conflict_search {
public:
    explicit hand_written_conflict_search(const hand_written_tables& tables) noexcept
        : tables_{&tables} {}

    /// All competitors of a live pod, deepest target first; none for a pod that is not live.
    [[nodiscard]] podscope::result<std::vector<podscope::standing_competitor>>
    of(std::string_view pod) {
        asker_ = pod;
        if (const auto* row = find_allocation(*tables_, pod); row != nullptr) {
            for (const podscope::scope_rule& rule : row->allow) {
                if (rule.access != podscope::permission::write) {
                    continue;
                }
                if (auto done = collect(podscope::region_of(rule)); !done) {
                    return podscope::fail(done);
                }
            }
        }
        auto& named = owners_.empty() ? reversioners_ : owners_;
        order(named);
        return std::move(named);
    }

private:
    enum class standing : std::uint8_t { apart, reversioner, owner };

    [[nodiscard]] podscope::result<void> collect(const podscope::region& wanted) {
        auto done = judge_above(wanted);
        return done ? judge_within(wanted) : done;
    }

    [[nodiscard]] podscope::result<void> judge_above(const podscope::region& wanted) {
        std::string_view key = wanted.target.key();
        for (std::string prefix = podscope::registry_keys::claims_at(key); !key.empty();) {
            podscope::registry_keys::ascend(prefix, key);
            key = podscope::resource::parent_key(key);
            for (auto at = tables_->claims.lower_bound(prefix);
                 at != tables_->claims.end() && at->first.starts_with(prefix); ++at) {
                if (auto done = judge(wanted, at->first, at->second); !done) {
                    return done;
                }
            }
        }
        return {};
    }

    [[nodiscard]] podscope::result<void> judge_within(const podscope::region& wanted) {
        const std::string_view top = wanted.target.key();
        auto at = tables_->claims.lower_bound(top);
        while (at != tables_->claims.end() && at->first.starts_with(top)) {
            if (auto done = judge(wanted, at->first, at->second); !done) {
                return done;
            }
            if (wanted.reach != podscope::extent::tree && is_too_deep(top, at->first)) {
                at = tables_->claims.lower_bound(
                    podscope::registry_keys::after_subtree(child_of(top, at->first)));
            } else {
                ++at;
            }
        }
        return {};
    }

    // Whether a claim's target lies further down than the direct children of `top`.
    [[nodiscard]] static bool is_too_deep(std::string_view top, std::string_view key) {
        return key[top.size()] != podscope::registry_keys::end &&
               key[child_of(top, key).size()] != podscope::registry_keys::end;
    }

    [[nodiscard]] static std::string_view child_of(std::string_view top, std::string_view key) {
        return key.substr(0, key.find(podscope::resource::terminator, top.size()) + 1);
    }

    [[nodiscard]] podscope::result<void>
    judge(const podscope::region& wanted, std::string_view key, const podscope::claim& claim) {
        auto other = podscope::registry_keys::read_claim(key);
        if (!other) {
            return podscope::fail(other);
        }
        if (other->pod == asker_) {
            return {};
        }
        auto rule = other->rule();
        if (!rule) {
            return podscope::fail(rule);
        }
        const auto shared = intersection(wanted, podscope::region_of(*rule));
        if (!shared) {
            return {};
        }
        auto how = relation(other->pod, *shared);
        if (!how) {
            return podscope::fail(how);
        }
        if (*how == standing::apart) {
            return {};
        }
        const podscope::allocation* const holder = find_allocation(*tables_, other->pod);
        if (holder != nullptr && holder->granted == claim.granted) {
            (*how == standing::owner ? owners_ : reversioners_)
                .push_back({*holder, *std::move(rule)});
        }
        return {};
    }

    // How another pod, whose claim meets the asker's in `where`, stands to the asker there.
    [[nodiscard]] podscope::result<standing> relation(std::string_view other,
                                                      const podscope::region& where) {
        auto handed_down = is_handed_down(other, where);
        if (!handed_down) {
            return podscope::fail(handed_down);
        }
        if (*handed_down) {
            return standing::apart;
        }
        const auto of_asker = covering_layers(*tables_, asker_, where);
        const auto of_other = covering_layers(*tables_, other, where);
        const auto is_base = [](const podscope::deny_layer* one) { return one->is_base(); };
        if (std::ranges::any_of(of_asker, is_base) || std::ranges::any_of(of_other, is_base)) {
            return standing::apart;
        }
        for (const podscope::deny_layer* one : of_other) {
            const podscope::allocation* const child =
                find_allocation(*tables_, one->delegation->child);
            if (child != nullptr && child->granted == one->delegation->granted) {
                return standing::reversioner;
            }
        }
        return standing::owner;
    }

    [[nodiscard]] podscope::result<bool> is_handed_down(std::string_view other,
                                                        const podscope::region& where) {
        if (!lines_ || lines_->where() != where) {
            lines_.emplace(*tables_, where);
        }
        auto found = lines_->is_from_to(other, asker_);
        return found && !*found ? lines_->is_from_to(asker_, other) : found;
    }

    static void order(std::vector<podscope::standing_competitor>& found) {
        using podscope::standing_competitor;
        std::ranges::sort(found, [](const standing_competitor& a, const standing_competitor& b) {
            const auto rank = [](const standing_competitor& c) {
                return std::tuple{-static_cast<std::ptrdiff_t>(c.rule.target.depth()),
                                  std::string_view{c.holder.pod}, c.rule.target.key(),
                                  !c.rule.recursive};
            };
            return rank(a) < rank(b);
        });
        const auto again = std::ranges::unique(
            found, [](const standing_competitor& a, const standing_competitor& b) {
                return a.holder.pod == b.holder.pod && a.rule == b.rule;
            });
        found.erase(again.begin(), again.end());
    }

    const hand_written_tables* tables_;
    std::string_view asker_{};
    std::optional<hand_written_hand_down> lines_{};
    std::vector<podscope::standing_competitor> owners_{};
    std::vector<podscope::standing_competitor> reversioners_{};
};

/// A rule over paths as a person writes it, as podscope::display does.
[[nodiscard]] inline std::string shown_rule(const podscope::scope_rule& rule) {
    std::string text{to_string(rule.access)};
    text += " " + podscope::lexical_path{}.display(rule.target);
    if (!rule.recursive) {
        text += " (here only)";
    }
    return text;
}

/// The error that names every competitor of a pod, as podscope::conflict_error makes it.
[[nodiscard]] inline podscope::error
conflict_among_paths(std::string_view pod,
                     const std::vector<podscope::standing_competitor>& found) {
    podscope::error e{.category = podscope::errc::conflict, .subject = std::string{pod}};
    e.message = "'" + std::string{pod} + "' cannot have what is written by ";
    for (const auto& one : found) {
        podscope::competitor named{.pod = one.holder.pod,
                                   .rule = shown_rule(one.rule),
                                   .endpoint = one.holder.endpoint,
                                   .delegated_from = one.holder.delegated_from,
                                   .granted = one.holder.granted};
        if (!e.competitors.empty()) {
            e.message += ", ";
        }
        e.message += "'" + named.pod + "' (" + named.rule +
                     (named.endpoint.empty() ? "" : " at " + named.endpoint) + ")";
        e.competitors.push_back(std::move(named));
    }
    return e;
}

} // namespace podscope_bench
