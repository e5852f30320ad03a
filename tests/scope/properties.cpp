// SPDX-License-Identifier: BSL-1.0
// Rules that were made to meet, against the reference: what a scope decides, and
// what rules cover together. PODSCOPE_RULE_SETS=1000000 is the long run, and
// PODSCOPE_SEED=n repeats one rule set.
#include "scope/rule_sets.hpp"
#include "support/catch.hpp"

#include <podscope/scope/rules_by_target.hpp>
#include <podscope/scope/scope.hpp>
#include <podscope/scope/write_rules.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace podscope;
using namespace podscope_test;

namespace {

/// How the target of one rule stands to that of another.
enum class relation {
    equal,
    parent,
    child,
    ancestor,   // further up
    descendant, // further down
    sibling,
    lookalike, // a sibling whose name begins like the other's
    elsewhere,
    count_of_relations
};

bool is_below(const reference_place& lower, const reference_place& upper) {
    return lower.size() > upper.size() && std::equal(upper.begin(), upper.end(), lower.begin());
}

relation relation_of(const reference_place& to, const reference_place& from) {
    if (to == from)
        return relation::equal;
    if (is_below(to, from))
        return to.size() == from.size() + 1 ? relation::child : relation::descendant;
    if (is_below(from, to))
        return from.size() == to.size() + 1 ? relation::parent : relation::ancestor;
    if (to.size() != from.size() || !std::equal(to.begin(), to.end() - 1, from.begin()))
        return relation::elsewhere;
    return to.back().starts_with(from.back()) || from.back().starts_with(to.back())
               ? relation::lookalike
               : relation::sibling;
}

/// Random rules, most of which have a target near that of an earlier one.
class meeting_rules {
public:
    meeting_rules(const alphabet& names, std::size_t target_depth, std::uint64_t seed)
        : names_{names},
          target_depth_{target_depth},
          random_{names, target_depth, seed} {}

    [[nodiscard]] std::size_t below(std::size_t end) { return random_.below(end); }

    [[nodiscard]] reference_rule rule() {
        reference_rule made = random_.rule();
        if (!earlier_.empty() && below(4) != 0)
            made.target = near(earlier_[below(earlier_.size())]);
        earlier_.push_back(made.target);
        return made;
    }

    [[nodiscard]] std::vector<reference_rule> rules(std::size_t most) {
        std::vector<reference_rule> all(below(most + 1));
        for (reference_rule& each : all)
            each = rule();
        return all;
    }

    [[nodiscard]] reference_place place() { return random_.place(); }

private:
    [[nodiscard]] reference_place near(reference_place place) {
        const auto down = [&] {
            if (place.size() < target_depth_)
                place.push_back(names_.mentioned[below(names_.mentioned.size())]);
        };
        const auto up = [&] {
            if (!place.empty())
                place.pop_back();
        };
        switch (below(6)) {
        case 0: break;
        case 1: up(); break;
        case 2: down(); break;
        case 3:
            up();
            up();
            break;
        case 4:
            down();
            down();
            break;
        default:
            up();
            down();
            break;
        }
        return place;
    }

    const alphabet& names_;
    std::size_t target_depth_;
    random_rules random_;
    std::vector<reference_place> earlier_{};
};

/// In which ways rules have met: by their relation, and by what each of them is.
class meetings {
public:
    void note(const std::vector<reference_rule>& allow, const std::vector<reference_rule>& deny) {
        ++rule_sets_;
        std::vector<std::pair<const reference_rule*, std::size_t>> all;
        const auto add = [&](const std::vector<reference_rule>& rules, std::size_t is_deny) {
            for (const reference_rule& rule : rules) {
                if (rule.access != permission::none)
                    all.emplace_back(&rule, is_deny * 4 + (rule.recursive ? 2U : 0U) +
                                                (rule.access == permission::write ? 1U : 0U));
            }
        };
        add(allow, 0);
        add(deny, 1);
        for (const auto& [first, first_kind] : all) {
            for (const auto& [second, second_kind] : all) {
                if (first != second)
                    ++seen_[static_cast<std::size_t>(relation_of(second->target, first->target))]
                           [first_kind][second_kind];
            }
        }
    }

