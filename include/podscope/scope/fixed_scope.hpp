// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/scope/fixed_rule.hpp>
#include <podscope/scope/key_walk.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/permission.hpp>
#include <podscope/scope/resource.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/rule_summary.hpp>
#include <podscope/scope/scope.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podscope {

namespace scope_detail {

/// Not a fold, of which clang takes no more than 256 levels.
[[nodiscard]] constexpr std::size_t total(std::initializer_list<std::size_t> sizes) noexcept {
    std::size_t sum = 0;
    for (const std::size_t size : sizes) {
        sum += size;
    }
    return sum;
}

} // namespace scope_detail

/// A scope of paths that is known when the program is compiled, and compiled with it:
///
///     inline constexpr auto mine = podscope::fixed_scope{
///         podscope::fixed::may_read("/ws"),
///         podscope::fixed::may_write("/ws/src"),
///         podscope::fixed::may_not_write("/ws/src/gen"),
///     };
///     static_assert(mine.permission_at("/ws/src/a.cpp") == podscope::permission::write);
///
/// It decides as a `scope` of the same allow rules and base deny layers does, and costs nothing
/// when the program starts: it is constant data that holds no pointer. Targets are those of
/// lexical_path, so that nothing follows a symbolic link. A target that names no place is an error
/// of compilation.
///
/// `Rules` is the number of rules, `Bytes` that of their texts together: both follow from the
/// rules. Takes 60 to 110 bytes for each rule besides the texts. Compiling costs time linear in the
/// texts; clang's default for -fconstexpr-steps is enough for some 200 rules of 50 bytes. The
/// object never changes, so that any number of threads may ask it.
template <std::size_t Rules, std::size_t Bytes>
class fixed_scope {
public:
    /// Compiles the rules, in any order.
    template <std::size_t... Sizes>
        requires(sizeof...(Sizes) == Rules &&
                 scope_detail::total({Sizes...}) == Bytes + sizeof...(Sizes))
    consteval explicit fixed_scope(const fixed_rule<Sizes>&... rules) {
        keep({kept_rule{rules.key(), rules.what(), rules.access(), rules.is_recursive()}...});
        fill_table();
        link_table();
    }

    /// The permission at the place to which lexical_path resolves a text; none for a text that
    /// names no place. Linear in its length, allocates nothing.
    [[nodiscard]] constexpr permission permission_at(std::string_view path) const noexcept {
        std::array<char, lexical_path::max_length> buffer; // as far as it is read it is written
        const auto key = scope_detail::write_key(path, buffer.data());
        return key.fault == scope_detail::path_fault::none
                   ? permission_at_key({buffer.data(), key.size})
                   : permission::none;
    }

    /// The permission at a place.
    [[nodiscard]] permission permission_at(const resource& place) const noexcept {
        return permission_at_key(place.key());
    }

    /// The same for a place's key, as resource::key gives it. Linear in its length, whatever the
    /// number of rules; allocates nothing.
    [[nodiscard]] constexpr permission permission_at_key(std::string_view key) const noexcept;

    /// Whether the permission at the place that a text names is at least `access`; a text that
    /// names none allows nothing but `none`.
    [[nodiscard]] constexpr bool allows(std::string_view path, permission access) const noexcept {
        return permission_at(path) >= access;
    }

    /// Whether the permission at a place is at least `access`.
    [[nodiscard]] bool allows(const resource& place, permission access) const noexcept {
        return permission_at(place) >= access;
    }

    /// The allow rules, in the order in which they were given.
    [[nodiscard]] std::vector<scope_rule> allow() const {
        return rules_that(scope_detail::effect::grant);
    }

    /// The deny rules, in the order in which they were given: those of base layers.
    [[nodiscard]] std::vector<scope_rule> deny() const {
        return rules_that(scope_detail::effect::deny);
    }

    /// The same scope as an ordinary one, which can be changed and explains itself.
    [[nodiscard]] scope to_scope() const {
        std::vector<deny_layer> layers;
        for (scope_rule& denied : deny()) {
            layers.push_back({std::move(denied), std::nullopt});
        }
        return scope{allow(), layers};
    }

    /// A manifest with these rules besides its own: `mine.added_to(manifest{"planner"})`. The
    /// runtime that is given it resolves the targets once more, by its own namespace:
    /// canonical_path then follows the links on the way.
    template <class Manifest>
        requires requires(Manifest& m, const std::string& target) {
            m.may({.target = target, .access = permission::read, .recursive = true});
            m.may_not({.target = target, .access = permission::read, .recursive = true});
        }
    [[nodiscard]] Manifest added_to(Manifest wanted) const {
        for (const rule& each : rules_) {
            const lexical_path names;
            if (each.what == scope_detail::effect::grant) {
                wanted.may({.target = names.display(target_of(each)),
                            .access = each.access,
                            .recursive = each.recursive});
            } else {
                wanted.may_not({.target = names.display(target_of(each)),
                                .access = each.access,
                                .recursive = each.recursive});
            }
        }
        return wanted;
    }

private:
    struct kept_rule {
        std::string_view key{};
        scope_detail::effect what{};
        permission access{};
        bool recursive{};
    };

    struct rule {
        std::uint32_t begin{}; // of its target's key, in `keys_`
        std::uint32_t size{};  // of that key
        scope_detail::effect what{};
        permission access{};
        bool recursive{};
    };

