// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/result.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace podscope {

/// A normalised place in a hierarchical namespace: a list of components.
///
/// Only a resource namespace makes one from a text, so that two resources that compare unequal are
/// different places. It is held as its key: every component followed by one NUL byte. No component
/// is empty or holds a NUL, hence
///  - the key of an ancestor is a prefix of the keys of all its descendants, and of nothing else
///    (`/a/b` is no prefix of `/a/bc`),
///  - keys in byte order are resources in component order, so that a subtree is one key range.
class resource {
public:
    static constexpr char terminator = '\0';

    /// The root of the namespace: no components.
    resource() = default;

    /// Takes a key as `key()` gave it. Refuses any other byte string as corrupt.
    [[nodiscard]] static result<resource> from_key(std::string key) {
        constexpr std::string_view no_component{"\0\0", 2};
        const bool ends_whole = key.empty() || key.back() == terminator;
        const bool has_empty =
            key.starts_with(terminator) || key.find(no_component) != std::string::npos;
        if (!ends_whole || has_empty) {
            return fail({.category = errc::corrupt,
                         .message = "a stored target is not a list of components"});
        }
        resource r;
        r.key_ = std::move(key);
        return r;
    }

    /// The resource one component below. `component` must be non-empty and free of NUL: for the
    /// authors of namespaces, who have split the text already.
    [[nodiscard]] resource child(std::string_view component) const {
        resource r = *this;
        r.push(component);
        return r;
    }

    /// Descends in place, as `child` does.
    void push(std::string_view component) {
        key_.append(component);
        key_.push_back(terminator);
    }

    /// Ascends in place; the root stays the root.
    void pop() noexcept { key_.resize(parent_key(key_).size()); }

    [[nodiscard]] std::string_view key() const noexcept { return key_; }

    [[nodiscard]] bool is_root() const noexcept { return key_.empty(); }

    /// The number of components. Linear in the key's length.
    [[nodiscard]] std::size_t depth() const noexcept {
        return static_cast<std::size_t>(std::count(key_.begin(), key_.end(), terminator));
    }

    /// Whether `other` is this resource or lies below it.
    [[nodiscard]] bool contains(const resource& other) const noexcept {
        return std::string_view{other.key_}.starts_with(key_);
    }

    /// Whether `other` lies exactly one component below this resource.
    [[nodiscard]] bool is_parent_of(const resource& other) const noexcept {
        return !other.is_root() && parent_key(other.key_) == key_;
    }

    /// Calls `f(component)` for each component from the root down.
    template <class F>
    void for_each_component(F&& f) const {
        for (std::string_view rest = key_; !rest.empty();) {
            const auto length = rest.find(terminator);
            f(rest.substr(0, length));
            rest.remove_prefix(length + 1);
        }
    }

    /// The key of the parent of the resource with that key; the root's parent is the root.
    [[nodiscard]] static std::string_view parent_key(std::string_view key) noexcept {
        if (key.empty()) {
            return key;
        }
        const auto last = key.substr(0, key.size() - 1).rfind(terminator);
        return last == std::string_view::npos ? std::string_view{} : key.substr(0, last + 1);
    }

    friend bool operator==(const resource&, const resource&) = default;
    friend std::strong_ordering operator<=>(const resource&, const resource&) = default;

private:
    std::string key_;
};

} // namespace podscope