    /// Whether so many rule sets were tried that each way should have been among them.
    [[nodiscard]] bool are_many() const { return rule_sets_ >= 10'000; }

    [[nodiscard]] std::size_t rarest() const {
        std::size_t least = seen_[0][0][0];
        for (const auto& of_relation : seen_) {
            for (const auto& others : of_relation)
                least = std::min(least, *std::ranges::min_element(others));
        }
        return least;
    }

private:
    static constexpr std::size_t kinds = 8;
    static constexpr auto relations = static_cast<std::size_t>(relation::count_of_relations);

    std::array<std::array<std::array<std::size_t, kinds>, kinds>, relations> seen_{};
    std::size_t rule_sets_{};
};

} // namespace

TEST_CASE("Rules that meet in every way decide as the reference does", "[scope][random]") {
    constexpr std::size_t depth = 3;
    const auto worlds = world::all(depth);
    meetings met;
    for_each_seed([&](std::uint64_t seed) {
        const world& chosen = worlds[seed % worlds.size()];
        meeting_rules random{chosen.names, depth, seed};
        const auto allow = random.rules(6);
        const auto deny = random.rules(6);
        met.note(allow, deny);

        // Each deny is of the manifest or of one of two delegations, of which one ends.
        const delegation_ref lasting{"child", epoch{1}};
        const delegation_ref ending{"child", epoch{2}};
        std::vector<deny_layer> layers;
        std::vector<reference_rule> left;
        for (const reference_rule& each : deny) {
            const auto from = random.below(3);
            layers.push_back({rule_of(each), from == 0   ? std::nullopt
                                             : from == 1 ? std::optional{lasting}
                                                         : std::optional{ending}});
            if (from != 2)
                left.push_back(each);
        }
        scope s{rules_of(allow), layers};
        if (const auto why = disagreement(s, allow, deny, chosen); !why.empty())
            FAIL("PODSCOPE_SEED=" << seed << ": " << why);
        if (s.remove(ending) != deny.size() - left.size())
            FAIL("PODSCOPE_SEED=" << seed << ": removed another number of layers than were added");
        if (const auto why = disagreement(s, allow, left, chosen); !why.empty())
            FAIL("PODSCOPE_SEED=" << seed << ", after a removal: " << why);
    });
    if (met.are_many())
        CHECK(met.rarest() > 10);
}

namespace {

/// What somebody may hand on, and what is asked of it.
struct request {
    std::vector<reference_rule> allow;
    std::vector<reference_rule> deny;
    std::vector<reference_rule> asked;
};

// The target alone and what lies below each name that is mentioned: everything below it, as far as
// one can see who knows no other name.
std::vector<reference_rule>
piece_by_piece(const reference_place& target, permission access, const alphabet& names) {
    std::vector<reference_rule> pieces{{target, access, false}};
    for (const std::string& name : names.mentioned) {
        pieces.push_back({target, access, true});
        pieces.back().target.push_back(name);
    }
    return pieces;
}

request random_request(meeting_rules& random, const alphabet& names, std::size_t target_depth) {
    request made{random.rules(6), random.rules(2), random.rules(3)};
    made.asked.push_back(random.rule());
    std::erase_if(made.asked, [](const reference_rule& r) { return r.access == permission::none; });
    if (const auto form = random.below(3); form != 0) {
        auto target = random.place();
        target.resize(std::min(target.size(), target_depth - 1));
        const auto access = random.below(2) == 0 ? permission::read : permission::write;
        const auto pieces = piece_by_piece(target, access, names);
        made.allow.insert(made.allow.end(), pieces.begin(), pieces.end());
        if (form == 1) // asks for the pieces
            made.asked = pieces;
        else // asks for more than they are
            made.asked = {{target, access, true}};
        if (random.below(2) == 0)
            made.deny.clear();
    }
    return made;
}

bool may_hand_on(const std::vector<scope_rule>& allow,
                 const std::vector<scope_rule>& deny,
                 const scope_rule& asked) {
    const auto where = podscope::region_of(asked);
    return podscope::rules_by_target{allow}.grant(where, asked.access) &&
           !podscope::rules_by_target{deny}.take(where, asked.access);
}

// Whether one allow rule covers all that is asked.
bool does_one_cover(const request& r) {
    const auto asked = rules_of(r.asked);
    const auto allow = rules_of(r.allow);
    return std::ranges::any_of(allow, [&](const scope_rule& rule) {
        return std::ranges::all_of(
            asked, [&](const scope_rule& each) { return may_hand_on({rule}, {}, each); });
    });
}

} // namespace

TEST_CASE("Rules cover a request together exactly where they do at each of its places",
          "[scope][random]") {
    constexpr std::size_t depth = 2;
    const auto worlds = world::all(depth);
    std::size_t rule_sets = 0;
    std::size_t covered_together = 0;
    std::size_t refused_for_a_deny = 0;
    std::size_t refused_for_names_never_mentioned = 0;
    for_each_seed([&](std::uint64_t seed) {
        const world& chosen = worlds[seed % worlds.size()];
        meeting_rules random{chosen.names, depth, seed};
        const auto r = random_request(random, chosen.names, depth);
        const auto allow = rules_of(r.allow);
        const auto deny = rules_of(r.deny);
        const auto asked = rules_of(r.asked);
        const bool found = std::ranges::all_of(
            asked, [&](const scope_rule& each) { return may_hand_on(allow, deny, each); });

        const auto allowed = reference_permissions(chosen.universe, r.allow, {});
        const auto left = reference_permissions(chosen.universe, r.allow, r.deny);
        const auto wanted = reference_permissions(chosen.universe, r.asked, {});
        const auto& places = chosen.universe.places();
        bool expected = true;
        bool without_deny = true;
        bool at_mentioned_names = true;
        for (std::size_t i = 0; i < places.size(); ++i) {
            const bool is_mentioned = std::ranges::count(places[i], chosen.names.fresh) == 0;
            expected = expected && left[i] >= wanted[i];
            without_deny = without_deny && allowed[i] >= wanted[i];
            at_mentioned_names = at_mentioned_names && (!is_mentioned || left[i] >= wanted[i]);
        }
        if (found != expected)
            FAIL("PODSCOPE_SEED=" << seed << ": " << (found ? "handed on" : "refused") << "; allow "
                                  << describe(r.allow) << " deny " << describe(r.deny) << " asked "
                                  << describe(r.asked));
        ++rule_sets;
        covered_together += expected && !does_one_cover(r) ? 1U : 0U;
        refused_for_a_deny += !expected && without_deny ? 1U : 0U;
        refused_for_names_never_mentioned += !expected && at_mentioned_names ? 1U : 0U;
    });
    if (rule_sets >= 1'000) {
        CHECK(covered_together > rule_sets / 50);
        CHECK(refused_for_a_deny > rule_sets / 50);
        CHECK(refused_for_names_never_mentioned > rule_sets / 50);
    }
}

TEST_CASE("The write rules cover together what may be written and no more", "[scope][random]") {
    constexpr std::size_t depth = 2;
    const auto worlds = world::all(depth);
    for_each_seed([&](std::uint64_t seed) {
        const world& chosen = worlds[seed % worlds.size()];
        meeting_rules random{chosen.names, depth, seed};
        const auto rules = random.rules(5);
        const auto all = rules_of(rules);
        const auto expected = reference_permissions(chosen.universe, rules, {});
        std::vector<permission> found(expected.size(), permission::none);
        for (const scope_rule& rule : write_rules(all)) {
            const auto covered = podscope::region_of(rule);
            for (std::size_t i = 0; i < found.size(); ++i) {
                if (contains(covered, {chosen.resources[i], extent::point}))
                    found[i] = permission::write;
            }
        }
        for (std::size_t i = 0; i < found.size(); ++i) {
            if ((found[i] == permission::write) != (expected[i] == permission::write))
                FAIL("PODSCOPE_SEED=" << seed << ": differs at "
                                      << text_of(chosen.universe.places()[i]) << "; "
                                      << describe(rules));
        }
    });
}
