// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/registry/descent.hpp>
#include <podscope/registry/keys.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/region.hpp>
#include <podscope/scope/write_rules.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace podscope {

/// A live pod that may write where another one wants to: its allocation and the rule it has there.
struct standing_competitor {
    allocation holder{};
    scope_rule rule{};
};

/// Searches the registry, as it stands within one transaction, for pods that may write where a
/// given live pod may.
///
/// The question is asked of a state, not of a request: whoever wants to add an allocation adds it
/// first, asks, and lets the transaction fail if there is an answer. So one search serves to
/// register, delegate and restore, and it is the exclusion of invariant I1 itself.
///
/// Two claims compete where their rules meet, unless
///  - a base deny of either pod covers the meeting place: that pod has no part in it; or
///  - one pod descends from the other by delegation, and the layers of all delegations on the way
///    down cover it: the upper one has handed it on, and whoever of those between goes, it stays
///    so. (One between may have no claim there: its manifest may have come to ask for less.)
/// A pod that has handed a place to somebody else still competes there with strangers, since the
/// place comes back to it: even while the child does not use it, and when the child is gone. It is
/// named only where nobody else is, so that the deepest owners are blamed.
///
/// Cost for each write rule: one range seek for each ancestor of its target, one seek at the
/// target, and work for the claims that meet the rule; independent of how many allocations there
/// are.
template <class Txn>
class conflict_search {
public:
    explicit conflict_search(Txn& txn) noexcept : txn_{&txn} {}

    /// All competitors of a live pod, deepest target first; none for a pod that is not live.
    [[nodiscard]] result<std::vector<standing_competitor>> of(std::string_view pod) {
        return run({.asker = pod});
    }

    /// One competitor of a live pod, whichever is met first, if there is any: for who wants to know
    /// whether, and not from whom. Costs what the claims do that are met before it.
    [[nodiscard]] result<std::optional<standing_competitor>> any_of(std::string_view pod) {
        auto found = run({.asker = pod, .wanted = 1});
        if (!found) {
            return fail(found);
        }
        return found->empty() ? std::nullopt : std::optional{std::move(found->front())};
    }

private:
    struct search {
        std::string_view asker;
        std::size_t wanted{std::numeric_limits<std::size_t>::max()}; // as many competitors
        std::optional<hand_down<Txn>> lines{};
        std::vector<standing_competitor> owners{};
        std::vector<standing_competitor> reversioners{};

        [[nodiscard]] bool is_over() const noexcept {
            return owners.size() + reversioners.size() >= wanted;
        }
    };

    enum class standing : std::uint8_t { apart, reversioner, owner };

    [[nodiscard]] result<std::vector<standing_competitor>> run(search s) {
        auto row = registry{*txn_}.peek(s.asker);
        if (!row) {
            return fail(row);
        }
        if (!*row) {
            return std::vector<standing_competitor>{};
        }
        for (const auto& rule : write_rules((**row).allow)) {
            if (auto done = collect(region_of(rule), s); !done) {
                return fail(done);
            }
        }
        auto& named = s.owners.empty() ? s.reversioners : s.owners;
        order(named);
        return std::move(named);
    }

    [[nodiscard]] result<void> collect(const region& wanted, search& s) {
        auto done = judge_above(wanted, s);
        return done && !s.is_over() ? judge_within(wanted, s) : std::move(done);
    }

    [[nodiscard]] result<void> judge_above(const region& wanted, search& s) {
        std::string_view key = wanted.target.key();
        for (std::string rows_at = registry_keys::claims_at(key); !key.empty() && !s.is_over();) {
            registry_keys::ascend(rows_at, key);
            key = resource::parent_key(key);
            result<void> judged{};
            auto done = scan_prefix<tables::claims>(
                *txn_, rows_at, [&](std::string_view found, const claim& other) {
                    judged = judge(wanted, found, other, s);
                    return judged && !s.is_over() ? scan::next : scan::stop;
                });
            if (!done || !judged) {
                return done ? std::move(judged) : std::move(done);
            }
        }
        return {};
    }

    [[nodiscard]] result<void> judge_within(const region& wanted, search& s) {
        const std::string_view top = wanted.target.key();
        for (std::string from{top};;) {
            // Claims further down than a non-recursive rule reaches are stepped over by a new seek
            // behind each child's subtree, however many there are.
            std::string next;
            result<void> judged{};
            auto done = scan_prefix<tables::claims>(
                *txn_, top, from, [&](std::string_view key, const claim& other) {
                    judged = judge(wanted, key, other, s);
                    if (!judged || s.is_over()) {
                        return scan::stop;
                    }
                    if (wanted.reach != extent::tree && is_too_deep(top, key)) {
                        next = registry_keys::after_subtree(child_of(top, key));
                        return scan::stop;
                    }
                    return scan::next;
                });
            if (!done || next.empty()) {
                return done ? std::move(judged) : std::move(done);
            }
            from = std::move(next);
        }
    }

    // The key of the direct child of `top` under which `key` lies.
    static std::string_view child_of(std::string_view top, std::string_view key) {
        return key.substr(0, key.find(resource::terminator, top.size()) + 1);
    }

