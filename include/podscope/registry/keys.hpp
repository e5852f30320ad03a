// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/error.hpp>
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

[[nodiscard]] inline std::string name_prefix(std::string_view pod) {
    std::string key{pod};
    key.push_back(end);
    return key;
}

/// All claims whose target is exactly the resource with that key.
[[nodiscard]] inline std::string claims_at(std::string_view resource_key) {
    std::string key{resource_key};
    key.push_back(end);
    return key;
}

[[nodiscard]] inline std::string claim(std::string_view pod, const scope_rule& rule) {
    std::string key = claims_at(rule.target.key());
    key += pod;
    key.push_back(end);
    key.push_back(rule.recursive ? 't' : 'c');
    return key;
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
    constexpr std::string_view mark{"\0\0", 2};
    claimed read;
    std::string_view rest = key;
    if (!key.starts_with(end)) { // of a place other than the root
        const auto target_ends = std::min(key.find(mark), key.size() - 1) + 1;
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
    std::string key = name_prefix(pod);
    key += resource_key;
    key.push_back(end);
    return key;
}

[[nodiscard]] inline std::string layer(std::string_view pod, const deny_layer& one) {
    std::string key = layers_at(pod, one.rule.target.key());
    if (one.delegation) {
        key += one.delegation->child;
        key.push_back(end);
        key += std::to_string(static_cast<std::uint64_t>(one.delegation->granted));
    }
    key.push_back(end);
    key.push_back(one.rule.recursive ? 't' : 'c');
    key += to_string(one.rule.access);
    return key;
}

[[nodiscard]] inline std::string child(std::string_view parent, std::string_view name) {
    std::string key = name_prefix(parent);
    key += name;
    return key;
}

/// The first key after all that start with the key of a resource other than the root.
[[nodiscard]] inline std::string after_subtree(std::string_view resource_key) {
    std::string key{resource_key};
    key.back() = end + 1;
    return key;
}

} // namespace podscope::registry_keys
