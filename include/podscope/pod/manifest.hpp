// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/names.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/invalid_target.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/store/records.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

/// A rule as a person writes it: its target is text that a resource namespace has yet to resolve.
struct rule_text {
    std::string target{};
    permission access{permission::none};
    /// Whether it covers everything below the target, or only the target and its direct children.
    bool recursive{true};
    /// Where it was written, if it was read from a text.
    std::optional<text_position> position{};

    /// The same rule for the target and its direct children only.
    [[nodiscard]] rule_text only_here() const {
        rule_text shallow{*this};
        shallow.recursive = false;
        return shallow;
    }

    friend bool operator==(const rule_text&, const rule_text&) = default;
};

/// Makers of rules: `rules::read("/ws")`, `rules::write("/ws/docs").only_here()`.
namespace rules {

[[nodiscard]] inline rule_text read(std::string target) {
    return {.target = std::move(target), .access = permission::read};
}

[[nodiscard]] inline rule_text write(std::string target) {
    return {.target = std::move(target), .access = permission::write};
}

} // namespace rules

/// What a pod is to be, before it exists:
///
///     manifest{"planner"}
///         .may(rules::read("/ws"))
///         .may_not(rules::write("/ws/.git"))
///         .may_delegate(rules::write("/ws"))
///
/// `authority` is what it may hand on. Absent, that is what it may do itself, its allow rules;
/// present and empty, nothing.
struct manifest {
    std::string name{};
    std::vector<rule_text> allow{};
    std::vector<rule_text> deny{};
    std::optional<std::vector<rule_text>> authority{};
    /// The pods that it is to know of, if that was said.
    std::optional<std::vector<std::string>> peers{};
    /// The text that it was read from, empty if it was not.
    std::string source{};

    manifest& may(rule_text rule) & {
        allow.push_back(std::move(rule));
        return *this;
    }

    manifest& may_not(rule_text rule) & {
        deny.push_back(std::move(rule));
        return *this;
    }

    manifest& may_delegate(rule_text rule) & {
        if (!authority) {
            authority.emplace();
        }
        authority->push_back(std::move(rule));
        return *this;
    }

    manifest& may_not_delegate() & {
        authority.emplace();
        return *this;
    }

    manifest& knows(std::string peer) & {
        if (!peers) {
            peers.emplace();
        }
        peers->push_back(std::move(peer));
        return *this;
    }

    manifest&& may(rule_text rule) && { return std::move(may(std::move(rule))); }

    manifest&& may_not(rule_text rule) && { return std::move(may_not(std::move(rule))); }

    manifest&& may_delegate(rule_text rule) && { return std::move(may_delegate(std::move(rule))); }

    manifest&& may_not_delegate() && { return std::move(may_not_delegate()); }

    manifest&& knows(std::string peer) && { return std::move(knows(std::move(peer))); }

    friend bool operator==(const manifest&, const manifest&) = default;
};

/// A pod and the children that it is to start, each with children of its own. What a child may do
/// is what its parent is to delegate to it.
struct team {
    manifest pod{};
    std::vector<team> children{};

    friend bool operator==(const team&, const team&) = default;
};

/// Checks a manifest and resolves its targets.
///
/// Errors: `invalid_name` for its name or a peer's; `invalid_target` for a target that the
/// namespace refuses; `invalid_manifest` if it neither may do nor may delegate anything, or if a
/// rule allows or denies `none`. They name the rule, and where it was written if it was read from a
/// text.
template <resource_namespace N>
[[nodiscard]] result<manifest_snapshot> resolve(const manifest& wanted, const N& names);

namespace pod_detail {

[[nodiscard]] inline error
about_rule(error e, const manifest& wanted, std::string_view list, std::size_t index) {
    std::string place = "the pod '" + shown_text(wanted.name) + "', ";
    place += list;
    place += " rule " + std::to_string(index + 1) + ": ";
    e.message.insert(0, place);
    e.path = wanted.source;
    return e;
}

template <resource_namespace N>
[[nodiscard]] result<std::vector<scope_rule>> resolve_rules(const manifest& wanted,
                                                            const std::vector<rule_text>& texts,
                                                            std::string_view list,
                                                            const N& names) {
    std::vector<scope_rule> rules;
    rules.reserve(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const rule_text& text = texts[i];
        const auto refuse = [&](error e) {
            e.position = text.position;
            return fail(about_rule(std::move(e), wanted, list, i));
        };
        if (text.access == permission::none) {
            return refuse({.category = errc::invalid_manifest,
                           .message = "its permission is 'none', which has no effect: "
                                      "use read or write",
                           .subject = shown_text(text.target)});
        }
        auto target = names.resolve(text.target);
        if (!target) {
            return refuse(std::move(target).error());
        }
        rules.push_back({std::move(*target), text.access, text.recursive});
    }
    return rules;
}

} // namespace pod_detail

template <resource_namespace N>
result<manifest_snapshot> resolve(const manifest& wanted, const N& names) {
    const auto check = [&](std::string_view name) -> result<void> {
        auto checked = check_name(name);
        if (!checked) {
            checked.error().path = wanted.source;
        }
        return checked;
    };
    if (auto checked = check(wanted.name); !checked) {
        return fail(checked);
    }
    if (wanted.peers) {
        for (const std::string& peer : *wanted.peers) {
            if (auto checked = check(peer); !checked) {
                return fail(checked);
            }
        }
    }
    auto allow = pod_detail::resolve_rules(wanted, wanted.allow, "allow", names);
    if (!allow) {
        return fail(allow);
    }
    auto deny = pod_detail::resolve_rules(wanted, wanted.deny, "deny", names);
    if (!deny) {
        return fail(deny);
    }
    manifest_snapshot resolved{.allow = std::move(*allow), .deny = std::move(*deny)};
    if (wanted.authority) {
        auto authority = pod_detail::resolve_rules(wanted, *wanted.authority, "authority", names);
        if (!authority) {
            return fail(authority);
        }
        resolved.authority = std::move(*authority);
    } else {
        resolved.authority = resolved.allow;
    }
    if (resolved.allow.empty() && resolved.authority.empty()) {
        return fail({.category = errc::invalid_manifest,
                     .message = "the pod '" + wanted.name +
                                "' may do nothing and delegate nothing: give it an allow rule",
                     .subject = wanted.name,
                     .path = wanted.source});
    }
    return resolved;
}

} // namespace podscope