    // Whether a claim's target lies further down than the direct children of `top`.
    static bool is_too_deep(std::string_view top, std::string_view key) {
        return key[top.size()] != registry_keys::end &&
               key[child_of(top, key).size()] != registry_keys::end;
    }

    // Puts a claim on its list if it competes.
    [[nodiscard]] result<void>
    judge(const region& wanted, std::string_view key, const claim& claim, search& s) {
        auto other = registry_keys::read_claim(key);
        if (!other || other->pod == s.asker) {
            return other ? result<void>{} : fail(other);
        }
        auto rule = other->rule();
        if (!rule) {
            return fail(rule);
        }
        const auto shared = intersection(wanted, region_of(*rule));
        if (!shared) {
            return {};
        }
        auto how = relation(s, other->pod, *shared);
        if (!how || *how == standing::apart) {
            return how ? result<void>{} : fail(how);
        }
        auto holder = registry{*txn_}.find(other->pod);
        if (!holder) {
            return fail(holder);
        }
        if (*holder && (*holder)->granted == claim.granted) {
            auto& list = *how == standing::owner ? s.owners : s.reversioners;
            list.push_back({std::move(**holder), *std::move(rule)});
        }
        return {};
    }

    // What of a place a pod's layers cover.
    struct cover {
        bool by_base{};
        bool by_delegation{};
    };

    [[nodiscard]] result<cover> cover_of(std::string_view pod, const region& where) {
        cover found;
        auto done = registry{*txn_}.for_each_covering_layer(pod, where, [&](const deny_layer& one) {
            (one.is_base() ? found.by_base : found.by_delegation) = true;
            return found.by_base ? scan::stop : scan::next;
        });
        return done ? result<cover>{found} : fail(done);
    }

    // How another pod, whose claim meets the asker's in `where`, stands to the asker there.
    [[nodiscard]] result<standing>
    relation(search& s, std::string_view other, const region& where) {
        // First: whose claims meet has mostly got his part from the other, or handed it to him.
        auto handed_down = is_handed_down(s, other, where);
        if (!handed_down || *handed_down) {
            return handed_down ? result<standing>{standing::apart} : fail(handed_down);
        }
        auto of_asker = cover_of(s.asker, where);
        if (!of_asker || of_asker->by_base) {
            return of_asker ? result<standing>{standing::apart} : fail(of_asker);
        }
        auto of_other = cover_of(other, where);
        if (!of_other || of_other->by_base) {
            return of_other ? result<standing>{standing::apart} : fail(of_other);
        }
        return of_other->by_delegation ? owner_or_reversioner(other, where) : standing::owner;
    }

    [[nodiscard]] result<standing> owner_or_reversioner(std::string_view pod, const region& where) {
        result<bool> live{false};
        auto done = registry{*txn_}.for_each_covering_layer(pod, where, [&](const deny_layer& one) {
            live = registry{*txn_}.is_live(one.delegation->child, one.delegation->granted);
            return live && !*live ? scan::next : scan::stop;
        });
        if (!done || !live) {
            return done ? fail(live) : fail(done);
        }
        return *live ? standing::reversioner : standing::owner;
    }

    // Whether one of the two has handed the place down to the other.
    [[nodiscard]] result<bool>
    is_handed_down(search& s, std::string_view other, const region& where) {
        if (!s.lines || s.lines->where() != where) {
            s.lines.emplace(*txn_, where);
        }
        auto found = s.lines->is_from_to(other, s.asker);
        return found && !*found ? s.lines->is_from_to(s.asker, other) : std::move(found);
    }

    static void order(std::vector<standing_competitor>& found) {
        std::ranges::sort(found, [](const auto& a, const auto& b) {
            const auto rank = [](const auto& c) {
                return std::tuple{-static_cast<std::ptrdiff_t>(c.rule.target.depth()),
                                  std::string_view{c.holder.pod}, c.rule.target.key(),
                                  !c.rule.recursive};
            };
            return rank(a) < rank(b);
        });
        const auto again = std::ranges::unique(found, [](const auto& a, const auto& b) {
            return a.holder.pod == b.holder.pod && a.rule == b.rule;
        });
        found.erase(again.begin(), again.end());
    }

    Txn* txn_;
};

/// A rule as a person writes it: `write /ws/a`, and `write /ws/a (here only)` for one that is not
/// recursive.
template <resource_namespace Names>
[[nodiscard]] std::string display(const Names& names, const scope_rule& rule) {
    std::string text{to_string(rule.access)};
    text += " " + names.display(rule.target);
    if (!rule.recursive) {
        text += " (here only)";
    }
    return text;
}

/// The error that names every competitor of a pod.
template <resource_namespace Names>
[[nodiscard]] error conflict_error(const Names& names,
                                   std::string_view pod,
                                   const std::vector<standing_competitor>& found) {
    error e{.category = errc::conflict, .subject = std::string{pod}};
    e.message = "'" + std::string{pod} + "' cannot have what is written by ";
    for (const auto& one : found) {
        competitor named{.pod = one.holder.pod,
                         .rule = display(names, one.rule),
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

} // namespace podscope
