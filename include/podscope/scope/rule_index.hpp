// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/key_walk.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/rule_summary.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope::scope_detail {

/// The rules of a scope as a trie of components in one hash table, for the permission at a path.
///
/// Every prefix of every rule's target is an entry, found by the hash of the prefix and proven by
/// its parent's number and its last component, so that the text compared is no longer than the
/// path. A lookup goes down from the root and ends at the first prefix that is no entry, or has no
/// entry below it. Open addressing with linear probing, at most a third full. An entry that comes
/// takes the place of one that stands nearer to where it belongs, which moves on ("Robin Hood
/// hashing", Pedro Celis, 1986): so none stands far off, and a folder that most paths pass is not
/// found the slower for what else there is. Deletion moves later entries back (Knuth, The Art of
/// Computer Programming, volume 3, algorithm 6.4R), so that no tombstone slows a lookup down
/// however many rules have come and gone.
class rule_index {
public:
    rule_index() = default;
    rule_index(const rule_index&) = default;

    /// Leaves the other one empty.
    rule_index(rule_index&& other) noexcept { swap(other); }

    rule_index& operator=(rule_index other) noexcept {
        swap(other);
        return *this;
    }

    ~rule_index() = default;

    /// Adds a rule. Linear in its target's length, amortised. If memory runs out nothing changes.
    void insert(const scope_rule& rule, effect what);

    /// Removes a rule, which must have been added. Linear in its target's length.
    void erase(const scope_rule& rule, effect what) noexcept;

    /// The permission at the resource with that key. Linear in its length, whatever the number of
    /// rules.
    [[nodiscard]] permission permission_at(std::string_view key) const noexcept;

private:
    using node_number = std::uint32_t;
    static constexpr node_number root = 0;
    static constexpr node_number nobody = std::numeric_limits<node_number>::max();

    struct node {
        std::uint64_t prefix_hash{};
        node_number parent{}; // or, of a node that is free, the next that is
        std::uint32_t children{};
        // Rules by 4 * deny + 2 * not recursive + 1 * write.
        std::array<std::uint32_t, 8> rules{};
        std::string component{};

        [[nodiscard]] bool is_needed() const noexcept {
            return children != 0 || std::ranges::any_of(rules, [](auto n) { return n != 0; });
        }
    };

    // What a lookup reads, in half a cache line.
    struct entry {
        std::uint64_t first_word{};
        std::uint64_t second_word{};
        node_number parent{nobody}; // of an empty one, which is no component's
        node_number number{};
        summary rules{};
        bool has_children{};

        [[nodiscard]] bool is_empty() const noexcept { return parent == nobody; }
    };

    void swap(rule_index& other) noexcept {
        std::swap(root_, other.root_);
        std::swap(at_root_, other.at_root_);
        nodes_.swap(other.nodes_);
        entries_.swap(other.entries_);
        std::swap(home_shift_, other.home_shift_);
        std::swap(used_, other.used_);
        std::swap(first_free_, other.first_free_);
    }

    [[nodiscard]] node& node_at(node_number number) noexcept {
        return number == root ? root_ : nodes_[number - 1];
    }

    // Of a node that is not the root.
    [[nodiscard]] const node& below_root(node_number number) const noexcept {
        return nodes_[number - 1];
    }

    // By the highest bits, which a multiplication mixes best.
    [[nodiscard]] std::size_t home(std::uint64_t prefix_hash) const noexcept {
        return static_cast<std::size_t>(prefix_hash >> home_shift_);
    }

    [[nodiscard]] std::size_t home_of(const entry& e) const noexcept {
        return home(below_root(e.number).prefix_hash);
    }

    [[nodiscard]] std::size_t after(std::size_t place) const noexcept {
        return (place + 1) & (entries_.size() - 1);
    }

