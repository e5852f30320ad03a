// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "path_text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_bench {

/// A write rule. The target is an absolute, normal path in UTF-8, which is all that JSON can hold.
struct plain_rule {
    std::string target{};
    bool recursive{true};

    [[nodiscard]] bool covers(std::string_view place) const noexcept {
        return is_at_or_below(target, place) &&
               (recursive || place.size() == target.size() || is_child_of(target, place));
    }

    friend bool operator==(const plain_rule&, const plain_rule&) = default;
};

/// What a pod has handed to a child, and may not write itself meanwhile.
struct plain_layer {
    std::string child{};
    plain_rule rule{};

    friend bool operator==(const plain_layer&, const plain_layer&) = default;
};

/// Whose a pod is, and whom one would ask whether it lives.
struct plain_process {
    std::int64_t pid{};
    std::int64_t started{}; ///< in ticks after the boot: tells it from a later one of its number

    friend bool operator==(const plain_process&, const plain_process&) = default;
};

struct plain_pod {
    std::string name{};
    std::string parent{}; ///< empty for a root
    plain_process owner{};
    std::vector<plain_rule> write{};
    std::vector<plain_layer> layers{};

    friend bool operator==(const plain_pod&, const plain_pod&) = default;
};

enum class plain_outcome : std::uint8_t { done, unknown_pod, duplicate_name, conflict };

/// The table of live pods as the plain scheme has it in memory, and its form as JSON: a list of
/// `{"name": …, "parent": …, "pid": …, "started": …, "write": [rule, …], "layers": [child, rule,
/// …]}`, where a rule is `/a/**` if it is recursive and `/a/*` if not.
///
/// All searches read the whole list, as there is nothing else that a table that was just
/// parsed could be asked.
class plain_table {
public:
    /// In plain_table_json.hpp, as is the next one. Throws std::runtime_error for any other text.
    [[nodiscard]] static plain_table from_json(std::string_view text);
    void to_json(std::string& text) const;

    [[nodiscard]] const std::vector<plain_pod>& pods() const noexcept { return pods_; }

    [[nodiscard]] const plain_pod* find(std::string_view name) const noexcept {
        const auto at = std::ranges::find(pods_, name, &plain_pod::name);
        return at == pods_.end() ? nullptr : &*at;
    }

    /// The pods that may write where the rules do, in the order of the table; not counting one on
    /// whose behalf the rules are asked for.
    [[nodiscard]] std::vector<std::string> conflict_search(std::span<const plain_rule> rules,
                                                           std::string_view on_behalf_of) const {
        std::vector<std::string> found;
        for (const plain_pod& pod : pods_) {
            if (pod.name != on_behalf_of && competes(pod, rules)) {
                found.push_back(pod.name);
            }
        }
        return found;
    }

    [[nodiscard]] bool may_write(std::string_view name, std::string_view place) const noexcept {
        const plain_pod* const pod = find(name);
        return pod != nullptr &&
               std::ranges::any_of(pod->write,
                                   [&](const plain_rule& rule) { return rule.covers(place); }) &&
               std::ranges::none_of(
                   pod->layers, [&](const plain_layer& layer) { return layer.rule.covers(place); });
    }

    /// Adds a pod that has its rules from nobody's.
    [[nodiscard]] plain_outcome add(plain_pod added) {
        return free_for(added.name, added.write, {}, [&] { pods_.push_back(std::move(added)); });
    }

    /// Adds a child, and a layer for each of its rules on its parent.
    [[nodiscard]] plain_outcome delegate(plain_pod child) {
        const auto parent = std::ranges::find(pods_, child.parent, &plain_pod::name);
        if (parent == pods_.end()) {
            return plain_outcome::unknown_pod;
        }
        return free_for(child.name, child.write, child.parent, [&] {
            for (const plain_rule& rule : child.write) {
                parent->layers.push_back({child.name, rule});
            }
            pods_.push_back(std::move(child));
        });
    }

    /// Removes a pod and the layers on its parent. What it had handed on itself, its parent has
    /// then.
    [[nodiscard]] plain_outcome remove(std::string_view name) {
        const auto at = std::ranges::find(pods_, name, &plain_pod::name);
        if (at == pods_.end()) {
            return plain_outcome::unknown_pod;
        }
        const plain_pod gone = std::move(*at);
        pods_.erase(at);
        const auto parent = std::ranges::find(pods_, gone.parent, &plain_pod::name);
        if (parent != pods_.end()) {
            std::erase_if(parent->layers,
                          [&](const plain_layer& layer) { return layer.child == gone.name; });
            parent->layers.insert(parent->layers.end(), gone.layers.begin(), gone.layers.end());
        }
        if (!gone.layers.empty()) {
            for (plain_pod& pod : pods_) {
                if (pod.parent == gone.name) {
                    pod.parent = gone.parent;
                }
            }
        }
        return plain_outcome::done;
    }

private:
    template <class F>
    [[nodiscard]] plain_outcome free_for(std::string_view name,
                                         std::span<const plain_rule> rules,
                                         std::string_view on_behalf_of,
                                         F&& enter) {
        if (find(name) != nullptr) {
            return plain_outcome::duplicate_name;
        }
        if (!conflict_search(rules, on_behalf_of).empty()) {
            return plain_outcome::conflict;
        }
        enter();
        return plain_outcome::done;
    }

    [[nodiscard]] static bool competes(const plain_pod& pod,
                                       std::span<const plain_rule> rules) noexcept {
        for (const plain_rule& own : pod.write) {
            for (const plain_rule& wanted : rules) {
                if (meet(own, wanted) && !is_handed_on(pod, own, wanted)) {
                    return true;
                }
            }
        }
        return false;
    }

    // Two rules meet where the deeper one starts, or nowhere.
    [[nodiscard]] static bool meet(const plain_rule& a, const plain_rule& b) noexcept {
        return a.target.size() <= b.target.size() ? a.covers(b.target) : b.covers(a.target);
    }

    // Whether one layer covers all that two rules that meet have in common. No two layers do it
    // together: a folder may always get one more child than they name.
    [[nodiscard]] static bool
    is_handed_on(const plain_pod& pod, const plain_rule& a, const plain_rule& b) noexcept {
        const plain_rule& upper = a.target.size() <= b.target.size() ? a : b;
        const plain_rule& lower = &upper == &a ? b : a;
        // Two rules at one target have in common what the narrower one covers; else it is all of
        // the lower rule, or its target alone if the upper one is not recursive.
        const bool same = upper.target.size() == lower.target.size();
        const bool is_point = !upper.recursive && !same;
        const bool is_tree = same ? a.recursive && b.recursive : lower.recursive;
        return std::ranges::any_of(pod.layers, [&](const plain_layer& layer) {
            const plain_rule& rule = layer.rule;
            if (is_point) {
                return rule.covers(lower.target);
            }
            if (rule.recursive) {
                return is_at_or_below(rule.target, lower.target);
            }
            return !is_tree && rule.target == lower.target;
        });
    }

    friend class plain_table_reader;

    std::vector<plain_pod> pods_{};
};

} // namespace podscope_bench
