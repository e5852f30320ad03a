// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope_bench {

/// A scope as a vector that is sorted by the rules' normalised targets, with one binary search for
/// each ancestor of a path: what somebody writes who has found the linear scan too slow.
///
/// A fair reference: the rules of one target are one entry that says what they come to, so that no
/// search finds more than one; the searches go from the root down, each in what the one before has
/// left over, and end where no rule stands deeper; nothing is allocated or copied. It pays the
/// logarithm of the number of rules for each component where the library pays one look into a hash
/// table; to add or remove a rule, which it does not offer, would cost it a move of the vector.
class sorted_vector_scope {
public:
    sorted_vector_scope(std::span<const podscope::scope_rule> allow,
                        std::span<const podscope::scope_rule> deny) {
        entries_.reserve(allow.size() + deny.size());
        for (const auto& rule : allow) {
            auto& added = entries_.emplace_back(std::string{rule.target.key()});
            (rule.recursive ? added.tree : added.near).granted = rule.access;
        }
        for (const auto& rule : deny) {
            auto& added = entries_.emplace_back(std::string{rule.target.key()});
            (rule.recursive ? added.tree : added.near).left = podscope::left_by_deny(rule.access);
        }
        std::ranges::sort(entries_, {}, &entry::key);
        merge_equal_targets();
    }

    [[nodiscard]] podscope::permission
    permission_at(const podscope::resource& place) const noexcept {
        return permission_at_key(place.key());
    }

    /// The permission at the place with that key, as resource::key gives it.
    [[nodiscard]] podscope::permission permission_at_key(std::string_view key) const noexcept {
        effect sum;
        auto from = entries_.begin();
        for (std::size_t length = 0;;) {
            const std::string_view prefix = key.substr(0, length);
            from = std::lower_bound(
                from, entries_.end(), prefix,
                [](const entry& e, std::string_view wanted) { return e.key < wanted; });
            if (from == entries_.end() || !from->key.starts_with(prefix)) {
                break; // no rule here, and none below
            }
            const std::size_t next = next_length(key, length);
            if (from->key.size() == length) {
                sum.add(from->tree);
                // Covers the target and its children: this prefix is the place or its parent.
                if (next == key.size()) {
                    sum.add(from->near);
                }
                ++from;
            }
            if (length == key.size()) {
                break;
            }
            length = next;
        }
        return std::min(sum.granted, sum.left);
    }

private:
    /// What rules come to: the highest grant, and the least that a deny leaves.
    struct effect {
        podscope::permission granted{podscope::permission::none};
        podscope::permission left{podscope::permission::write};

        void add(const effect& other) noexcept {
            granted = std::max(granted, other.granted);
            left = std::min(left, other.left);
        }
    };

    struct entry {
        explicit entry(std::string at) : key{std::move(at)} {}

        std::string key;
        effect tree{}; // of the recursive rules
        effect near{}; // of the others
    };

    // The length of the prefix that is one component longer; that of the key at its end.
    [[nodiscard]] static std::size_t next_length(std::string_view key,
                                                 std::size_t length) noexcept {
        const auto end = key.find(podscope::resource::terminator, length);
        return end == std::string_view::npos ? key.size() : end + 1;
    }

    void merge_equal_targets() {
        std::vector<entry> merged;
        merged.reserve(entries_.size());
        for (entry& one : entries_) {
            if (!merged.empty() && merged.back().key == one.key) {
                merged.back().tree.add(one.tree);
                merged.back().near.add(one.near);
            } else {
                merged.push_back(std::move(one));
            }
        }
        entries_ = std::move(merged);
    }

    std::vector<entry> entries_{};
};

} // namespace podscope_bench