    // How many places further on, round the end.
    [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const noexcept {
        return (to - from) & (entries_.size() - 1);
    }

    // The entry of a component, if there is one. Not in a table without entries.
    [[nodiscard]] const entry* find(node_number parent,
                                    const key_component& component,
                                    std::uint64_t prefix_hash) const noexcept;
    template <class Is>
    [[nodiscard]] const entry* find_if(std::uint64_t prefix_hash, Is is) const noexcept;

    // Apart from `find`, in which a comparison of texts would cost every name its registers.
    [[nodiscard, gnu::noinline]] const entry* find_long(node_number parent,
                                                        std::string_view component,
                                                        std::uint64_t prefix_hash) const noexcept {
        return find_if(prefix_hash, [&](const entry& e) {
            return e.parent == parent && below_root(e.number).component == component;
        });
    }

    [[nodiscard]] node_number
    add_node(node_number parent, const key_component& component, std::uint64_t prefix_hash);
    void place(entry e) noexcept;
    void remove_entry(node_number number) noexcept;
    void make_room();
    void prune(node_number number) noexcept;
    void summarise(node_number number) noexcept;
    [[nodiscard]] entry& entry_of(node_number number) noexcept;

    [[nodiscard]] static std::size_t sort_of(const scope_rule& rule, effect what) noexcept {
        return (what == effect::deny ? 4U : 0U) + (rule.recursive ? 0U : 2U) +
               (rule.access == permission::write ? 1U : 0U);
    }

    [[nodiscard]] static summary summary_of(const node& n) noexcept;

    node root_{};
    summary at_root_{};
    std::vector<node> nodes_{};    // number 1 first
    std::vector<entry> entries_{}; // as many as a power of two, or none
    unsigned home_shift_{};        // 64 less that power
    std::size_t used_{};           // entries that are not empty
    node_number first_free_{root}; // the root is never free: none is
};

inline permission rule_index::permission_at(std::string_view key) const noexcept {
    summary here = at_root_;
    summary above{};
    unsigned bits = here.for_tree();
    bool has_children = used_ != 0;
    node_number number = root;
    key_walk walk{key};
    while (!walk.at_end()) {
        if (!has_children) {
            const bool applies = here.for_near() != 0 && walk.is_before_last();
            return summary::left(applies ? bits | here.for_near() : bits);
        }
        const key_component component = walk.take();
        const entry* found = find(number, component, walk.prefix_hash());
        if (found == nullptr) {
            return summary::left(walk.at_end() ? bits | here.for_near() : bits);
        }
        above = here;
        here = found->rules;
        bits |= here.for_tree();
        has_children = found->has_children;
        number = found->number;
    }
    return summary::left(bits | here.for_near() | above.for_near());
}

inline const rule_index::entry* rule_index::find(node_number parent,
                                                 const key_component& component,
                                                 std::uint64_t prefix_hash) const noexcept {
    if (component.is_long()) {
        return find_long(parent, component.text, prefix_hash);
    }
    return find_if(prefix_hash, [&](const entry& e) {
        return e.first_word == component.first_word && e.second_word == component.second_word &&
               e.parent == parent;
    });
}

template <class Is>
const rule_index::entry* rule_index::find_if(std::uint64_t prefix_hash, Is is) const noexcept {
    for (std::size_t i = home(prefix_hash);; i = after(i)) {
        if (is(entries_[i])) {
            return &entries_[i];
        }
        if (entries_[i].is_empty()) {
            return nullptr;
        }
    }
}

inline summary rule_index::summary_of(const node& n) noexcept {
    summary s;
    const auto add_if_any = [&](std::size_t sort, effect what, permission access, bool recursive) {
        if (n.rules[sort] != 0) {
            s.add(what, access, recursive);
        }
    };
    add_if_any(0, effect::grant, permission::read, true);
    add_if_any(1, effect::grant, permission::write, true);
    add_if_any(2, effect::grant, permission::read, false);
    add_if_any(3, effect::grant, permission::write, false);
    add_if_any(4, effect::deny, permission::read, true);
    add_if_any(5, effect::deny, permission::write, true);
    add_if_any(6, effect::deny, permission::read, false);
    add_if_any(7, effect::deny, permission::write, false);
    return s;
}

inline void rule_index::insert(const scope_rule& rule, effect what) {
    if (rule.access == permission::none) {
        return; // grants nothing, takes nothing
    }
    node_number number = root;
    try {
        for (key_walk walk{rule.target.key()}; !walk.at_end();) {
            const key_component component = walk.take();
            const entry* found = used_ == 0 ? nullptr : find(number, component, walk.prefix_hash());
            number =
                found != nullptr ? found->number : add_node(number, component, walk.prefix_hash());
        }
    } catch (...) {
        prune(number);
        throw;
    }
    ++node_at(number).rules[sort_of(rule, what)];
    summarise(number);
}

inline void rule_index::erase(const scope_rule& rule, effect what) noexcept {
    if (rule.access == permission::none) {
        return;
    }
    node_number number = root;
    for (key_walk walk{rule.target.key()}; !walk.at_end();) {
        const key_component component = walk.take();
        number = find(number, component, walk.prefix_hash())->number;
    }
    --node_at(number).rules[sort_of(rule, what)];
    summarise(number);
    prune(number);
}

inline rule_index::node_number rule_index::add_node(node_number parent,
                                                    const key_component& component,
                                                    std::uint64_t prefix_hash) {
    node added{
        .prefix_hash = prefix_hash, .parent = parent, .component = std::string{component.text}};
    make_room();
    node_number number = first_free_;
    if (number == root) {
        nodes_.push_back(std::move(added));
        number = static_cast<node_number>(nodes_.size());
    } else {
        first_free_ = node_at(number).parent;
        node_at(number) = std::move(added);
    }
    const entry e{.first_word = component.first_word,
                  .second_word = component.second_word,
                  .parent = parent,
                  .number = number};
    place(e);
    ++used_;
    if (node_at(parent).children++ == 0 && parent != root) {
        entry_of(parent).has_children = true;
    }
    return number;
}

inline void rule_index::make_room() {
    if ((used_ + 1) * 3 <= entries_.size()) {
        return;
    }
    std::vector<entry> old(std::max<std::size_t>(8, entries_.size() * 2));
    old.swap(entries_);
    home_shift_ = 64U - static_cast<unsigned>(std::countr_zero(entries_.size()));
    for (const entry& e : old) {
        if (!e.is_empty()) {
            place(e);
        }
    }
}

inline void rule_index::place(entry e) noexcept {
    std::size_t i = home_of(e);
    for (std::size_t from_home = 0; !entries_[i].is_empty(); i = after(i), ++from_home) {
        if (const auto of_other = distance(home_of(entries_[i]), i); of_other < from_home) {
            std::swap(e, entries_[i]);
            from_home = of_other;
        }
    }
    entries_[i] = e;
}

inline rule_index::entry& rule_index::entry_of(node_number number) noexcept {
    std::size_t i = home(below_root(number).prefix_hash);
    while (entries_[i].number != number) {
        i = after(i);
    }
    return entries_[i];
}

inline void rule_index::remove_entry(node_number number) noexcept {
    auto hole = static_cast<std::size_t>(&entry_of(number) - entries_.data());
    for (std::size_t i = after(hole); !entries_[i].is_empty(); i = after(i)) {
        // Whether the hole lies on the way from the wanted place to the present one.
        if (distance(home_of(entries_[i]), i) >= distance(hole, i)) {
            entries_[hole] = entries_[i];
            hole = i;
        }
    }
    entries_[hole] = entry{};
    --used_;
}

inline void rule_index::summarise(node_number number) noexcept {
    const summary s = summary_of(node_at(number));
    if (number == root) {
        at_root_ = s;
    } else {
        entry_of(number).rules = s;
    }
}

inline void rule_index::prune(node_number number) noexcept {
    while (number != root && !node_at(number).is_needed()) {
        remove_entry(number);
        node& gone = node_at(number);
        const node_number parent = gone.parent;
        gone.parent = first_free_;
        first_free_ = number;
        number = parent;
        if (--node_at(number).children == 0 && number != root) {
            entry_of(number).has_children = false;
        }
    }
}

} // namespace podscope::scope_detail
