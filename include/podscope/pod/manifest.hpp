// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/names.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/namespace.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/shown_text.hpp>
#include <podscope/store/records.hpp>
#include <podscope/store/when_unreachable.hpp>
#include <podscope/utf8.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
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
    /// What becomes of it if it lives and does not answer, if that is said for it alone.
    std::optional<when_unreachable> unreachable{};
    /// Why it is to have that, in a line for whoever asks who holds a place; it decides nothing.
    std::optional<std::string> reason{};
    /// The text that it was read from, and where in it, if it was read from a text.
    std::string source{};
    std::optional<text_position> position{};

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

    manifest& if_unreachable(when_unreachable what) & {
        unreachable = what;
        return *this;
    }

    manifest& because(std::string why) & {
        reason = std::move(why);
        return *this;
    }

    manifest&& may(rule_text rule) && { return std::move(may(std::move(rule))); }

    manifest&& may_not(rule_text rule) && { return std::move(may_not(std::move(rule))); }

    manifest&& may_delegate(rule_text rule) && { return std::move(may_delegate(std::move(rule))); }

    manifest&& may_not_delegate() && { return std::move(may_not_delegate()); }

    manifest&& if_unreachable(when_unreachable what) && { return std::move(if_unreachable(what)); }

    manifest&& knows(std::string peer) && { return std::move(knows(std::move(peer))); }

    manifest&& because(std::string why) && { return std::move(because(std::move(why))); }

    friend bool operator==(const manifest&, const manifest&) = default;
};

/// A pod and the children that it is to start, each with children of its own. What a child may do
/// is what its parent is to delegate to it.
struct team {
    manifest pod{};
    std::vector<team> children{};

    friend bool operator==(const team&, const team&) = default;
};

/// The longest reason that a manifest may give, in bytes.
inline constexpr std::size_t max_reason_length = 1'000;

/// Checks what can be said about a manifest without a namespace.
///
/// Errors: `invalid_name` for its name or a peer's; `invalid_manifest` if it neither may do nor may
/// delegate anything, if a rule allows or denies `none`, or if its reason is no line of UTF-8 of at
/// most `max_reason_length` bytes. They name the rule, and say where it was written if it was read
/// from a text.
[[nodiscard]] result<void> check_manifest(const manifest& wanted);

/// Checks a manifest and resolves its targets; what resolves to the same rule is kept once.
///
/// Errors: those of `check_manifest`, and `invalid_target` for a target that the namespace refuses.
template <resource_namespace N>
[[nodiscard]] result<manifest_snapshot> resolve(const manifest& wanted, const N& names);

namespace pod_detail {

/// Adds to an error where in a text its cause was written, if it was written in one, for a person
/// as compilers do it ("team.toml:3:9: "), and as data.
[[nodiscard]] inline error
written_at(error e, const std::string& source, const std::optional<text_position>& position) {
    if (position) {
        e.message.insert(0, source + ":" + std::to_string(position->line) + ":" +
                                std::to_string(position->column) + ": ");
        e.position = position;
    }
    e.path = source;
    return e;
}

/// One of a manifest's lists of rules.
struct rule_list {
    std::string_view name{};
    std::span<const rule_text> texts{};
    std::vector<scope_rule> manifest_snapshot::* resolved{};
};

[[nodiscard]] inline std::array<rule_list, 3> lists_of(const manifest& wanted) {
    const std::span<const rule_text> authority =
        wanted.authority ? std::span{*wanted.authority} : std::span<const rule_text>{};
    return {{{"allow", wanted.allow, &manifest_snapshot::allow},
             {"deny", wanted.deny, &manifest_snapshot::deny},
             {"authority", authority, &manifest_snapshot::authority}}};
}

/// Adds to an error which rule of a list it is about.
[[nodiscard]] inline error
about_rule(error e, const manifest& wanted, const rule_list& list, std::size_t index) {
    std::string which = "the pod '" + shown_text(wanted.name) + "', ";
    which += list.name;
    which += " rule " + std::to_string(index + 1) + ": ";
    e.message.insert(0, which);
    return written_at(std::move(e), wanted.source, list.texts[index].position);
}

/// Removes rules that stand there already, and keeps the order of the others.
inline void keep_once(std::vector<scope_rule>& rules) {
    const auto order = [&](std::size_t a, std::size_t b) {
        return std::tie(rules[a].target, rules[a].access, rules[a].recursive, a) <
               std::tie(rules[b].target, rules[b].access, rules[b].recursive, b);
    };
    std::vector<std::size_t> sorted(rules.size());
    std::iota(sorted.begin(), sorted.end(), std::size_t{0});
    std::ranges::sort(sorted, order);
    std::vector<bool> again(rules.size());
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        again[sorted[i]] = rules[sorted[i]] == rules[sorted[i - 1]];
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (!again[i] && kept++ != i) {
            rules[kept - 1] = std::move(rules[i]);
        }
    }
    rules.resize(kept);
}

