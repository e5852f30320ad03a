// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
#include <podscope/joined.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// The keys of the registry's tables.
///
/// A name ends with a NUL, which no name holds. A resource's key is followed by one more NUL: since
/// no component is empty, the pair of NULs marks its end, so that the rows at a resource are one
/// key range and the rows at or below it are a wider one.
namespace podscope::registry_keys {

inline constexpr char end = '\0';
inline constexpr std::string_view mark{&end, 1};

[[nodiscard]] inline std::string name_prefix(std::string_view pod) {
    return joined({pod, mark});
}

/// What ends the key of a rule: how far it reaches.
[[nodiscard]] inline std::string_view reach_of(const scope_rule& rule) noexcept {
    return rule.recursive ? "t" : "c";
}

/// All claims whose target is exactly the resource with that key.
[[nodiscard]] inline std::string claims_at(std::string_view resource_key) {
    return joined({resource_key, mark});
}

[[nodiscard]] inline std::string claim(std::string_view pod, const scope_rule& rule) {
    return joined({rule.target.key(), mark, pod, mark, reach_of(rule)});
}

/// What the key of a claim says, as parts of it.
struct claimed {
    std::string_view target_key{};
    std::string_view pod{};
    bool recursive{};

    /// Errors: `corrupt`.
    [[nodiscard]] result<scope_rule> rule() const {
        auto target = resource::from_key(std::string{target_key});
        if (!target) {
            return fail(target);
        }
        return scope_rule{*std::move(target), permission::write, recursive};
    }
};

/// Reads a key that `claim` made.
///
/// Errors: `corrupt`.
[[nodiscard]] inline result<claimed> read_claim(std::string_view key) {
    constexpr std::string_view marks{"\0\0", 2};
    claimed read;
    std::string_view rest = key;
    if (!key.starts_with(end)) { // of a place other than the root
        const auto target_ends = std::min(key.find(marks), key.size() - 1) + 1;
        read.target_key = key.substr(0, target_ends);
        rest.remove_prefix(target_ends);
    }
    // What is left is a mark, the pod, a mark, and the reach.
    const bool is_whole = rest.size() >= 4 && rest.find(end, 1) == rest.size() - 2 &&
                          (rest.back() == 't' || rest.back() == 'c');
    if (!is_whole) {
        return fail({.category = errc::corrupt,
                     .message = "the registry holds a claim whose key says neither pod nor place"});
    }
    read.pod = rest.substr(1, rest.size() - 3);
    read.recursive = rest.back() == 't';
    return read;
}

/// All deny layers of a pod whose target is exactly the resource with that key.
[[nodiscard]] inline std::string layers_at(std::string_view pod, std::string_view resource_key) {
    return joined({pod, mark, resource_key, mark});
}

/// Makes such a key, or one of `claims_at`, one for the parent of the resource that it is for.
inline void ascend(std::string& rows_at, std::string_view resource_key) {
    const auto component = resource_key.size() - resource::parent_key(resource_key).size();
    rows_at.resize(rows_at.size() - component);
    rows_at.back() = end;
}

[[nodiscard]] inline std::string layer(std::string_view pod, const deny_layer& one) {
    const scope_rule& rule = one.rule;
    if (!one.delegation) {
        return joined(
            {pod, mark, rule.target.key(), mark, mark, reach_of(rule), to_string(rule.access)});
    }
    const auto granted = std::to_string(static_cast<std::uint64_t>(one.delegation->granted));
    return joined({pod, mark, rule.target.key(), mark, one.delegation->child, mark, granted, mark,
                   reach_of(rule), to_string(rule.access)});
}

[[nodiscard]] inline std::string child(std::string_view parent, std::string_view name) {
    return joined({parent, mark, name});
}

/// The first key after all that start with the key of a resource other than the root.
[[nodiscard]] inline std::string after_subtree(std::string_view resource_key) {
    std::string key{resource_key};
    key.back() = end + 1;
    return key;
}

} // namespace podscope::registry_keys