    // A target other than the root. Found by the hash of its key, and proven by the entry above it
    // and the text from there on, so that no text is compared twice on the way down a path.
    struct entry {
        std::uint64_t prefix_hash{};
        std::uint32_t begin{};
        std::uint32_t size{};  // 0 in an entry that is empty
        std::uint32_t above{}; // one more than the place of the deepest entry above it, or none
        scope_detail::summary rules{};
    };

    // At most half full.
    static constexpr std::size_t table_size = std::bit_ceil(2 * std::max<std::size_t>(Rules, 1));

    // By the highest bits, which a multiplication mixes best.
    [[nodiscard]] static constexpr std::size_t home(std::uint64_t prefix_hash) noexcept {
        return static_cast<std::size_t>(prefix_hash >> (64U - std::countr_zero(table_size)));
    }

    [[nodiscard]] static constexpr std::size_t after(std::size_t place) noexcept {
        return (place + 1) & (table_size - 1);
    }

    // The key of a rule or an entry.
    [[nodiscard]] constexpr std::string_view key_of(const auto& of) const noexcept {
        return {keys_.data() + of.begin, of.size};
    }

    consteval void keep(std::initializer_list<kept_rule> given) {
        std::uint32_t end = 0;
        std::size_t number = 0;
        for (const kept_rule& each : given) {
            const auto size = static_cast<std::uint32_t>(each.key.size());
            std::copy(each.key.begin(), each.key.end(), keys_.begin() + end);
            rules_[number++] = {end, size, each.what, each.access, each.recursive};
            end += size;
        }
    }

    consteval void fill_table() {
        for (const rule& each : rules_) {
            const auto key = key_of(each);
            if (key.empty()) {
                at_root_.add(each.what, each.access, each.recursive);
                continue;
            }
            scope_detail::key_walk walk{key};
            while (!walk.at_end()) {
                (void)walk.take();
            }
            entry& found = table_[place_of(walk.prefix_hash(), key)];
            found.prefix_hash = walk.prefix_hash();
            found.begin = each.begin;
            found.size = each.size;
            found.rules.add(each.what, each.access, each.recursive);
            longest_ = std::max(longest_, key.size());
        }
    }

    consteval void link_table() {
        for (entry& each : table_) {
            const auto key = key_of(each);
            std::size_t walked = 0;
            for (scope_detail::key_walk walk{key}; !walk.at_end();) {
                walked += walk.take().text.size() + 1;
                const auto place = place_of(walk.prefix_hash(), key.substr(0, walked));
                if (!walk.at_end() && table_[place].size != 0) {
                    each.above = static_cast<std::uint32_t>(place + 1);
                }
            }
        }
    }

    // Where the entry of a key is, or where it would be.
    [[nodiscard]] consteval std::size_t place_of(std::uint64_t hash, std::string_view key) const {
        std::size_t place = home(hash);
        while (table_[place].size != 0 && key_of(table_[place]) != key) {
            place = after(place);
        }
        return place;
    }

    [[nodiscard]] resource target_of(const rule& of) const {
        return *resource::from_key(std::string{key_of(of)});
    }

    [[nodiscard]] std::vector<scope_rule> rules_that(scope_detail::effect what) const {
        std::vector<scope_rule> found;
        for (const rule& each : rules_) {
            if (each.what == what) {
                found.push_back({target_of(each), each.access, each.recursive});
            }
        }
        return found;
    }

    std::array<char, Bytes> keys_{};
    std::array<rule, Rules> rules_{};
    std::array<entry, table_size> table_{};
    scope_detail::summary at_root_{};
    std::size_t longest_{}; // the size of the longest key
};

template <std::size_t... Sizes>
fixed_scope(const fixed_rule<Sizes>&...)
    -> fixed_scope<sizeof...(Sizes), scope_detail::total({Sizes...}) - sizeof...(Sizes)>;

template <std::size_t Rules, std::size_t Bytes>
constexpr permission
fixed_scope<Rules, Bytes>::permission_at_key(std::string_view key) const noexcept {
    scope_detail::summary here = at_root_;
    scope_detail::summary above{};
    unsigned bits = here.for_tree();
    std::size_t proven = 0;    // how much of the key is that of the deepest entry so far
    std::uint32_t deepest = 0; // and one more than its place
    std::size_t walked = 0;
    scope_detail::key_walk walk{key};
    while (!walk.at_end()) {
        if (walked >= longest_) { // below is no entry
            const bool applies = here.for_near() != 0 && walk.is_before_last();
            return scope_detail::summary::left(applies ? bits | here.for_near() : bits);
        }
        walked += walk.take().text.size() + 1;
        above = std::exchange(here, {});
        const std::uint64_t hash = walk.prefix_hash();
        for (std::size_t place = home(hash); table_[place].size != 0; place = after(place)) {
            const entry& e = table_[place];
            if (e.prefix_hash == hash && e.size == walked && e.above == deepest &&
                key_of(e).substr(proven) == key.substr(proven, walked - proven)) {
                here = e.rules;
                bits |= here.for_tree();
                proven = walked;
                deepest = static_cast<std::uint32_t>(place + 1);
                break;
            }
        }
    }
    return scope_detail::summary::left(bits | here.for_near() | above.for_near());
}

} // namespace podscope
