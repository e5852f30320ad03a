// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>
#include <podscope/scope/coverage.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/scope.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace podscope::enforce {

/// What stands at a place. A symbolic link is nothing there: it leads to a place, and is none.
enum class entry_kind : std::uint8_t {
    missing,
    folder,
    file, ///< anything else
};

/// The places as they are, for a plan to look at.
template <class View>
concept tree_view = requires(const View& view, const resource& place) {
    { view.kind_of(place) } -> std::same_as<result<entry_kind>>;
    { view.entries_of(place) } -> std::same_as<result<std::vector<std::string>>>;
};

/// Rights at a file, or at a folder and all that is below it.
struct planned_rule {
    resource place{};
    permission access{permission::none};
    entry_kind kind{entry_kind::folder};

    friend bool operator==(const planned_rule&, const planned_rule&) = default;
};

/// Why Landlock cannot say what a scope says. It knows rights that hold at a file, or at a folder
/// and everything below it; nothing that takes them away below; and no place that is not there.
enum class shortfall : std::uint8_t {
    denied_below,   ///< a deny rule below an allow rule
    not_recursive,  ///< an allow rule for a folder and its direct children
    missing_target, ///< nothing is there that a right could be given at
};

[[nodiscard]] constexpr std::string_view to_string(shortfall why) noexcept {
    switch (why) {
    case shortfall::denied_below: return "denied below what is allowed";
    case shortfall::not_recursive: return "for a folder and its direct children only";
    case shortfall::missing_target: return "its target is not there";
    }
    return "unknown";
}

/// A place where the kernel will not do exactly what the scope says.
struct gap {
    shortfall why{};
    scope_rule rule{};   ///< that cannot be said
    resource place{};    ///< where: a folder with all that is below it
    permission access{}; ///< reading or writing
    /// Whether the kernel lets more through there than the scope does, and only `check` guards it;
    /// else it refuses some of what the scope allows.
    bool allows_more{};

    friend bool operator==(const gap&, const gap&) = default;
};

/// What the kernel is to be told of a scope, and what it cannot be told.
struct landlock_plan {
    std::vector<planned_rule> rules{};
    std::vector<gap> gaps{};
};

/// To which side a plan leaves the scope where it cannot be met exactly.
enum class rounding : std::uint8_t {
    down, ///< the kernel never allows more than the scope
    up    ///< the kernel never refuses what the scope allows, but for targets that are not there
};

namespace enforce_detail {

template <tree_view View>
class planner {
public:
    planner(const scope& of, const View& view) : scope_{of}, coverage_{of}, view_{view} {}

    [[nodiscard]] result<landlock_plan> plan(rounding where_to, bool reads) && {
        for (const auto& rule : scope_.allow()) {
            for (const auto access : {permission::read, permission::write}) {
                if (rule.access < access || (access == permission::read && !reads)) {
                    continue;
                }
                auto done = where_to == rounding::up ? allow_all_of(rule, access)
                                                     : allow_within(rule, access);
                if (!done) {
                    return fail(done);
                }
            }
        }
        return std::move(made_);
    }

private:
    [[nodiscard]] result<void> allow_all_of(const scope_rule& rule, permission access) {
        auto kind = view_.kind_of(rule.target);
        if (!kind) {
            return fail(kind);
        }
        if (*kind != entry_kind::folder) {
            return at_target(rule, access, *kind);
        }
        if (coverage_.denies_all_below(rule.target, access) != nullptr) {
            return {};
        }
        add({rule.target, access, *kind});
        if (!coverage_.grants_below(rule.target, access)) {
            add_gap({shortfall::not_recursive, rule, rule.target, access, true});
        }
        for (const auto* const layer : coverage_.all_denying_below(rule.target, access)) {
            add_gap({shortfall::denied_below, layer->rule, layer->rule.target, access, true});
        }
        return {};
    }