/// Whether a text can be shown to a person as a line of its own.
[[nodiscard]] inline bool is_line(std::string_view text) noexcept {
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(utf8_length(rest))) {
        if (utf8_length(rest) == 0 || control_length(rest) != 0) {
            return false;
        }
    }
    return true;
}

} // namespace pod_detail

inline result<void> check_manifest(const manifest& wanted) {
    const auto check = [&](std::string_view name) -> result<void> {
        if (auto checked = check_name(name); !checked) {
            return fail(
                pod_detail::written_at(std::move(checked).error(), wanted.source, wanted.position));
        }
        return {};
    };
    if (auto checked = check(wanted.name); !checked) {
        return checked;
    }
    if (wanted.peers) {
        for (const std::string& peer : *wanted.peers) {
            if (auto checked = check(peer); !checked) {
                return checked;
            }
        }
    }
    if (wanted.reason &&
        (wanted.reason->size() > max_reason_length || !pod_detail::is_line(*wanted.reason))) {
        return fail(
            pod_detail::written_at({.category = errc::invalid_manifest,
                                    .message = "the reason of the pod '" + shown_text(wanted.name) +
                                               "' has to be one line of UTF-8, of at most " +
                                               std::to_string(max_reason_length) + " bytes",
                                    .subject = shown_text(*wanted.reason)},
                                   wanted.source, wanted.position));
    }
    if (wanted.allow.empty() && (!wanted.authority || wanted.authority->empty())) {
        return fail(pod_detail::written_at(
            {.category = errc::invalid_manifest,
             .message = "the pod '" + shown_text(wanted.name) +
                        "' may do nothing and delegate nothing: give it an allow rule",
             .subject = wanted.name},
            wanted.source, wanted.position));
    }
    for (const pod_detail::rule_list& list : pod_detail::lists_of(wanted)) {
        for (std::size_t i = 0; i < list.texts.size(); ++i) {
            if (list.texts[i].access == permission::none) {
                return fail(pod_detail::about_rule(
                    {.category = errc::invalid_manifest,
                     .message = "its permission is 'none', which has no effect: use read or write",
                     .subject = shown_text(list.texts[i].target)},
                    wanted, list, i));
            }
        }
    }
    return {};
}

template <resource_namespace N>
result<manifest_snapshot> resolve(const manifest& wanted, const N& names) {
    if (auto checked = check_manifest(wanted); !checked) {
        return fail(checked);
    }
    manifest_snapshot resolved;
    for (const pod_detail::rule_list& list : pod_detail::lists_of(wanted)) {
        auto& rules = resolved.*list.resolved;
        rules.reserve(list.texts.size());
        for (std::size_t i = 0; i < list.texts.size(); ++i) {
            auto target = names.resolve(list.texts[i].target);
            if (!target) {
                return fail(pod_detail::about_rule(std::move(target).error(), wanted, list, i));
            }
            rules.push_back({std::move(*target), list.texts[i].access, list.texts[i].recursive});
        }
        pod_detail::keep_once(rules);
    }
    if (!wanted.authority) {
        resolved.authority = resolved.allow;
    }
    resolved.unreachable = wanted.unreachable;
    resolved.reason = wanted.reason;
    return resolved;
}

} // namespace podscope