    [[nodiscard]] result<void> allow_within(const scope_rule& rule, permission access) {
        auto kind = view_.kind_of(rule.target);
        if (!kind) {
            return fail(kind);
        }
        return *kind == entry_kind::folder ? folder(rule.target, access)
                                           : at_target(rule, access, *kind);
    }

    [[nodiscard]] result<void>
    at_target(const scope_rule& rule, permission access, entry_kind kind) {
        if (kind == entry_kind::file) {
            file(rule.target, access);
        } else {
            add_gap({shortfall::missing_target, rule, rule.target, access, false});
        }
        return {};
    }

    void file(const resource& place, permission access) {
        if (scope_.allows(place, access)) {
            add({place, access, entry_kind::file});
        }
    }

    [[nodiscard]] result<void> folder(const resource& place, permission access) {
        if (!visited_.insert({access, place}).second) {
            return {};
        }
        if (coverage_.denies_all_below(place, access) != nullptr) {
            return {};
        }
        if (coverage_.grants_below(place, access)) {
            const auto denied = denied_at_or_below(place, access);
            if (!denied) {
                add({place, access, entry_kind::folder});
                return {};
            }
            add_gap({shortfall::denied_below, *denied, place, access, false});
            return entries(place, access);
        }
        if (const auto* const rule = coverage_.grants_here(place, access)) {
            add_gap({shortfall::not_recursive, *rule, place, access, false});
            return entries(place, access);
        }
        return {};
    }

    // To read a folder is to list it too, and a rule for its parent and what is in that may deny
    // it. To make or remove it is no right at the folder itself.
    [[nodiscard]] std::optional<scope_rule> denied_at_or_below(const resource& place,
                                                               permission access) const {
        if (const auto* const layer = coverage_.denies_some_below(place, access)) {
            return layer->rule;
        }
        if (access == permission::read) {
            if (const auto why = scope_.explain(place); why.granted < access && why.capped_by) {
                return why.capped_by->rule;
            }
        }
        return std::nullopt;
    }

    // Instead of the folder, what is in it: nothing new can then be made in the folder itself.
    [[nodiscard]] result<void> entries(const resource& place, permission access) {
        auto names = view_.entries_of(place);
        if (!names) {
            return fail(names);
        }
        for (const auto& name : *names) {
            const auto entry = place.child(name);
            auto kind = view_.kind_of(entry);
            if (!kind) {
                return fail(kind);
            }
            if (*kind == entry_kind::file) {
                file(entry, access);
            } else if (*kind == entry_kind::folder) {
                if (auto done = folder(entry, access); !done) {
                    return done;
                }
            }
        }
        return {};
    }

    void add(planned_rule rule) {
        if (added_.insert({rule.access, rule.place}).second) {
            made_.rules.push_back(std::move(rule));
        }
    }

    void add_gap(gap found) {
        if (gaps_.insert({found.why, found.access, found.place}).second) {
            made_.gaps.push_back(std::move(found));
        }
    }

    const scope& scope_;
    scope_coverage coverage_;
    const View& view_;
    landlock_plan made_{};
    std::set<std::pair<permission, resource>> visited_{};
    std::set<std::pair<permission, resource>> added_{};
    std::set<std::tuple<shortfall, permission, resource>> gaps_{};
};

} // namespace enforce_detail

/// What Landlock can be told of a scope, of places as `view` shows them. Nothing but what `view`
/// does has an effect.
///
/// Where a rule is denied below, rounding down goes into the folders on the way to what is denied,
/// and gives rights at what is in them instead of at them: so it reads those folders, and no
/// others, and what is in them at that moment.
///
/// Errors: those of `view`.
///
/// @param reads whether the kernel is to watch over reading too
template <tree_view View>
[[nodiscard]] result<landlock_plan>
plan_for(const scope& of, const View& view, rounding where_to, bool reads) {
    return enforce_detail::planner<View>{of, view}.plan(where_to, reads);
}

} // namespace podscope::enforce
